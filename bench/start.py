"""How long a process takes to serve, and how much memory it holds at rest."""

import time
import urllib.error
import urllib.request

import psutil

from dev.processes import wait_until
from tests.stack import Stack

START_SECONDS = 30.0
REST_SECONDS = 3.0
TRIES = 5


def cold_start(stack: Stack) -> float:
    """Seconds from starting gunicorn until it answers: the median of a few."""
    took = []
    for _ in range(TRIES):
        stack.web.stop()
        began = time.monotonic()
        stack.web.start()
        wait_until(lambda: _lives(stack.url), START_SECONDS, "the web process")
        took.append(time.monotonic() - began)
    stack.wait_web()
    return sorted(took)[TRIES // 2]


def at_rest(stack: Stack) -> dict[str, int]:
    """Resident bytes of each process that works (gunicorn's and Celery's own children), after a while of silence."""
    time.sleep(REST_SECONDS)
    held = {}
    for name in ("web", "worker", "transcriber"):
        children = psutil.Process(stack.processes[name].pid).children() or [psutil.Process(stack.processes[name].pid)]
        held[name] = max(int(child.memory_info().rss) for child in children)
    return held


def _lives(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
