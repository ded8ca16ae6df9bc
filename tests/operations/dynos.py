"""Runs processes like a Heroku-like platform: by the lines of `Procfile`, configured only by the environment, and
without shared files.
"""

import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import requests

from dev.embedded import Embedded
from dev.processes import ManagedProcess, free_port
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.operations.proxy import Address
from tests.stack import READY_TIMEOUT, ROOT, SECRET, clean_environment, procfile, server_settings, start_servers

DEPLOYED = ("beat", "chat", "config", "web", "workers")
STOP_SECONDS = 30  # then a platform kills the process


def copy_package(name: str, folder: Path) -> None:
    """Copies one of our packages with what is compiled of it, so that no process compiles it again."""
    shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))  # half written


class Dynos:
    """Two of each process except beat, each in a folder of its own. The two web processes have different addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, ManagedProcess] = {}
        self.backends: list[Address] = []
        self.deepgram = DeepgramStandIn()

    def start(self) -> None:
        self.embedded, self.redis, self.mongodb = start_servers(self.folder / "servers")
        servers = server_settings(self.redis, self.mongodb)
        stores = {name: servers[name] for name in ("REDIS_URL", "CELERY_BROKER_URL", "MONGODB_URI")}
        self.config = {"SECRET_KEY": SECRET, "LIMIT_SIGNUP_ADDRESS": "1000 per minute", **stores}
        self.config |= {"DEEPGRAM_API_KEY": KEY, "DEEPGRAM_BASE_URL": self.deepgram.url}
        commands = procfile("Procfile")
        for number, host in enumerate(("127.0.0.1", "127.0.0.2"), 1):
            port = free_port()
            self.backends.append((host, port))
            self.run(f"web.{number}", commands["web"], {"BIND_HOST": host, "PORT": str(port)})
            for name in ("worker", "transcriber"):
                # On a platform each has a host name of its own.
                self.run(f"{name}.{number}", commands[name].replace("@%h", f"@dyno-{number}"), {})
        self.run("beat.1", commands["beat"], {})
        for number in (1, 2):
            self.processes[f"web.{number}"].wait_ready(lambda at=number: self.ready(at), READY_TIMEOUT)
            for name in ("worker", "transcriber"):
                process = self.processes[f"{name}.{number}"]
                process.wait_ready(lambda of=process: "ready." in of.output(), READY_TIMEOUT)

    def run(self, name: str, command: str, environment: Mapping[str, str]) -> ManagedProcess:
        """Starts one dyno from a fresh copy of what is deployed."""
        home = self.folder / name
        for part in DEPLOYED:
            copy_package(part, home / "app")
        (home / "tmp").mkdir()
        own = {"PATH": clean_environment()["PATH"], "HOME": str(home), "TMPDIR": str(home / "tmp"), "LANG": "C.UTF-8"}
        process = ManagedProcess(
            name,
            ["bash", "-c", command],
            log=self.folder / f"{name}.log",
            environment={**own, **self.config, **environment},
            folder=home / "app",
        )
        process.start()
        self.processes[name] = process
        return process

    def ready(self, number: int) -> bool:
        host, port = self.backends[number - 1]
        try:
            return requests.get(f"http://{host}:{port}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def terminate(self, process: ManagedProcess) -> None:
        """Sends SIGTERM to every process of the dyno, like a platform."""
        os.killpg(process.pid, signal.SIGTERM)

    def stop(self) -> None:
        for process in self.processes.values():
            process.signal(signal.SIGTERM)
        for process in self.processes.values():
            process.stop()
        self.embedded.stop()
        self.deepgram.close()

    def written_files(self, name: str) -> list[str]:
        """The files a dyno has left on its disk, apart from those deployed and the notes that it is healthy."""
        home = self.folder / name
        found = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
        return [str(path) for path in found if path.parts[0] != "app" and "chattergram-health" not in str(path)]

    embedded: Embedded
