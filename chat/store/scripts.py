"""Loads the Lua scripts in `lua/`. Each runs atomically in one round trip to Redis; its header says what it does."""

from pathlib import Path
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.commands.core import Script
from redis.exceptions import NoScriptError

FOLDER = Path(__file__).parent / "lua"


class Scripts:
    """Has one attribute per file in `lua/`, called like `scripts.accept_message(keys=[...], args=[...])`."""

    def __init__(self, redis: Redis) -> None:
        for file in FOLDER.glob("*.lua"):
            setattr(self, file.stem, redis.register_script(file.read_text()))

    def __getattr__(self, name: str) -> Script:
        raise AttributeError(f"no script chat/store/lua/{name}.lua")


def execute(pipe: Pipeline, *, raise_on_error: bool = True) -> list[Any]:
    """Executes a pipeline without a transaction, in one round trip. Returns the replies.

    `Pipeline.execute` alone would ask first whether the server has the scripts. Where it has lost them, all commands
    are sent again with the scripts, so they must be safe to repeat.

    Raises:
        RedisError: Redis is away or, with `raise_on_error`, refused a command; else the error is among the replies.
    """
    commands, used = list(pipe.command_stack), set(pipe.scripts)
    pipe.scripts.clear()
    replies = pipe.execute(raise_on_error=False)
    if any(isinstance(reply, NoScriptError) for reply in replies):
        pipe.command_stack.extend(commands)
        pipe.scripts.update(used)
        replies = pipe.execute(raise_on_error=False)
    if raise_on_error and (refused := next((reply for reply in replies if isinstance(reply, Exception)), None)):
        raise refused
    return list(replies)
