"""A Redis whose disk is full: what it accepted last is written once there is room; until then it accepts nothing."""

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import ResponseError

from chat.messages import history
from chat.store import hot, keys
from chat.store.connection import Stores
from config.settings import Settings
from dev.embedded import RedisServer
from dev.processes import wait_until
from tests.people import drain, partition_of, said, send, someone
from tests.stores import open_stores

SECONDS = 20


class Redis(RedisServer):
    """Outlives a file that may not grow, as it does a full disk."""

    def arguments(self) -> list[str]:
        return ["sh", "-c", 'trap "" XFSZ; exec "$0" "$@"', *super().arguments()]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    started = Redis("Redis", tmp_path / "redis", tmp_path / "redis.log")
    started.start()
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.stop()


@pytest.fixture
def own(stores: Stores, settings: Settings, server: Redis) -> Iterator[Stores]:
    """The usual MongoDB, beside that Redis."""
    with open_stores(settings.model_copy(update={"redis_url": server.url()})) as opened:
        hot.migrate(opened)
        hot.configure(opened.redis)
        yield opened


@contextlib.contextmanager
def full_disk(server: Redis) -> Iterator[None]:
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)


def writes(stores: Stores) -> bool:
    return bool(stores.redis.info("persistence")["aof_last_write_status"] == "ok")


def test_what_is_accepted_as_the_disk_fills_up_is_written_when_there_is_room(
    own: Stores, server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis replies before it writes its file, so the message that meets the full disk is still accepted."""
    anna, bert = someone(own, "anna"), someone(own, "bert")
    send(own, anna, bert, "before")
    drain(own)
    flag = keys.waking_key(partition_of(own, (anna, bert)))
    own.redis.set(flag, 1, px=60_000)  # a drainer is coming, so one call to Redis appends it
    append = own.scripts.append_message
    with contextlib.ExitStack() as full:

        def fill_up_and_append(**call: Any) -> Any:
            full.enter_context(full_disk(server))
            return append(**call)

        with monkeypatch.context() as patched:
            patched.setattr(own.scripts, "append_message", fill_up_and_append)
            send(own, anna, bert, "as it fills up")
        wait_until(lambda: not writes(own), SECONDS, "Redis to notice")
        with pytest.raises(ResponseError, match="MISCONF"):
            send(own, anna, bert, "while it is full")
    wait_until(lambda: writes(own), SECONDS, "Redis to write what it kept")
    server.kill()
    server.restart()
    drain(own)
    assert said(history.recent(own, anna, bert)) == ["before", "as it fills up"]
