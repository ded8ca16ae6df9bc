"""Brings both stores' indexes up to date. Every process may call it at its start; one does the work."""

import time

import structlog
from pymongo.errors import ConfigurationError, PyMongoError
from redis import RedisError
from redis.lock import Lock

from chat import channels
from chat.store import archive, hot
from chat.store.connection import Stores

log = structlog.get_logger(__name__)

LOCK_SECONDS = 10.0
PAUSE_SECONDS = 0.5
SAY_SECONDS = 10.0  # between two lines that say the same


def prepare(stores: Stores) -> None:
    """Create what indexes are missing in MongoDB and Redis.

    Raises:
        PyMongoError, RedisError: a store is away, or of a kind we cannot use.
    """
    _check_kinds(stores)
    archive.migrate(stores.mongo)
    hot.configure(stores.redis)
    # Locked only when there is something to do: a process that is killed at its start must not hold up the next one.
    if hot.is_outdated(stores.redis):
        lock = Lock(stores.redis, channels.lock_key("prepare"), timeout=LOCK_SECONDS, blocking_timeout=2 * LOCK_SECONDS)
        with lock:
            hot.migrate(stores.redis)


def _check_kinds(stores: Stores) -> None:
    """Say it at the start, instead of failing at every second call."""
    if stores.redis.info("cluster").get("cluster_enabled"):
        raise RedisError("REDIS_URL names a Redis Cluster, whose nodes refuse scripts over keys of several slots")
    hello = stores.mongo.client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":  # what a mongos calls itself
        raise ConfigurationError(
            "MONGODB_URI names a MongoDB that is no replica set, without which are no transactions"
        )


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
