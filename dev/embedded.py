"""The embedded servers: Redis Stack and mongod, on free loopback ports, with their data in one folder."""

import contextlib
import fcntl
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import redis
from pymongo.errors import PyMongoError

from config import replica_set
from dev.install import mongod_binary, redis_folder
from dev.private import LOCK, private_data, private_file, private_folder, stored_secret
from dev.processes import ADDRESS_IN_USE, LOOPBACK, ManagedProcess, StartError, free_port, is_free, wait_until

START_TIMEOUT = 60.0  # seconds; replaying a large append-only file takes a while
START_ATTEMPTS = 3  # somebody else may take a free port before the server binds it
PORT_TIMEOUT = 10.0
REPLICA_SET = replica_set.REPLICA_SET
DATABASE = "chattergram"
REDIS_MODULES = (
    ("rediscompat.so",),
    ("redisearch.so", "MAXPREFIXEXPANSIONS", "10000"),  # as `chat.store.hot` sets it, so that a restart keeps it
    ("rejson.so",),
)


class Server(ManagedProcess):
    """A server with a data folder. It reuses its last port if that is still free.

    Other users of this machine cannot use it without its password, which is random, created once and stored in the data
    folder. The command line, which everybody may read, does not show it.
    """

    protected = True

    def __init__(self, name: str, data: Path, log: Path, keep_open: Sequence[int] = ()) -> None:
        super().__init__(name, [], log=log, keep_open=keep_open)
        self.data = data
        self.port = 0

    def start(self) -> None:
        """Starts the server without waiting until it is ready; see `wait_until_ready`."""
        private_folder(self.data)
        self.port = free_port(self.port or self.last_port())
        self.command = self.arguments()
        super().start()

    def wait_until_ready(self) -> None:
        """Waits until the server can be used.

        Raises:
            StartError: it did not start; shows the end of its log.
        """
        for attempt in range(START_ATTEMPTS):
            try:
                self.wait_ready(self.is_ready, START_TIMEOUT)
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

    def lose_data(self) -> None:
        """Removes all it has stored, but not its password and port, so that its clients find it again."""
        kept = {"password", "key", "port"}
        for entry in self.data.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name not in kept:
                entry.unlink()

    def restart(self) -> None:
        """Starts the server again on the same port and waits until it can be used.

        Raises:
            TimeoutError: somebody else took that port.
            StartError: it did not start; shows the end of its log.
        """
        wait_until(lambda: is_free(self.port), PORT_TIMEOUT, f"waiting for port {self.port}")
        self.start()
        self.wait_until_ready()

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    @property
    def password(self) -> str:
        """Created by the first call; '' if the server needs none."""
        return stored_secret(self.data / "password") if self.protected else ""

    @property
    def _port_file(self) -> Path:
        return self.data / "port"

    def last_port(self) -> int | None:
        """The port it has now, or had in its last run; None if it never ran."""
        with contextlib.suppress(OSError, ValueError):
            return int(self._port_file.read_text())
        return None


class RedisServer(Server):
    """Redis Stack with search and JSON. Every write goes to the append-only file, which is synced once a second."""

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

    def is_ready(self) -> bool:
        with self.client() as client, contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    def client(self) -> redis.Redis:
        """Returns a client for the caller to close."""
        return redis.Redis.from_url(self.url(), socket_timeout=2, retry=None)

    def url(self, database: int = 0) -> str:
        owner = f":{self.password}@" if self.protected else ""
        return f"redis://{owner}{LOOPBACK}:{self.port}/{database}"


class MongoServer(Server):
    """mongod as a replica set of one: that makes writes durable and allows transactions."""

    def arguments(self) -> list[str]:
        key = ("--keyFile", str((self.data / "key").resolve())) if self.protected else ()
        if key:
            stored_secret(self.data / "key")  # without it a replica set needs no password
        return [
            *(str(mongod_binary()), "--bind_ip", LOOPBACK, "--port", str(self.port), "--nounixsocket"),
            *("--dbpath", str(self.data.resolve()), "--replSet", REPLICA_SET, "--oplogSize", "128", "--quiet"),
            *("--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            # By default it sets aside three files of 100 MB for its journal, whatever little is written.
            *("--wiredTigerEngineConfigString", "log=(file_max=16MB)"),
            *key,
            # mongod logs slow queries, which contain people's words.
            *("--slowms", "3600000"),
            # By default a member of a replica set continues for 15 seconds after SIGTERM.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        ]

    def is_ready(self) -> bool:
        with contextlib.suppress(PyMongoError):
            return replica_set.set_up(self.port, self._member, self.password)
        return False

    def client(self) -> replica_set.Client:
        """Returns a client of this server alone, for the caller to close."""
        return replica_set.connect(self.port, self.password)

    @property
    def _member(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def url(self, database: str = DATABASE) -> str:
        owner, source = (f"{replica_set.USER}:{self.password}@", "&authSource=admin") if self.protected else ("", "")
        return f"mongodb://{owner}{self._member}/{database}?replicaSet={REPLICA_SET}{source}"


class DataLock:
    """Lets only one instance use a data folder. The servers inherit the lock, so it survives a killed instance."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        self._file: io.TextIOWrapper | None = None

    def acquire(self, seconds: float = 30.0) -> int:
        """Locks the folder and returns the lock file's descriptor. Waits for a dead instance's servers to stop.

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
            f"{self.path.parent} is in use by another instance (process {owner}). Set DATA_DIR to run a second one."
        )


class Embedded:
    """One or both of the servers, with one data folder."""

    def __init__(self, folder: Path, *, with_redis: bool = True, with_mongodb: bool = True) -> None:
        self.folder = folder
        self._with_redis, self._with_mongodb = with_redis, with_mongodb
        self._lock = DataLock(folder)
        self.redis: RedisServer | None = None
        self.mongodb: MongoServer | None = None

    @property
    def servers(self) -> list[Server]:
        return [server for server in (self.redis, self.mongodb) if server is not None]

    def start(self) -> None:
        """Starts the servers and waits until they are ready. If one does not start, stops the other.

        Raises:
            StartError: one did not start, or another instance uses the data folder.
            CannotEmbed: this machine cannot run them.
        """
        if not (self._with_redis or self._with_mongodb):
            return
        lock = (self._lock.acquire(),)
        logs = self.folder / "log"
        try:
            if self._with_redis:
                self.redis = self.make_redis(logs / "redis.log", lock)
                self.redis.start()
            if self._with_mongodb:
                self.mongodb = MongoServer("MongoDB", self.folder / "mongodb", logs / "mongodb.log", lock)
                self.mongodb.start()
            for server in self.servers:
                server.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def make_redis(self, log: Path, lock: Sequence[int]) -> RedisServer:
        return RedisServer("Redis", self.folder / "redis", log, lock)

    def stop(self) -> None:
        """Stops the servers, giving each time to write its data to disk."""
        for server in self.servers:
            server.signal(15)
        for server in self.servers:
            server.stop()
        self._lock.release()
