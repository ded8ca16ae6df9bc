"""Loads the Lua scripts in `lua/`. Each runs atomically in one round trip to Redis; its header says what it does."""

from pathlib import Path

from redis import Redis
from redis.commands.core import Script

FOLDER = Path(__file__).parent / "lua"


class Scripts:
    """Has one attribute per file in `lua/`, called like `scripts.accept_message(keys=[...], args=[...])`."""

    def __init__(self, redis: Redis) -> None:
        for file in FOLDER.glob("*.lua"):
            setattr(self, file.stem, redis.register_script(file.read_text()))

    def __getattr__(self, name: str) -> Script:
        raise AttributeError(f"no script chat/store/lua/{name}.lua")
