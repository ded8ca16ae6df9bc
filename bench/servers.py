"""Real server processes, as `make run` starts them, and the CPU and memory that each of them uses."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from config.settings import Settings
from dev import whisper_model
from dev.embedded import Embedded
from tests.redis_cluster import EmbeddedCluster
from tests.stack import Stack

PARTITIONS = Settings.model_fields["partitions"].default
OURS = ("web", "worker", "transcriber", "beat", "redis", "mongod")
NAMES = (*OURS, "ejabberd", "prosody", "load")  # of the processes that `Meter` measures
LIMITS = {"LIMIT_SIGNUP_ADDRESS": "1000000 per minute", "LIMIT_MESSAGES": "1000000 per second"}


@contextmanager
def servers(
    environment: Mapping[str, str] | None = None,
    commands: Mapping[str, str] | None = None,
    embedded: Callable[..., Embedded] = Embedded,
) -> Iterator[Stack]:
    """Runs the whole application on a temporary data folder; `commands` replace those of the Procfile."""
    # As deployed: tests have fewer partitions and a smaller model.
    usual = {"PARTITIONS": str(PARTITIONS), "WHISPER_MODEL": str(whisper_model.folder("base"))}
    settings = {"ENVIRONMENT": "development", "LOG_LEVEL": "WARNING", **usual, **LIMITS, **(environment or {})}
    with tempfile.TemporaryDirectory(prefix="chattergram-bench-") as folder:
        stack = Stack(Path(folder), settings, commands, embedded)
        stack.start()
        try:
            yield stack
        finally:
            stack.stop()


@dataclass(frozen=True)
class Usage:
    """The usage of a process and its children: cores (1.0 is one core) and resident bytes."""

    cores: float
    resident: int


class Meter:
    """Measures CPU and memory of every process of a stack, and of the load itself, from `start` to `stop`.

    Instead of a stack it takes the ids of other processes by name.
    """

    def __init__(self, stack: Stack | Mapping[str, int]) -> None:
        running = dict(stack) if isinstance(stack, Mapping) else _running(stack)
        self._processes = {name: psutil.Process(pid) for name, pid in {**running, "load": os.getpid()}.items()}

    def start(self) -> None:
        self._began = time.monotonic()
        self._before = {name: _seconds(process, name) for name, process in self._processes.items()}

    def stop(self) -> dict[str, Usage]:
        took = time.monotonic() - self._began
        return {
            name: Usage((_seconds(process, name) - self._before[name]) / took, _resident(process, name))
            for name, process in self._processes.items()
        }


def _running(stack: Stack) -> dict[str, int]:
    own = {name: process.pid for name, process in stack.processes.items()}
    cluster = stack.embedded.cluster if isinstance(stack.embedded, EmbeddedCluster) else None
    redis = {node.name: node.pid for node in cluster.nodes} if cluster else {"redis": stack.redis.pid}
    return {**own, **redis, "mongod": stack.mongodb.pid}


def family(process: psutil.Process, name: str = "") -> list[psutil.Process]:
    return [process] if name == "load" else [process, *process.children(recursive=True)]


def _seconds(process: psutil.Process, name: str) -> float:
    return sum(map(cpu_seconds, family(process, name)))


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds a process has used, including its ended children, so that replacing a child loses nothing."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _resident(process: psutil.Process, name: str) -> int:
    held = 0
    for each in family(process, name):
        with suppress(psutil.NoSuchProcess):
            held += int(each.memory_info().rss)
    return held
