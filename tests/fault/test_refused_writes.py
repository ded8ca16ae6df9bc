"""A Redis that answers and refuses every write: everybody waits, says so on `/readyz`, and goes on by themselves."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
import requests
from redis import Redis

from dev.processes import wait_until
from tests.client import Client
from tests.fault.conftest import System
from tests.stack import Stack

SECONDS = 40
TRIES = 2

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def stack(system: System) -> Stack:
    return system.stack


@contextlib.contextmanager
def full_disk(stack: Stack, redis: Redis) -> Iterator[str]:
    """What Redis cannot write it refuses: MISCONF."""
    in_the_way = stack.redis.data / "dump.rdb"
    in_the_way.mkdir()
    redis.config_set("save", "3600 1")
    redis.bgsave()
    wait_until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err", SECONDS, "the failure to save")
    try:
        yield "MISCONF"
    finally:
        in_the_way.rmdir()
        redis.config_set("save", "")


@contextlib.contextmanager
def full_memory(stack: Stack, redis: Redis) -> Iterator[str]:
    redis.config_set("maxmemory", 1)
    try:
        yield "OutOfMemory"
    finally:
        redis.config_set("maxmemory", 0)


@contextlib.contextmanager
def failover(stack: Stack, redis: Redis) -> Iterator[str]:
    """The former master, which is a replica now."""
    redis.replicaof("127.0.0.1", 9)
    try:
        yield "read only replica"
    finally:
        redis.replicaof("NO", "ONE")


Refusal = Callable[[Stack, Redis], contextlib.AbstractContextManager[str]]


@pytest.mark.single_redis
@pytest.mark.parametrize("refusal", [full_disk, full_memory, failover])
def test_everybody_waits_for_a_redis_that_refuses_writes_and_goes_on(
    stack: Stack, client: Client, refusal: Refusal
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    with stack.redis.client() as redis, refusal(stack, redis) as reason:
        before = stack.worker.output().count(reason)
        wait_until(lambda: "redis" in missing(stack), SECONDS, "/readyz to tell")
        assert "broker" in missing(stack)
        meanwhile = ada.request("POST", "/chat", json={"receiverId": ben.id, "text": "now?"})
        assert meanwhile.status_code == 503, meanwhile.text
        wait_until(
            lambda: stack.worker.output().count(reason) >= before + TRIES or not stack.worker.running,
            SECONDS,
            "the worker to have tried again",
        )
    for name, process in stack.processes.items():
        assert process.running, f"{name} has ended"
    stack.wait_web()
    body = {"receiverId": ben.id, "text": "and now", "clientId": "and now"}
    # Web processes look once a second how full Redis is.
    wait_until(lambda: ada.request("POST", "/chat", json=body).ok, SECONDS, "the web process to take messages again")
    socket.wait_for_frame("application:messages", lambda data: data["text"] == "and now", timeout=SECONDS)
    assert [message["text"] for message in ben.history(ada)] == ["and now"]
    stack.wait_workers()


def missing(stack: Stack) -> str:
    answer = requests.get(f"{stack.url}/readyz", timeout=15)
    assert answer.status_code in (200, 503), answer.text
    return "" if answer.ok else str(answer.json()["detail"])
