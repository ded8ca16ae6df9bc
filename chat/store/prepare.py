"""Brings both stores' indexes up to date. Every process may call it at its start; one does the work."""

import time

import structlog
from pymongo.errors import ConfigurationError, PyMongoError
from redis import RedisError
from redis.lock import Lock

from chat.store import archive, hot, keys
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
        lock = Lock(stores.redis, keys.lock_key("prepare"), timeout=LOCK_SECONDS, blocking_timeout=2 * LOCK_SECONDS)
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


def prepare_patiently(stores: Stores, patience: float | None = None) -> bool:
    """The same, waiting for the stores to come: up to `patience` seconds, without it for ever.

    Says what it waits for, and once they are there that they are. Answers whether it is done.
    """
    began = time.monotonic()
    said, say_again = "", 0.0
    while True:
        try:
            prepare(stores)
        except (PyMongoError, RedisError) as error:
            waited = time.monotonic() - began
            if type(error).__name__ != said or waited > say_again:
                log.warning("stores.waiting", error=str(error)[:200], waited=f"{waited:.0f} s")
                said, say_again = type(error).__name__, waited + SAY_SECONDS
            if patience is not None and waited > patience:
                return False
            time.sleep(PAUSE_SECONDS)
        else:
            if said:
                log.info("stores.there", waited=f"{time.monotonic() - began:.0f} s")
            return True
