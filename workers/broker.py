"""Celery's connection to its broker, which notices soon that an outage is over.

Kombu waits two seconds longer after each attempt, up to half a minute: after an outage of twenty seconds, messages
would wait for up to ten more, and after a longer one for thirty. Celery has no setting for it.
"""

from typing import Any

from celery.app.amqp import AMQP
from kombu.connection import Connection

PAUSES = {"interval_start": 1, "interval_step": 1, "interval_max": 5}  # seconds between attempts


class SoonBack(Connection):
    """A connection that tries to come back at least every `interval_max` seconds."""

    def ensure_connection(self, *arguments: Any, **options: Any) -> Connection:
        connection: Connection = super().ensure_connection(*arguments, **{**PAUSES, **options})  # type: ignore[no-untyped-call]
        return connection


class Broker(AMQP):
    """What Celery makes its connections with."""

    Connection = SoonBack
