"""Locks for work that only one process may do at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis import Redis
from redis.exceptions import LockError
from redis.lock import Lock

from chat.store import keys

log = structlog.get_logger(__name__)


@contextmanager
def try_lock(redis: Redis, name: str, seconds: float) -> Iterator[bool]:
    """Takes a lock if it is free, and yields whether it did. A dead holder blocks the others for `seconds`."""
    lock = Lock(redis, keys.lock_key(name), timeout=seconds, blocking=False)
    if not lock.acquire():
        yield False
        return
    try:
        yield True
    finally:
        try:
            lock.release()
        except LockError:
            log.warning("lock.lost", name=name)
