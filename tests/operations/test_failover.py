"""When the primary of MongoDB or of Redis dies, another takes over without intervention, and chatting goes on.

MongoDB is a replica set of three. Redis has a sentinel, a replica, TLS and passwords; `tests/integration/test_tls.py`
has sentinels without. What was accepted before the replica had it may be lost, so that test waits for the replica
first: see docs/scaling.md.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from pymongo import MongoClient

from chat.store import keys
from dev.processes import LOOPBACK, free_port, wait_until
from tests.client import PASSWORD, Client
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.recordings import spoken
from tests.replica_set import ReplicaSet
from tests.sentinels import Authority, Node, Sentinel
from tests.stack import Stack

SECONDS = 60
MESSAGES = "application:messages"

pytestmark = pytest.mark.timeout(240)


@dataclass
class System:
    stack: Stack
    members: ReplicaSet
    master: Node
    replica: Node
    sentinel: Sentinel


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A stack whose processes ask a sentinel for their Redis and for the broker's, and any member for the primary."""
    folder, nobody = tmp_path_factory.mktemp("failover"), f"{LOOPBACK}:{free_port()}"  # a sentinel that is away
    authority, members = Authority(folder), ReplicaSet(folder / "set")
    master = Node(folder, "master", authority)
    with ExitStack() as stopping:
        deepgram = stopping.enter_context(DeepgramStandIn())
        for server in (members, master):
            stopping.callback(server.stop)
            server.start()
        master.wait_until_ready()
        replica, sentinel = Node(folder, "replica", authority, master), Sentinel(folder, master, authority)
        for process in (replica, sentinel):
            stopping.callback(process.stop)
            process.start()
        replica.wait_until_ready()
        sentinel.wait_ready(sentinel.knows_replica, SECONDS)
        settings = {
            "REDIS_URL": sentinel.url(nobody),
            "CELERY_BROKER_URL": "",
            "REDIS_CA_CERTS": str(authority.file),
            "MONGODB_URI": members.uri,
            "DEEPGRAM_API_KEY": KEY,
            "DEEPGRAM_BASE_URL": deepgram.url,
        }
        stack = stopping.enter_context(Stack(folder / "stack", settings, {"pusher": ""}))
        yield System(stack, members, master, replica, sentinel)


@pytest.fixture
def stack(system: System) -> Stack:
    return system.stack


def test_another_member_takes_over_when_the_primary_of_mongodb_dies(system: System, client: Client) -> None:
    with system.master.client() as redis:
        # Until the first sync, tokens are looked up in MongoDB too.
        wait_until(lambda: bool(redis.exists(keys.HOT_COMPLETE)), SECONDS, "the first sync")
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    sent = [ada.post(ben, f"before {n}")["_id"] for n in range(3)]
    first = system.members.primary()
    assert first is not None
    first.kill()
    for number in range(3):  # with no primary at all
        sent.append(ada.post(ben, f"meanwhile {number}")["_id"])
    for message_id in sent:
        socket.wait_for_frame(MESSAGES, lambda data, of=message_id: data["_id"] == of)
    wait_until(lambda: system.members.primary() is not None, SECONDS, "the election")
    login = {"email": ada.user["email"], "password": PASSWORD}
    wait_until(lambda: client.request("POST", "/login", json=login).ok, SECONDS, "the first log-in")
    wait_until(lambda: archived(system.members, sent), SECONDS, "the archive to have all of them")
    assert [message["_id"] for message in ben.history(ada)] == sent


def archived(members: ReplicaSet, message_ids: list[str]) -> bool:
    with MongoClient(members.uri) as client:
        found = client.get_default_database().messages.find({"_id": {"$in": message_ids}})
        return {message["_id"] for message in found} == set(message_ids)


def test_chatting_goes_on_when_sentinel_promotes_the_replica_of_redis(system: System, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    before = [ada.post(ben, f"before {n}")["_id"] for n in range(5)]
    wait_until(lambda: [message["_id"] for message in ben.history(ada)] == before, SECONDS, "all to be stored")
    with system.master.client() as direct:
        assert direct.wait(1, 1_500) == 1, "the replica has it all"
    system.master.kill()
    wait_until(lambda: system.sentinel.master_port() == system.replica.port, SECONDS, "the promotion")
    system.stack.wait_web()
    # Meanwhile a client is told to try again, as connections to the old master and to its broker end one by one.
    body = {"receiverId": ben.id, "text": "after", "clientId": "after"}
    wait_until(lambda: ada.request("POST", "/chat", json=body).ok, SECONDS, "the first message")
    after = ada.call("POST", "/chat", 202, json=body)["_id"]
    socket.wait_for_frame(MESSAGES, lambda data: data["_id"] == after, timeout=60)
    assert [message["_id"] for message in ben.history(ada)] == [*before, after]
    voice = ada.post(ben, audioFileId=ada.upload(spoken("amiable.webm"))["audioFileUuid"])["_id"]
    socket.wait_for_frame(MESSAGES, lambda data: data["_id"] == voice, timeout=60)
    assert all(process.running for process in system.stack.processes.values())
