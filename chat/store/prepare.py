"""Brings both stores' indexes up to date. Every process may call it at its start; one does the work."""

import time

import structlog
from pymongo.errors import PyMongoError
from redis import RedisError
from redis.lock import Lock

from chat import channels
from chat.store import archive, hot
from chat.store.connection import Stores

log = structlog.get_logger(__name__)

LOCK_SECONDS = 60.0
PAUSE_SECONDS = 0.5
SAY_SECONDS = 10.0  # between two lines that say the same


def prepare(stores: Stores) -> None:
    """Create what indexes are missing in MongoDB and Redis.

    Raises:
        PyMongoError, RedisError: a store is away.
    """
    lock = Lock(stores.redis, channels.lock_key("prepare"), timeout=LOCK_SECONDS, blocking_timeout=LOCK_SECONDS)
    with lock:
        archive.migrate(stores.mongo)
        hot.migrate(stores.redis)


def prepare_patiently(stores: Stores, patience: float) -> bool:
    """The same, waiting up to `patience` seconds for the stores to come. Answers whether it is done."""
    until = time.monotonic() + patience
    said, say_again = "", 0.0
    while True:
        try:
            prepare(stores)
            return True
        except (PyMongoError, RedisError) as error:
            now = time.monotonic()
            if type(error).__name__ != said or now > say_again:
                log.warning("stores.waiting", error=str(error)[:200], left=f"{max(0, until - now):.0f} s")
                said, say_again = type(error).__name__, now + SAY_SECONDS
            if now > until:
                return False
            time.sleep(PAUSE_SECONDS)
