"""Redis's clock. What one process notes and another compares is measured by it, since their own clocks may differ."""

from redis import Redis


def now_us(redis: Redis) -> int:
    """The time (Unix, µs). One round trip; raises RedisError."""
    seconds, microseconds = redis.time()
    return int(seconds * 1_000_000 + microseconds)


def now_ms(redis: Redis) -> int:
    """The same in milliseconds."""
    return now_us(redis) // 1_000
