"""Redis Sentinel: when the master dies its replica is promoted, every process follows, and chatting goes on.

All of it with TLS and passwords; `tests/integration/test_tls.py` has sentinels without. What was accepted before the
replica had it may be lost, so this test waits for the replica first: see docs/scaling.md.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.processes import LOOPBACK, free_port, wait_until
from tests.client import Client
from tests.recordings import spoken
from tests.sentinels import Authority, Node, Sentinel
from tests.stack import Stack

SECONDS = 40

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[tuple[Stack, Node, Node, Sentinel]]:
    """A stack whose processes ask a sentinel for their Redis, and for the one of the broker."""
    authority = Authority(tmp_path)
    master = Node(tmp_path, "master", authority)
    master.start()
    master.wait_until_ready()
    replica = Node(tmp_path, "replica", authority, master)
    replica.start()
    replica.wait_until_ready()
    sentinel = Sentinel(tmp_path, master, authority)
    sentinel.start()
    nobody = f"{LOOPBACK}:{free_port()}"  # a sentinel that is away
    urls = {
        "REDIS_URL": sentinel.url(nobody),
        "CELERY_BROKER_URL": "",
        "REDIS_CA_CERTS": str(authority.file),
    }
    stack = Stack(tmp_path / "stack", urls, {"pusher": ""})
    try:
        sentinel.wait_ready(sentinel.knows_replica, SECONDS)
        stack.start()
        yield stack, master, replica, sentinel
    finally:
        stack.stop()
        for process in (sentinel, replica, master):
            process.stop()


def test_chatting_goes_on_when_sentinel_promotes_the_replica(
    followed: tuple[Stack, Node, Node, Sentinel],
) -> None:
    stack, master, replica, sentinel = followed
    with Client(stack.url) as client:
        ada, ben = client.sign_up("ada"), client.sign_up("ben")
        socket = ben.connect()
        before = [ada.post(ben, f"before {n}")["_id"] for n in range(5)]
        wait_until(lambda: [message["_id"] for message in ben.history(ada)] == before, SECONDS, "all to be stored")
        with master.client() as direct:
            assert direct.wait(1, 1_500) == 1, "the replica has it all"
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
