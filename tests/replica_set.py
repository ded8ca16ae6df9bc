"""MongoDB as a replica set of three."""

from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from dev.embedded import DATABASE, REPLICA_SET, MongoServer
from dev.processes import LOOPBACK, wait_until

SECONDS = 60


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
