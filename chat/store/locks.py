"""Locks for work that only one process may do at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis import Redis, RedisError
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


@contextmanager
def try_renewed_lock(redis: Redis, name: str, seconds: float) -> Iterator[bool]:
    """Like `try_lock`, but renewed while the block runs, so `seconds` may be short: a dead holder blocks none long."""
    lock = Lock(redis, keys.lock_key(name), timeout=seconds, blocking=False, thread_local=False)
    if not lock.acquire():
        yield False
        return
    done = threading.Event()

    def renew() -> None:
        while not done.wait(seconds / 4):
            try:
                lock.reacquire()
            except LockError:
                log.warning("lock.lost", name=name)
                return
            except RedisError:
                continue  # the next renewal may succeed

    thread = threading.Thread(target=renew, name=f"lock-{name}", daemon=True)
    thread.start()
    try:
        yield True
    finally:
        done.set()
        thread.join()
        try:
            lock.release()
        except LockError:
            log.warning("lock.lost", name=name)
