"""Celery's connection to its broker: outlasts every outage, and notices soon that it is over.

Kombu waits two seconds longer after each attempt, up to half a minute: after an outage of twenty seconds, messages
would wait for up to ten more, and after a longer one for thirty. Celery has no setting for it.
"""

from typing import Any

import structlog
from celery.app.amqp import AMQP
from kombu.connection import Connection

log = structlog.get_logger(__name__)

PAUSES = {"interval_start": 1, "interval_step": 1, "interval_max": 5}  # seconds between attempts


class SoonBack(Connection):
    """A connection that tries to come back at least every `interval_max` seconds."""

    def maybe_close_channel(self, channel: Any) -> None:
        """Closes a channel, also one to a broker that has died before it was told that a task was received.

        Celery closes such a channel twice. The second time it has lost its transport, which kombu takes for granted,
        and the AttributeError would end the worker. What Redis still has of the task is given out again later.
        """
        try:
            super().maybe_close_channel(channel)  # type: ignore[no-untyped-call]
        except AttributeError as error:
            log.warning("broker.channel_not_closed", error=str(error))

    def ensure_connection(self, *arguments: Any, **options: Any) -> Connection:
        connection: Connection = super().ensure_connection(*arguments, **{**PAUSES, **options})  # type: ignore[no-untyped-call]
        return connection


class Broker(AMQP):
    """What Celery makes its connections with."""

    Connection = SoonBack
