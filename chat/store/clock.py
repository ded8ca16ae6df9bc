"""Redis's clock. What one process notes and another compares is measured by it, since their own clocks may differ."""

from redis import Redis


def now_us(redis: Redis) -> int:
    """The time (Unix, µs). One round trip; raises RedisError."""
    return _us(redis.time())


def now_ms(redis: Redis) -> int:
    """The same in milliseconds."""
    return now_us(redis) // 1_000


def read_ms(reply: tuple[int, int]) -> int:
    """The same from the reply to a TIME that went in a pipeline."""
    return _us(reply) // 1_000


def _us(reply: tuple[int, int]) -> int:
    seconds, microseconds = reply
    return int(seconds * 1_000_000 + microseconds)
