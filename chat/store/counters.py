"""The workers' metrics, summed in Redis, where any web process's `/metrics` can read them.

On most platforms a worker has no port, and several may share no name, so Prometheus cannot scrape them. `count` and
`observe` only change numbers in memory; `flush` adds those to one hash, once per task rather than once per message.
A killed worker loses its current task's numbers; a lost Redis restarts at 0, which Prometheus understands.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from redis import Redis

from chat.store import keys

SEPARATOR = "|"
SUM = "sum"
FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
SLOW = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Family(NamedTuple):
    """One metric: a histogram if it has `bounds` (in seconds), else a counter."""

    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


FAMILIES = {
    "tasks": Family("Celery tasks that ended.", ("task", "outcome")),
    "task_seconds": Family("How long Celery tasks took; a drain lingers while messages arrive.", ("task",), SLOW),
    "messages_delivered": Family("Messages stored and published by a drain; voice messages not yet transcribed."),
    "delivery_seconds": Family("Time from accepting a message to publishing it.", (), FAST),
    "messages_refused": Family("Accepted messages that could not be stored and were set aside."),
    "transcriptions": Family("Transcription attempts.", ("outcome",)),
    "transcription_seconds": Family("How long transcription attempts took.", (), SLOW),
    "transcription_retries": Family("Transcription attempts that failed or were given back and will be repeated."),
    "followed": Family("Recordings that were followed while they were made, by how that ended.", ("outcome",)),
    "pushes": Family("Notifications by Web Push, one for each device.", ("outcome",)),
    "sync_rounds": Family("Rounds of the sync between the stores.", ("result",)),
    "sync_brought": Family("What the sync brought after a store was lost or restored, by what it is.", ("what",)),
    "messages_aged": Family("Messages removed from Redis because of their age; the archive keeps them."),
}

_lock = threading.Lock()
_pending: dict[str, float] = defaultdict(float)


class Histogram(NamedTuple):
    """Pairs of a bound and the number of observations within it, the last bound being infinity; and their sum (s)."""

    counts: list[tuple[float, float]]
    sum: float


def count(name: str, *labels: str, by: float = 1) -> None:
    """Adds to a counter."""
    _add(SEPARATOR.join((name, *labels)), by)


def observe(name: str, *labels: str, seconds: float) -> None:
    """Adds one observation to a histogram."""
    bound = next((each for each in FAMILIES[name].bounds if seconds <= each), float("inf"))
    _add(SEPARATOR.join((name, *labels, str(bound))), 1)
    _add(SEPARATOR.join((name, *labels, SUM)), seconds)


def flush(redis: Redis) -> None:
    """Adds to Redis what was counted since the last flush. Raises RedisError and keeps the numbers for the next."""
    with _lock:
        taken = dict(_pending)
        _pending.clear()
    if not taken:
        return
    try:
        with redis.pipeline(transaction=False) as pipe:
            for field, by in taken.items():
                pipe.hincrbyfloat(keys.COUNTERS, field, by)
            pipe.execute()
    except Exception:
        for field, by in taken.items():
            _add(field, by)
        raise


def read(redis: Redis) -> dict[str, dict[tuple[str, ...], float | Histogram]]:
    """Returns a counter's value or a histogram, by family and labels."""
    found: dict[str, dict[tuple[str, ...], float | Histogram]] = {name: {} for name in FAMILIES}
    rows: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in FAMILIES}
    for raw, value in redis.hgetall(keys.COUNTERS).items():
        name, *labels = raw.decode().split(SEPARATOR)
        if name in rows:  # otherwise another version's metric
            rows[name][tuple(labels)] = float(value)
    for name, family in FAMILIES.items():
        if not family.labels and not rows[name]:  # report 0 rather than nothing
            rows[name][(SUM,) if family.bounds else ()] = 0.0
        found[name].update(_histograms(rows[name], family.bounds) if family.bounds else rows[name])
    return found


def _histograms(rows: dict[tuple[str, ...], float], bounds: Sequence[float]) -> dict[tuple[str, ...], Histogram]:
    made = {}
    for labels in {labels[:-1] for labels in rows}:
        total, counts = 0.0, []
        for bound in (*bounds, float("inf")):
            total += rows.get((*labels, str(bound)), 0)
            counts.append((bound, total))
        made[labels] = Histogram(counts, rows.get((*labels, SUM), 0.0))
    return made


def _add(field: str, by: float) -> None:
    with _lock:
        _pending[field] += by
