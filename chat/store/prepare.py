"""Brings both stores' indexes up to date. Every process may call this when it starts; only one does the work."""

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
LOG_INTERVAL_SECONDS = 10.0  # between two log lines that say the same


def prepare(stores: Stores) -> None:
    """Creates missing indexes in MongoDB and Redis.

    Raises:
        PyMongoError, RedisError: a store is away, or is of a kind we cannot use.
    """
    _check_kinds(stores)
    archive.migrate(stores.mongo)
    hot.configure(stores.redis)
    # Lock only if there is something to do: a process killed while it starts must not hold up the next one.
    if hot.is_outdated(stores.redis):
        lock = Lock(stores.redis, keys.lock_key("prepare"), timeout=LOCK_SECONDS, blocking_timeout=2 * LOCK_SECONDS)
        with lock:
            hot.migrate(stores.redis)


def _check_kinds(stores: Stores) -> None:
    """Raises at the start for a store we cannot use, rather than failing on every second call."""
    if stores.redis.info("cluster").get("cluster_enabled"):
        raise RedisError("REDIS_URL names a Redis Cluster, whose nodes refuse scripts with keys in several slots")
    hello = stores.mongo.client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":  # what a mongos calls itself
        raise ConfigurationError("MONGODB_URI names a MongoDB that is not a replica set; transactions need one")


def prepare_when_up(stores: Stores, timeout: float | None = None) -> bool:
    """Waits until both stores are up and prepares them; gives up after `timeout` seconds if there is one.

    Logs what it is waiting for, and when the stores are there. Returns whether they are prepared.
    """
    began = time.monotonic()
    logged, log_again_at = "", 0.0
    while True:
        try:
            prepare(stores)
        except (PyMongoError, RedisError) as error:
            waited = time.monotonic() - began
            if type(error).__name__ != logged or waited > log_again_at:
                log.warning("stores.waiting", error=str(error)[:200], waited=f"{waited:.0f} s")
                logged, log_again_at = type(error).__name__, waited + LOG_INTERVAL_SECONDS
            if timeout is not None and waited > timeout:
                return False
            time.sleep(PAUSE_SECONDS)
        else:
            if logged:
                log.info("stores.there", waited=f"{time.monotonic() - began:.0f} s")
            return True
