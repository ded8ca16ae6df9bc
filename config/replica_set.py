"""Sets up a MongoDB as a replica set of one member with one user; `python -m config.replica_set` in docker-compose.yml.

Replica sets make writes durable and allow transactions. MongoDB lets a client on its own machine do this without a
password until the first user exists, so this must reach it over the loopback interface.
"""

import os
import sys
import time
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

REPLICA_SET = "rs0"
USER = "chattergram"
ALREADY_INITIALIZED, AUTHENTICATION_FAILED = 23, 18  # codes of MongoDB's errors
LOOPBACK = "127.0.0.1"
PORT = 27017
SELECT_MS = 1_000
PATIENCE = 60.0  # seconds
PAUSE = 0.2

Client = MongoClient[dict[str, Any]]


def connect(port: int, password: str) -> Client:
    """Returns a client of this one server; without a password it stays anonymous."""
    owner: dict[str, Any] = {"username": USER, "password": password} if password else {}
    return MongoClient(LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=SELECT_MS, **owner)


def set_up(port: int, member: str, password: str) -> bool:
    """Does what is still missing; returns whether the server is the primary and has the user. Call it until it is.

    `member` is the host and port that clients use. If it differs from the stored one, the set is moved there. Without a
    password there is no user.

    Raises:
        PyMongoError: the server does not respond, or refuses.
    """
    try:
        with connect(port, password) as client:
            _configure(client, member)
            return bool(client.admin.command("hello").get("isWritablePrimary"))
    except OperationFailure as error:
        if not password or error.code != AUTHENTICATION_FAILED:
            raise
    with connect(port, "") as client:
        if client.admin.command("hello").get("isWritablePrimary"):
            client.admin.command("createUser", USER, pwd=password, roles=["root"])
        else:
            _initiate(client, member)
    return False


def _configure(client: Client, member: str) -> None:
    stored = client.local["system.replset"].find_one()
    if stored is None:
        _initiate(client, member)
    elif stored["members"][0]["host"] != member:
        stored["members"][0]["host"] = member
        stored["version"] += 1
        client.admin.command("replSetReconfig", stored, force=True)


def _initiate(client: Client, member: str) -> None:
    try:
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]})
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:  # by an earlier call
            raise


def main() -> int:
    deadline = time.monotonic() + PATIENCE
    member, password = os.environ["MONGODB_MEMBER"], os.environ["MONGODB_PASSWORD"]
    port = int(os.environ.get("MONGODB_PORT", PORT))
    trouble = "it is no primary"
    while time.monotonic() < deadline:
        try:
            if set_up(port, member, password):
                print(f"MongoDB is the replica set {REPLICA_SET} and has the user {USER}.")  # noqa: T201
                return 0
        except PyMongoError as error:
            trouble = str(error)[:200]
        time.sleep(PAUSE)
    print(f"MongoDB was not set up within {PATIENCE:.0f} s: {trouble}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
