"""When the sweep and the sync last ran, by Redis's clock (those of our processes may differ), and how far work is."""

import math
from collections.abc import Callable

from redis import Redis

from chat.store import clock, keys

SWEEP, SYNC = "sweep", "sync"

Progress = Callable[[int], None]
"""What long work tells how many further items it has done."""


def ignore(number: int) -> None:
    """The `Progress` of work that nobody watches."""


def record(redis: Redis, name: str) -> None:
    """Notes that it has just run to its end. Raises RedisError."""
    redis.hset(keys.LAST_RUNS, name, str(now(redis)))


def ages(redis: Redis) -> dict[str, float]:
    """Returns the seconds since each last ran, infinite if it never did. Raises RedisError."""
    found, moment = redis.hgetall(keys.LAST_RUNS), now(redis)
    return {name: max(0.0, moment - float(found.get(name.encode(), -math.inf))) for name in (SWEEP, SYNC)}


def now(redis: Redis) -> float:
    """Returns Redis's clock, in Unix seconds."""
    return clock.now_us(redis) / 1e6
