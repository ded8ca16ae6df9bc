"""ejabberd and Prosody from Debian's packages, each on a temporary folder and a port of its own.

They run as children of the benchmark and are ended by their process ids. Debian's own services are neither needed nor
touched. Their folders are in memory where there is such a place: SQLite syncs each message to the disk, which on a slow
one takes twenty times as long as all the rest, while our Redis does so once a second.
"""

import re
import shutil
import socket
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dev.processes import LOOPBACK, ManagedProcess, free_port
from tests.stack import clean_environment

HERE = Path(__file__).parent
MEMORY = Path("/dev/shm")
READY_SECONDS = 60.0


class Missing(Exception):
    """A server is not installed. The text says what to do."""


class Peer(ABC):
    name: str
    program: str
    configuration: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: ManagedProcess | None = None

    @classmethod
    def require(cls) -> None:
        """Raises Missing."""
        if shutil.which(cls.program, path="/usr/bin:/usr/sbin:/bin") is None:
            raise Missing(f"{cls.name} is not installed. On Debian: apt-get install --no-install-recommends {cls.name}")

    @property
    def pids(self) -> dict[str, int]:
        assert self._process is not None
        return {self.name: self._process.pid}

    def start(self) -> None:
        text = (HERE / self.configuration).read_text()
        filled = text.replace("{port}", str(self.port)).replace("{folder}", str(self.folder))
        (self.folder / self.configuration).write_text(filled)
        environment = {**clean_environment(), **self.environment()}
        self._process = ManagedProcess(
            self.name, self.command(), log=self.folder / "log", environment=environment, folder=self.folder
        )
        self._process.start()
        self._process.wait_ready(self._is_ready, READY_SECONDS)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def _is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0

    def environment(self) -> dict[str, str]:
        return {}

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def archived(self) -> int:
        """How many messages are in its archive; each is in its sender's and in its receiver's."""


class Ejabberd(Peer):
    name, program, configuration = "ejabberd", "ejabberdctl", "ejabberd.yml"

    def start(self) -> None:
        (schema,) = Path("/usr/share/ejabberd/sql").glob("lite.sql")
        with closing(sqlite3.connect(self.folder / "ejabberd.db")) as database:
            database.executescript(schema.read_text())
            database.execute("PRAGMA journal_mode = WAL")
        super().start()

    def command(self) -> list[str]:
        # As ejabberdctl does, but without a node name, so that no epmd stays behind.
        options = ["-noinput", "+K", "true", "+P", "250000", "-mnesia", "dir", f'"{self.folder}/mnesia"']
        return ["/usr/bin/erl", *options, "-s", "ejabberd"]

    def environment(self) -> dict[str, str]:
        program = next(Path("/usr/lib").glob("*/ejabberd-*/ebin/ejabberd.beam"))
        return {
            "ERL_LIBS": str(program.parents[2]),
            "ERL_CRASH_DUMP_SECONDS": "0",  # no dump
            "EJABBERD_CONFIG_PATH": str(self.folder / self.configuration),
            "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"),
            "HOME": str(self.folder),
        }

    def archived(self) -> int:
        with closing(sqlite3.connect(self.folder / "ejabberd.db")) as database:
            return int(database.execute("SELECT count(*) FROM archive").fetchone()[0]) // 2


class Prosody(Peer):
    name, program, configuration = "prosody", "prosody", "prosody.cfg.lua"

    def command(self) -> list[str]:
        return ["/usr/bin/prosody", "-F", "--config", str(self.folder / self.configuration)]

    def archived(self) -> int:
        # One file a person, one item a line
        files = (self.folder / "data").glob("*/archive/*.list")
        return sum(len(re.findall(rb"^item\(\{", file.read_bytes(), re.MULTILINE)) for file in files) // 2


PEERS: tuple[type[Peer], ...] = (Ejabberd, Prosody)


@contextmanager
def running(kind: type[Peer]) -> Iterator[Peer]:
    where = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="chattergram-peer-", dir=where) as folder:
        peer = kind(Path(folder))
        peer.start()
        try:
            yield peer
        finally:
            peer.stop()
