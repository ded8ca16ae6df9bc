"""The whole application with real servers, on free loopback ports, in a temporary folder."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import requests
from honcho.environ import parse_procfile

from config import platforms
from config.settings import Settings
from dev import whisper_model
from dev.embedded import Embedded, MongoServer, RedisServer
from dev.processes import LOOPBACK, ManagedProcess, free_port
from tests.push_service import VAPID_PRIVATE_KEY
from tests.redis_cluster import embedded

ROOT = Path(__file__).resolve().parent.parent
SECRET = "secret-of-the-tests-0123456789abcdef"
READY_TIMEOUT = 60.0  # seconds


def clean_environment() -> dict[str, str]:
    """This process's environment without any of our settings, so that no developer's key or URL leaks in."""
    ours = {name.upper() for name in Settings.model_fields} | {each.variable for each in platforms.NAMES}
    environment = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    return environment


def start_servers(folder: Path) -> tuple[Embedded, RedisServer, MongoServer]:
    servers = embedded(folder)
    servers.start()
    assert servers.redis is not None
    assert servers.mongodb is not None
    return servers, servers.redis, servers.mongodb


def server_settings(redis: RedisServer | None, mongodb: MongoServer | None) -> dict[str, str]:
    """Environment variables that point the application at these servers, or at those that are there."""
    to_redis = {"REDIS_URL": redis.url(0), "CELERY_BROKER_URL": redis.url(1)} if redis else {}
    to_mongodb = {"MONGODB_URI": mongodb.url()} if mongodb else {}
    return {
        "ENVIRONMENT": "test",
        "PAGE_MODULES": "true",  # browser tests look into the modules
        "PARTITIONS": "4",  # every start makes all of their indexes, and every sweep looks at all of them
        "SECRET_KEY": SECRET,
        **to_redis,
        **to_mongodb,
        "VAPID_PRIVATE_KEY": VAPID_PRIVATE_KEY,
        "PUSH_TO_PRIVATE_HOSTS": "true",
    }


def run_alone(
    command: Sequence[str | Path], environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end with these settings alone; what it finds is in its folder, or on this PYTHONPATH."""
    usual = {name: value for name, value in clean_environment().items() if name != "PYTHONPATH"}
    return subprocess.run(
        command,
        env={**usual, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_configured(command: Sequence[str | Path], folder: Path = ROOT) -> str:
    """Runs a program to its end with complete settings and no servers; returns what it says. It must succeed."""
    settings = {"SECRET_KEY": SECRET, "REDIS_URL": "redis://redis", "MONGODB_URI": "mongodb://mongodb/chat"}
    ran = run_alone(command, settings, folder)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def answers(url: str) -> bool:
    """Whether this address answers with 200 now."""
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def procfile(name: str) -> dict[str, str]:
    """The commands of `Procfile` or `Procfile.dev`."""
    commands: dict[str, str] = parse_procfile((ROOT / name).read_text()).processes
    return commands


class Stack:
    """Redis, MongoDB, gunicorn, three Celery workers and beat, started by the commands of `Procfile.dev`, not Flower.

    Every process is a `ManagedProcess`: `kill()` kills it and its children with kill -9, `signal()` reaches only the
    process itself, `children()` has the pids of its workers, `start()` starts it again. After any of these, wait for
    what you need: `wait_web()`, `wait_workers()`, or a server's `restart()`.

    A server whose address is in `environment` is not started, nor a process whose command in `commands` is empty.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        commands: Mapping[str, str] | None = None,
        servers: Callable[..., Embedded] = embedded,
    ) -> None:
        self.folder = folder
        self._embedded = servers
        self._commands = dict(commands or {})  # instead of those of the Procfile
        self.port = 0
        self._overrides = dict(environment or {})
        self.environment: dict[str, str] = {}
        self.processes: dict[str, ManagedProcess] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts everything and waits until it is ready.

        Raises:
            StartError: something did not start; shows the end of its log.
        """
        with_redis, with_mongodb = (name not in self._overrides for name in ("REDIS_URL", "MONGODB_URI"))
        self.embedded = self._embedded(self.folder, with_redis=with_redis, with_mongodb=with_mongodb)
        self.embedded.start()
        try:
            if self.embedded.redis is not None:
                self.redis = self.embedded.redis
            if self.embedded.mongodb is not None:
                self.mongodb = self.embedded.mongodb
            self.port = free_port()
            self.environment = {
                **clean_environment(),
                **server_settings(self.embedded.redis, self.embedded.mongodb),
                "BIND_HOST": LOOPBACK,
                "PORT": str(self.port),
                "DATA_DIR": str(self.folder),
                "HEALTH_DIR": str(self.folder / "health"),
                "PYTHONPATH": str(ROOT),
                "WHISPER_MODEL": str(whisper_model.folder("tiny.en")),  # loads and hears in a quarter of the time
                **self._overrides,
            }
            for name, command in procfile("Procfile.dev").items():
                if name != "flower" and (own := self._commands.get(name, command)):  # an empty one leaves it out
                    self.processes[name] = self.make_process(name, own)
                    self.processes[name].start()
            self.wait_web()
            self.wait_workers()
        except BaseException:
            self.stop()
            raise

    def make_process(self, name: str, command: str, environment: Mapping[str, str] | None = None) -> ManagedProcess:
        """Returns one more process of the application, not started yet; the temporary folder has no `.env`."""
        return ManagedProcess(
            name,
            ["sh", "-c", command],
            log=self.folder / "log" / f"{name}.log",
            environment=_allowed({**self.environment, **(environment or {})}),
            folder=self.folder,
        )

    def stop(self) -> None:
        """Stops everything, the application first."""
        for process in self.processes.values():
            process.signal(15)
        for process in self.processes.values():
            process.stop()
        self.embedded.stop()

    @property
    def web(self) -> ManagedProcess:
        return self.processes["web"]

    @property
    def worker(self) -> ManagedProcess:
        return self.processes["worker"]

    @property
    def transcriber(self) -> ManagedProcess:
        return self.processes["transcriber"]

    @property
    def pusher(self) -> ManagedProcess:
        return self.processes["pusher"]

    @property
    def beat(self) -> ManagedProcess:
        return self.processes["beat"]

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def settings(self) -> Settings:
        """The settings of its processes, for looking into its stores."""
        set_here = {name.lower(): value for name, value in _allowed(self.environment).items()}
        ours = {name: set_here[name] for name in Settings.model_fields if name in set_here}
        return Settings(_env_file=None, **ours)

    def wait_web(self, seconds: float = READY_TIMEOUT) -> None:
        """Waits until the web process can reach everything it needs."""
        self.web.wait_ready(self.ready, seconds)

    def ready(self) -> bool:
        return answers(f"{self.url}/readyz")

    def wait_workers(self, transcriber: ManagedProcess | None = None, seconds: float = READY_TIMEOUT) -> None:
        """Waits until all Celery workers there are take tasks: each notes again and again that it does.

        `transcriber` is one that stands in for the usual one.
        """
        own = self.processes.get
        workers = {"chat": own("worker"), "transcription": transcriber or own("transcriber"), "push": own("pusher")}
        notes = {self.folder / "health" / name: process for name, process in workers.items() if process is not None}
        for note in notes:
            note.unlink(missing_ok=True)
        for note, process in notes.items():
            process.wait_ready(lambda note=note, process=process: _is_of(note, process), seconds)

    def start_stopped(self) -> None:
        """Starts again whatever a test has stopped, and waits until everything is ready."""
        for server in self.embedded.servers:
            if not server.running:
                server.restart()
        for process in self.processes.values():
            if not process.running:
                process.start()
        self.wait_web()
        self.wait_workers()

    @contextmanager
    def another_transcriber(self, settings: Mapping[str, str], command: str = "") -> Iterator[ManagedProcess]:
        """Replaces the usual transcriber with one that has other settings, or another command."""
        other = self.make_process("another-transcriber", command or self.transcriber.command[-1], settings)
        self.transcriber.kill()
        other.start()
        try:
            self.wait_workers(other)
            yield other
        finally:
            other.kill()
            self.transcriber.start()
            self.wait_workers()

    def log_tails(self, lines: int = 25) -> str:
        """The ends of all logs, for a failed test's report."""
        everything = [*self.processes.values(), *self.embedded.servers]
        return "\n".join(process.log_tail(lines) for process in everything)


def _allowed(environment: dict[str, str]) -> dict[str, str]:
    """The environment without what production refuses."""
    only_for_tests = {"PUSH_TO_PRIVATE_HOSTS"} if environment.get("ENVIRONMENT") == "production" else set()
    return {name: value for name, value in environment.items() if name not in only_for_tests}


def _is_of(note: Path, process: ManagedProcess) -> bool:
    try:
        return os.getpgid(json.loads(note.read_text())["pid"]) == process.pid
    except (OSError, ValueError):
        return False
