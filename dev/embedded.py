"""The embedded servers: Redis Stack and mongod on loopback, on free ports, with their data in one folder."""

import contextlib
import fcntl
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymongo
import redis
from pymongo.errors import OperationFailure, PyMongoError

from dev.install import mongod_binary, redis_folder
from dev.private import LOCK, kept_secret, private_data, private_file, private_folder
from dev.processes import ADDRESS_IN_USE, LOOPBACK, ManagedProcess, StartError, free_port, is_free, wait_until

START_TIMEOUT = 60.0  # seconds; replaying a large append-only file takes a while
START_ATTEMPTS = 3  # a port that was free can be taken until the server binds it
PORT_TIMEOUT = 10.0
USER = "chattergram"  # of MongoDB; Redis has but a password
UNKNOWN_USER = 18  # MongoDB's code for a name or password it does not take
REPLICA_SET = "rs0"
DATABASE = "chattergram"
REDIS_MODULES = (
    ("rediscompat.so",),
    ("redisearch.so", "MAXPREFIXEXPANSIONS", "10000"),  # as `chat.store.hot` sets it, so that a restart keeps it
    ("rejson.so",),
)


class Server(ManagedProcess):
    """A server with a folder of data. It takes the port it had the last time where that is still free.

    Nobody gets in without its password, which is random, made once and kept in that folder, so that other users of
    this machine do not. It is on no command line, since anybody may read those.
    """

    protected = True

    def __init__(self, name: str, data: Path, log: Path, keep_open: Sequence[int] = ()) -> None:
        super().__init__(name, [], log=log, keep_open=keep_open)
        self.data = data
        self.port = 0

    def start(self) -> None:
        """Start it without waiting until it answers; see `wait`."""
        private_folder(self.data)
        self.port = free_port(self.port or self.last_port())
        self.command = self.arguments()
        super().start()

    def wait_answers(self) -> None:
        """Return once it can be used.

        Raises:
            StartError: it did not start; shows the end of its log.
        """
        for attempt in range(START_ATTEMPTS):
            try:
                self.wait_ready(self.answers, START_TIMEOUT)
            except StartError:
                taken = any(text in self.output() for text in ADDRESS_IN_USE)
                if self.running or not taken or attempt == START_ATTEMPTS - 1:
                    raise
                self.port = 0
                self._port_file.unlink(missing_ok=True)
                self.start()
            else:
                break
        private_file(self._port_file, f"{self.port}\n")

    def restart(self) -> None:
        """Start it again on the same port, and return once it can be used.

        Raises:
            TimeoutError: somebody else took that port.
            StartError: it did not start; shows the end of its log.
        """
        wait_until(lambda: is_free(self.port), PORT_TIMEOUT, f"waiting for port {self.port}")
        self.start()
        self.wait_answers()

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    @property
    def password(self) -> str:
        """Made on the first call; '' where it asks for none."""
        return kept_secret(self.data / "password") if self.protected else ""

    @property
    def _port_file(self) -> Path:
        return self.data / "port"

    def last_port(self) -> int | None:
        """The port it has, or had the last time; None when it never ran."""
        with contextlib.suppress(OSError, ValueError):
            return int(self._port_file.read_text())
        return None


