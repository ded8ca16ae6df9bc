"""Target 6: how long a process takes until it serves, and how much memory it holds at rest."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psutil
from celery import Celery

from bench.house import Meter, Usage, cpu_seconds, family, house
from bench.rows import Row
from dev.processes import ManagedProcess, wait_until
from tests.stack import Stack

START_SECONDS = 30.0
START_MOST = 2.0
MEMORY_MOST = 120 * 2**20
REST_SECONDS = 3.0
TRIES = 3
PING_SECONDS = 0.1  # a ping sent before the worker listens is lost, so they follow each other closely
QUEUES = {"worker": "chat", "transcriber": "transcription"}


def start_and_memory(scale: float) -> list[Row]:
    """Target 6: a cold start, and memory at rest."""
    with house() as stack:
        rows = _at_rest(stack)
        rows.append(_cold_start(stack.web, "web", lambda: _lives(stack.url)))
        stack.wait_web()
        with Celery(broker=stack.environment["CELERY_BROKER_URL"], set_as_current=False) as celery:
            for name, queue in QUEUES.items():
                rows.append(_cold_start(stack.processes[name], name, partial(_answers, celery, queue)))
    return rows


def _cold_start(process: ManagedProcess, name: str, serves: Callable[[], bool]) -> Row:
    """Seconds from starting it until it serves: the median of a few."""
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
    return Row(what, measured, f"under {START_MOST:.0f} s", took < START_MOST, {name: usage})


def _lives(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _answers(celery: Celery, queue: str) -> bool:
    """Whether the worker of this queue answers a ping over the broker, as its tasks come."""
    worker = f"{queue}@{socket.gethostname()}"
    return bool(celery.control.ping(destination=[worker], timeout=PING_SECONDS, limit=1))


def _at_rest(stack: Stack) -> list[Row]:
    """Memory of what `web`, `worker` and `transcriber` consist of, after a while of silence."""
    time.sleep(REST_SECONDS)
    meter = Meter(stack)
    meter.start()
    time.sleep(REST_SECONDS)
    cpu = meter.stop()
    rows = []
    for name in ("web", *QUEUES):
        held = []
        for each in family(psutil.Process(stack.processes[name].pid)):
            with suppress(psutil.NoSuchProcess):
                held.append(each.memory_full_info())
        largest, together = max(int(each.rss) for each in held), sum(int(each.pss) for each in held)
        measured = (
            f"{largest / 2**20:.0f} MB (its {len(held)} processes with what they share counted once: "
            f"{together / 2**20:.0f} MB)"
        )
        what = f"memory of the largest {name} process at rest"
        rows.append(Row(what, measured, f"under {MEMORY_MOST / 2**20:.0f} MB", largest < MEMORY_MOST, cpu))
    return rows
