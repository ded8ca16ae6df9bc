"""Redis Sentinel: when the master dies its replica is promoted, every process follows, and chatting goes on.

What was accepted before the replica had it may be lost, so this test waits for the replica first: see docs/scaling.md.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis, RedisError

from dev.embedded import RedisServer
from dev.install import redis_folder
from dev.processes import LOOPBACK, ManagedProcess, free_port, wait_until
from tests.client import Client
from tests.recordings import spoken
from tests.stack import Stack

SECONDS = 40
NAME = "chattergram"

pytestmark = pytest.mark.timeout(240)


class Master(RedisServer):
    protected = False


class Replica(RedisServer):
    protected = False

    def __init__(self, name: str, folder: Path, log: Path, master: RedisServer) -> None:
        super().__init__(name, folder, log)
        self.master = master

    def arguments(self) -> list[str]:
        return [*super().arguments(), "--replicaof", f"{LOOPBACK} {self.master.port}"]


class Sentinel(ManagedProcess):
    """A single sentinel, which decides by itself; a real set has three on three machines."""

    def __init__(self, folder: Path, master: RedisServer) -> None:
        self.port = free_port()
        config = folder / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind {LOOPBACK}\ndir {folder}\n"
            f"sentinel monitor {NAME} {LOOPBACK} {master.port} 1\n"
            f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n"
        )
        program = str(redis_folder() / "bin" / "redis-server")
        super().__init__("Sentinel", [program, str(config), "--sentinel"], log=folder / "sentinel.log")

    def ask(self, *command: str) -> list[bytes]:
        with Redis(port=self.port, retry=None, socket_timeout=5) as client:
            try:
                found: list[bytes] = client.execute_command("SENTINEL", *command)
            except RedisError:
                return []
        return found

    def master_port(self) -> int:
        found = self.ask("GET-MASTER-ADDR-BY-NAME", NAME)
        return int(found[1]) if found else 0


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[tuple[Stack, RedisServer, Replica, Sentinel]]:
    """A stack whose processes ask a sentinel for their Redis, and for the one of the broker."""
    master = Master("Redis", tmp_path / "master", tmp_path / "master.log")
    master.start()
    master.wait_until_ready()
    replica = Replica("replica", tmp_path / "replica", tmp_path / "replica.log", master)
    replica.start()
    replica.wait_until_ready()
    sentinel = Sentinel(tmp_path, master)
    sentinel.start()
    nobody = f"{LOOPBACK}:{free_port()}"  # a sentinel that is away
    urls = {"REDIS_URL": f"redis+sentinel://{nobody},{LOOPBACK}:{sentinel.port}/{NAME}", "CELERY_BROKER_URL": ""}
    stack = Stack(tmp_path / "stack", urls)
    try:
        sentinel.wait_ready(lambda: bool(sentinel.ask("REPLICAS", NAME)), SECONDS)
        stack.start()
        yield stack, master, replica, sentinel
    finally:
        stack.stop()
        for process in (sentinel, replica, master):
            process.stop()


def test_chatting_goes_on_when_sentinel_promotes_the_replica(
    followed: tuple[Stack, RedisServer, Replica, Sentinel],
) -> None:
    stack, master, replica, sentinel = followed
    with Client(stack.url) as client:
        ada, ben = client.sign_up("ada"), client.sign_up("ben")
        socket = ben.connect()
        before = [ada.post(ben, f"before {n}")["_id"] for n in range(5)]
        wait_until(lambda: [message["_id"] for message in ben.history(ada)] == before, SECONDS, "all to be stored")
        with Redis(port=master.port) as direct:
            assert direct.wait(1, 5_000) == 1, "the replica has it all"
        master.kill()
        wait_until(lambda: sentinel.master_port() == replica.port, SECONDS, "the promotion")
        stack.wait_web()
        wait_until(lambda: ada.request("GET", "/user/me").ok, SECONDS, "the first answer")
        after = ada.post(ben, "after")["_id"]
        socket.wait_for_frame("application:messages", lambda data: data["_id"] == after, timeout=60)
        assert [message["_id"] for message in ben.history(ada)] == [*before, after]
        voice = ada.post(ben, audioFileId=ada.upload(spoken("amiable.webm"))["audioFileUuid"])["_id"]
        socket.wait_for_frame("application:messages", lambda data: data["_id"] == voice, timeout=60)
        assert all(process.running for process in stack.processes.values())
