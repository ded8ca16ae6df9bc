"""Target 6: how long a process takes to start serving, and how much memory it uses at rest."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psutil
from celery import Celery

from bench.rows import Row
from bench.servers import Meter, Usage, cpu_seconds, family, servers
from dev.processes import ManagedProcess, wait_until
from tests.stack import Stack

START_SECONDS = 30.0
MAX_START = 2.0
MAX_MEMORY = 120 * 2**20
REST_SECONDS = 3.0
TRIES = 3
PING_SECONDS = 0.1  # short, because a ping sent before the worker listens is lost
QUEUES = {"worker": "chat", "transcriber": "transcription"}


def start_and_memory(scale: float) -> list[Row]:
    """Target 6: a cold start, and memory at rest."""
    with servers() as stack:
        rows = _at_rest(stack)
        rows.append(_cold_start(stack.web, "web", lambda: _lives(stack.url)))
        stack.wait_web()
        with Celery(broker=stack.environment["CELERY_BROKER_URL"], set_as_current=False) as celery:
            for name, queue in QUEUES.items():
                rows.append(_cold_start(stack.processes[name], name, partial(_answers, celery, queue)))
    return rows


def _cold_start(process: ManagedProcess, name: str, serves: Callable[[], bool]) -> Row:
    """Measures the seconds from starting a process until it serves: the median of a few runs."""
    runs = []
    for _ in range(TRIES):
        process.stop()
        began = time.monotonic()
        process.start()
        wait_until(serves, START_SECONDS, f"the start of {name}")
        took = time.monotonic() - began
        used = sum(map(cpu_seconds, family(psutil.Process(process.pid))))
        runs.append((took, Usage(used / took, 0)))
    runs.sort(key=lambda run: run[0])
    took, usage = runs[TRIES // 2]
    measured = f"{took:.2f} s (of {TRIES}: {runs[0][0]:.2f} to {runs[-1][0]:.2f})"
    what = f"cold start of a {name} process, until it answers"
    return Row(what, measured, f"under {MAX_START:.0f} s", took < MAX_START, {name: usage})


def _lives(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _answers(celery: Celery, queue: str) -> bool:
    """Whether the worker of this queue replies to a ping over the broker, the way its tasks arrive."""
    worker = f"{queue}@{socket.gethostname()}"
    return bool(celery.control.ping(destination=[worker], timeout=PING_SECONDS, limit=1))


def _at_rest(stack: Stack) -> list[Row]:
    """Measures the memory of the web, worker and transcriber processes after a quiet while."""
    time.sleep(REST_SECONDS)
    meter = Meter(stack)
    meter.start()
    time.sleep(REST_SECONDS)
    cpu = meter.stop()
    rows = []
    for name in ("web", *QUEUES):
        usage = []
        for each in family(psutil.Process(stack.processes[name].pid)):
            with suppress(psutil.NoSuchProcess):
                usage.append(each.memory_full_info())
        largest, together = max(int(each.rss) for each in usage), sum(int(each.pss) for each in usage)
        measured = (
            f"{largest / 2**20:.0f} MB (its {len(usage)} processes together, shared memory counted once: "
            f"{together / 2**20:.0f} MB)"
        )
        what = f"memory of the largest {name} process at rest"
        rows.append(Row(what, measured, f"under {MAX_MEMORY / 2**20:.0f} MB", largest < MAX_MEMORY, cpu))
    return rows
