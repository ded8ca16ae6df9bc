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
    while True:
        try:
            prepare(stores)
            return True
        except (PyMongoError, RedisError) as error:
            log.warning("stores.waiting", error=str(error)[:200])
            if time.monotonic() > until:
                return False
            time.sleep(PAUSE_SECONDS)
