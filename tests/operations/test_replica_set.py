"""MongoDB as a replica set of three: when the primary dies, another member takes over without intervention."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from redis import Redis

from chat.store import keys
from dev.embedded import DATABASE, REPLICA_SET, MongoServer
from dev.processes import LOOPBACK, wait_until
from tests.client import PASSWORD, Client
from tests.stack import Stack

SECONDS = 60

pytestmark = pytest.mark.timeout(240)


class Member(MongoServer):
    """One of several members: it is ready before it is told which set it belongs to."""

    protected = False

    def is_ready(self) -> bool:
        client: MongoClient = MongoClient(LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=1_000)
        with client:
            try:
                client.admin.command("ping")
            except PyMongoError:
                return False
        return True


class ReplicaSet:
    def __init__(self, folder: Path) -> None:
        names = [f"member-{number}" for number in range(3)]
        self.members = [Member(name, folder / name, folder / f"{name}.log") for name in names]

    @property
    def uri(self) -> str:
        hosts = ",".join(f"{LOOPBACK}:{member.port}" for member in self.members)
        return f"mongodb://{hosts}/{DATABASE}?replicaSet={REPLICA_SET}"

    def start(self) -> None:
        for member in self.members:
            member.start()
        for member in self.members:
            member.wait_until_ready()
        hosts = [{"_id": n, "host": f"{LOOPBACK}:{member.port}"} for n, member in enumerate(self.members)]
        settings = {"electionTimeoutMillis": 2_000}
        with MongoClient(LOOPBACK, self.members[0].port, directConnection=True) as client:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": hosts, "settings": settings})
        wait_until(lambda: self.primary() is not None, SECONDS, "the first election")

    def primary(self) -> Member | None:
        for member in self.members:
            if member.running:
                with MongoClient(LOOPBACK, member.port, directConnection=True) as client:
                    if client.admin.command("hello").get("isWritablePrimary"):
                        return member
        return None

    def stop(self) -> None:
        for member in self.members:
            member.signal(15)
        for member in self.members:
            member.stop()


@pytest.fixture
def replica_set(tmp_path: Path) -> Iterator[ReplicaSet]:
    running = ReplicaSet(tmp_path / "set")
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_another_member_takes_over_when_the_primary_dies(replica_set: ReplicaSet, tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack", {"MONGODB_URI": replica_set.uri}, {"transcriber": "", "pusher": ""})
    stack.start()
    try:
        wait_until(
            lambda: hot_complete(stack), SECONDS, "the first sync: until then tokens are looked up in MongoDB too"
        )
        with Client(stack.url) as client:
            ada, ben = client.sign_up("ada"), client.sign_up("ben")
            socket = ben.connect()
            sent = [ada.post(ben, f"before {n}")["_id"] for n in range(3)]
            first = replica_set.primary()
            assert first is not None
            first.kill()
            for number in range(3):  # with no primary at all
                sent.append(ada.post(ben, f"meanwhile {number}")["_id"])
            for message_id in sent:
                socket.wait_for_frame("application:messages", lambda data, of=message_id: data["_id"] == of)
            wait_until(lambda: replica_set.primary() is not None, SECONDS, "the election")
            login = {"email": ada.user["email"], "password": PASSWORD}
            wait_until(lambda: client.request("POST", "/login", json=login).ok, SECONDS, "the first log-in")
            wait_until(lambda: archived(replica_set, sent), SECONDS, "the archive to have all of them")
            assert [message["_id"] for message in ben.history(ada)] == sent
    finally:
        stack.stop()


def hot_complete(stack: Stack) -> bool:
    with Redis.from_url(stack.environment["REDIS_URL"]) as redis:
        return bool(redis.exists(keys.HOT_COMPLETE))


def archived(replica_set: ReplicaSet, message_ids: list[str]) -> bool:
    with MongoClient(replica_set.uri) as client:
        found = client.get_default_database().messages.find({"_id": {"$in": message_ids}})
        return {message["_id"] for message in found} == set(message_ids)
