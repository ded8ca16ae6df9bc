"""Sends tasks from within tasks. If the broker is down or silent, the sender waits half a second, not longer.

Celery's default would wait seconds for a connection, long enough to lose a lease. Callers know what to do instead.
"""

import time
from functools import lru_cache

import structlog
from celery import Task
from kombu import pools
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from config.addresses import BROKER_SECONDS, fail_fast
from config.settings import get_settings
from workers.app import app

log = structlog.get_logger(__name__)

NUDGE_PAUSE = 5.0  # seconds without nudges after one failed; the sweep runs as often


def send(task: Task, *arguments: str) -> bool:
    """Sends a task. Returns whether the broker accepted it."""
    try:
        with pools.producers[_broker()].acquire(block=True) as producer:
            task.apply_async(arguments, producer=producer, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("task.not_sent", not_sent=task.name, error=str(error))
        return False
    return True


class Nudge:
    """Sends a task that takes what waits. Backs off while the broker is away, since the caller has texts to deliver."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._again = 0.0

    def __call__(self) -> None:
        """Sends the task, unless backing off; then the sweep will send it."""
        if time.monotonic() >= self._again and not send(self._task):
            self._again = time.monotonic() + NUDGE_PAUSE


@lru_cache(maxsize=1)
def _broker() -> Connection:
    """A connection apart from Celery's own, opened after the fork."""
    options = fail_fast(get_settings().celery_broker_url)
    broker: Connection = app.connection_for_write(connect_timeout=BROKER_SECONDS, transport_options=options)
    return broker
