"""Loads the Lua scripts in `lua/`. Each runs atomically in one round trip to Redis; its header says what it does.

A script uses the keys of one hash tag (`chat.store.keys`) only, so a Redis Cluster has all of them on one node. What
spans several is done in as many steps, each of which is safe to repeat. `keys.stored_now_key` is an exception, which
only a single Redis has.
"""

from pathlib import Path
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.commands.core import Script
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import NoScriptError

from chat.store import cluster
from chat.store.cluster import each_asked, nodes

FOLDER = Path(__file__).parent / "lua"


class Scripts:
    """Has one attribute per file in `lua/`, called like `scripts.append_message(keys=[...], args=[...])`."""

    def __init__(self, redis: Redis) -> None:
        self._texts = {file.stem: file.read_text() for file in sorted(FOLDER.glob("*.lua"))}
        for name, text in self._texts.items():
            setattr(self, name, redis.register_script(text))

    def load(self, redis: Redis) -> None:
        """Gives them to Redis, in a cluster to each node: what lacks one repeats all that is called along with it."""
        with each_asked(redis):
            for node in nodes(redis):
                with node.pipeline(transaction=False) as pipe:
                    for text in self._texts.values():
                        pipe.script_load(text)
                    pipe.execute()

    def __getattr__(self, name: str) -> Script:
        raise AttributeError(f"no script chat/store/lua/{name}.lua")


class NotReplicated(NoConnection):
    """What was asked happened, but too few replicas have it: should Redis be lost now, it may not have happened."""

    def __init__(self, replicas: int, replies: list[Any]) -> None:
        super().__init__(f"fewer than {replicas} replicas have it")
        self.replies = replies


def execute(pipe: Pipeline, *, raise_on_error: bool = True, replicas: int = 0) -> list[Any]:
    """Executes a pipeline without a transaction, in one round trip. Returns the replies.

    `Pipeline.execute` alone would ask first whether the server has the scripts. Where it has lost them, all commands
    are sent again with the scripts, so they must be safe to repeat.

    Raises:
        NotReplicated: fewer than `replicas` had all of it within a second.
        RedisError: Redis is away or, with `raise_on_error`, refused a command; else the error is among the replies.
    """
    commands, used = list(pipe.command_stack), set(pipe.scripts)
    pipe.scripts.clear()
    replies, reached = cluster.execute(pipe, replicas)
    if any(isinstance(reply, NoScriptError) for reply in replies):
        pipe.command_stack.extend(commands)
        pipe.scripts.update(used)
        replies, reached = cluster.execute(pipe, replicas)
    if raise_on_error and (refused := next((reply for reply in replies if isinstance(reply, Exception)), None)):
        raise refused
    if not reached:
        raise NotReplicated(replicas, replies)
    return replies
