"""Loads the Lua scripts beside it: each is one atomic round trip to Redis. Their headers say what they do."""

from pathlib import Path

from redis import Redis
from redis.commands.core import Script

FOLDER = Path(__file__).parent / "lua"


class Scripts:
    """One attribute for each file of `lua/`, run as `scripts.accept(keys=[...], args=[...])`."""

    def __init__(self, redis: Redis) -> None:
        for file in FOLDER.glob("*.lua"):
            setattr(self, file.stem, redis.register_script(file.read_text()))

    def __getattr__(self, name: str) -> Script:
        raise AttributeError(f"no script chat/store/lua/{name}.lua")