class RedisServer(Server):
    """Redis Stack with search and JSON; every write goes to the append-only file, synced each second."""

    def arguments(self) -> list[str]:
        folder = redis_folder()
        config = private_file(self.data / "redis.conf", f"requirepass {self.password}\n" if self.password else "")
        command = [
            str(folder / "bin" / "redis-server"),
            str(config.resolve()),
            "--bind",
            LOOPBACK,
            "--port",
            str(self.port),
        ]
        command += ["--dir", str(self.data.resolve()), "--loglevel", "notice", "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]
        for module, *options in REDIS_MODULES:
            command += ["--loadmodule", str(folder / "lib" / module), *options]
        return command

    def answers(self) -> bool:
        with self.client() as client, contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    def client(self) -> redis.Redis:
        """To look into it with, once."""
        return redis.Redis.from_url(self.url(), socket_timeout=2, retry=None)

    def url(self, database: int = 0) -> str:
        owner = f":{self.password}@" if self.protected else ""
        return f"redis://{owner}{LOOPBACK}:{self.port}/{database}"


class MongoServer(Server):
    """mongod as a replica set of one, which is what makes its writes durable and gives transactions."""

    def arguments(self) -> list[str]:
        key = ("--keyFile", str((self.data / "key").resolve())) if self.protected else ()
        if key:
            kept_secret(self.data / "key")  # a replica set asks nobody for a password without one
        return [
            *(str(mongod_binary()), "--bind_ip", LOOPBACK, "--port", str(self.port), "--nounixsocket"),
            *("--dbpath", str(self.data.resolve()), "--replSet", REPLICA_SET, "--oplogSize", "128", "--quiet"),
            *("--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            *key,
            # It would write queries that take longer, with people's words in them, to its log.
            *("--slowms", "3600000"),
            # By default a member of a replica set that is told to stop goes on for 15 seconds.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        ]

    def answers(self) -> bool:
        try:
            with self.client() as client:
                self._configure(client)
                return bool(client.admin.command("hello").get("isWritablePrimary"))
        except OperationFailure as error:
            if self.protected and error.code == UNKNOWN_USER:
                self._make_user()
        except PyMongoError:
            pass
        return False

    def client(self, *, anonymous: bool = False) -> "pymongo.MongoClient[dict[str, Any]]":
        """To look into this one server with, once."""
        owner: dict[str, Any] = {} if anonymous or not self.protected else {"username": USER, "password": self.password}
        return pymongo.MongoClient(LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=1_000, **owner)

    def _make_user(self) -> None:
        """The first user. As long as there is none, MongoDB lets this machine initiate the set and make one."""
        with self.client(anonymous=True) as client, contextlib.suppress(PyMongoError):
            if client.admin.command("hello").get("isWritablePrimary"):
                client.admin.command("createUser", USER, pwd=self.password, roles=["root"])
            else:
                self._initiate(client)

    def _configure(self, client: "pymongo.MongoClient[dict[str, Any]]") -> None:
        """Initiate the replica set, or move it to today's port: its configuration stores host and port."""
        stored = client.local["system.replset"].find_one()
        if stored is None:
            self._initiate(client)
        elif stored["members"][0]["host"] != self._member:
            stored["members"][0]["host"] = self._member
            stored["version"] += 1
            client.admin.command("replSetReconfig", stored, force=True)

    def _initiate(self, client: "pymongo.MongoClient[dict[str, Any]]") -> None:
        with contextlib.suppress(OperationFailure):  # a moment ago, by an earlier look
            members = [{"_id": 0, "host": self._member}]
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})

    @property
    def _member(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def url(self, database: str = DATABASE) -> str:
        owner, source = (f"{USER}:{self.password}@", "&authSource=admin") if self.protected else ("", "")
        return f"mongodb://{owner}{self._member}/{database}?replicaSet={REPLICA_SET}{source}"


class DataLock:
    """At most one instance uses a data folder. The servers hold the lock too, so it outlives a killed instance."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        self._file: io.TextIOWrapper | None = None

    def acquire(self, seconds: float = 30.0) -> int:
        """The locked file's descriptor. Waits for servers whose instance is gone to stop.

        Raises:
            StartError: another instance uses the folder.
        """
        private_data(self.path.parent)
        self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+")
        try:
            wait_until(self._try, seconds, "the stop of an earlier instance")
        except TimeoutError:
            raise self._in_use() from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()
        return self._file.fileno()

    def release(self) -> None:
        if self._file is not None:
            self._file.close()

    def _try(self) -> bool:
        assert self._file is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            owner = self._file.read().strip()
            if owner and Path(f"/proc/{owner}").exists():
                raise self._in_use(owner) from None
            return False
        return True

    def _in_use(self, owner: str = "unknown") -> StartError:
        return StartError(
            f"{self.path.parent} is in use by another instance (process {owner}). Set DATA_DIR to run one beside it."
        )


class Embedded:
    """Whichever of the two servers are wanted, over one data folder."""

    def __init__(self, folder: Path, *, redis_wanted: bool = True, mongodb_wanted: bool = True) -> None:
        self.folder = folder
        self._wanted = (redis_wanted, mongodb_wanted)
        self._lock = DataLock(folder)
        self.redis: RedisServer | None = None
        self.mongodb: MongoServer | None = None

    @property
    def servers(self) -> list[Server]:
        return [server for server in (self.redis, self.mongodb) if server is not None]

    def start(self) -> None:
        """Start them and return once they answer. Leaves none running when one does not start.

        Raises:
            StartError: one did not start, or another instance uses the data folder.
            CannotEmbed: this machine cannot run them.
        """
        redis_wanted, mongodb_wanted = self._wanted
        if not (redis_wanted or mongodb_wanted):
            return
        held = (self._lock.acquire(),)
        logs = self.folder / "log"
        try:
            if redis_wanted:
                self.redis = RedisServer("Redis", self.folder / "redis", logs / "redis.log", held)
                self.redis.start()
            if mongodb_wanted:
                self.mongodb = MongoServer("MongoDB", self.folder / "mongodb", logs / "mongodb.log", held)
                self.mongodb.start()
            for server in self.servers:
                server.wait_answers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop them, each with time to write out what it holds."""
        for server in self.servers:
            server.signal(15)
        for server in self.servers:
            server.stop()
        self._lock.release()
