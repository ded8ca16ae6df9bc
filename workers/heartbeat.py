"""Notes for `workers.health` that a worker's consumer runs and has its broker, or that beat sends tasks."""

import time
from typing import Any

import structlog
from celery import bootsteps
from redis import Redis, RedisError

from chat.upkeep import runs
from workers import health

log = structlog.get_logger(__name__)

RESTART_SECONDS = 1.0  # between two starts of a consumer
SWEEP_SECONDS = 120.0  # without a sweep, of which there is one every five


class Heartbeat(bootsteps.StartStopStep):
    """Celery starts it whenever the consumer has connected, and clears its timer when the connection is lost."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._started = -RESTART_SECONDS

    def start(self, consumer: Any) -> None:
        # A broker that refuses writes is connected to again and again.
        pause = self._started + RESTART_SECONDS - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._started = time.monotonic()
        name = consumer.hostname.partition("@")[0]
        health.note(name)
        consumer.timer.call_repeatedly(health.NOTE_SECONDS, health.note, (name,))


class BeatHeartbeat:
    """Beat's: nobody else notices when workers are there and yet nothing of what it sends is done."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._first: float | None = None

    def note(self) -> None:
        try:
            now = runs.now(self._redis)
            self._first = self._first or now
            age = min(runs.ages(self._redis)[runs.SWEEP], now - self._first)
        except RedisError as error:
            health.note(health.BEAT)
            log.warning("beat.cannot_tell", error=type(error).__name__)
            return
        health.note(health.BEAT, f"no worker has done what it sends for {age:.0f} s" if age > SWEEP_SECONDS else "")
