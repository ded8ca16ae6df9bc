"""Sends tasks from within tasks. If the broker is down or silent, the sender waits half a second, not longer.

Celery's default would wait seconds for a connection, long enough to lose a lease. Callers know what to do instead.
"""

from functools import lru_cache

import structlog
from celery import Task
from kombu import pools
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from config.addresses import BROKER_SECONDS, fail_fast
from workers.app import app

log = structlog.get_logger(__name__)


def send(task: Task, *arguments: str) -> bool:
    """Sends a task. Returns whether the broker accepted it."""
    try:
        with pools.producers[_broker()].acquire(block=True) as producer:
            task.apply_async(arguments, producer=producer, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("task.not_sent", not_sent=task.name, error=str(error))
        return False
    return True


@lru_cache(maxsize=1)
def _broker() -> Connection:
    """A connection apart from Celery's own, opened after the fork."""
    options = fail_fast(str(app.conf.broker_url))
    broker: Connection = app.connection_for_write(connect_timeout=BROKER_SECONDS, transport_options=options)
    return broker
