"""Brings both stores' indexes up to date. Every process may call this when it starts; only one does the work."""

import contextlib
import time
from collections.abc import Iterator

import structlog
from pymongo.errors import PyMongoError
from redis import Redis, RedisError, ResponseError
from redis.lock import Lock

from chat.store import archive, hot, keys, partitions
from chat.store.cluster import NotACluster, each_asked, nodes
from chat.store.connection import Stores
from config import platforms
from config.addresses import is_cluster
from config.settings import unusable

log = structlog.get_logger(__name__)

# Commands that change nothing; a node of a cluster may say that another one has this key
MODULES = {"search": ("FT._LIST",), "JSON": ("JSON.TYPE", keys.lock_key("prepare"))}
KEEPS_ALL = "noeviction"
LOCK_SECONDS = 10.0
PAUSE_SECONDS = 0.5
LOG_INTERVAL_SECONDS = 10.0  # between two log lines that say the same


def prepare(stores: Stores) -> None:
    """Creates missing indexes in MongoDB and Redis, and gives Redis the scripts.

    Raises:
        PyMongoError, RedisError: a store is away.
    """
    archive.migrate(stores.mongo)
    hot.configure(stores.redis)
    stores.scripts.load(stores.redis)
    # Lock only if there is something to do: a process killed while it starts must not hold up the next one.
    if hot.outdated(stores):
        lock = Lock(stores.redis, keys.lock_key("prepare"), timeout=LOCK_SECONDS, blocking_timeout=2 * LOCK_SECONDS)
        with lock:
            hot.migrate(stores)


def _check_kinds(stores: Stores) -> None:
    """Raises SettingsError at the start for a store we cannot use, rather than failing on every second call."""
    if reason := _unusable_redis(stores):
        raise unusable({"redis_url": reason})
    hello = stores.mongo.client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":  # what a mongos calls itself
        raise unusable({"mongodb_uri": "names a MongoDB that is not a replica set; transactions need one"})
    if reason := partitions.unusable(stores):
        raise unusable({"partitions": reason})
    for risk in _risks(stores):
        if stores.settings.environment == "production":
            raise unusable({"redis_url": risk})
        log.warning("redis.unsafe", reason=risk)


def _unusable_redis(stores: Stores) -> str:
    """Returns why this Redis cannot be used; an empty text if it can."""
    try:
        everyone = nodes(stores.redis)
    except NotACluster:
        return "names a Redis that is no cluster; use redis:// or rediss://"
    if not is_cluster(stores.settings.redis_url) and stores.redis.info("cluster").get("cluster_enabled"):
        return "names a node of a Redis Cluster; use redis+cluster:// or rediss+cluster://"
    missing = [name for name, command in MODULES.items() if not all(_knows(node, command) for node in everyone)]
    if missing:
        return f"names a Redis without the module {' and '.join(missing)}; Redis 8 and Redis Stack have both"
    return ""


def _knows(node: Redis, command: tuple[str, ...]) -> bool:
    try:
        node.execute_command(*command)
    except ResponseError as error:
        return "unknown command" not in str(error).lower()
    return True


def _risks(stores: Stores) -> Iterator[str]:
    """Yields how this Redis could lose what was accepted, as far as it tells."""
    found = dict.fromkeys(risk for node in nodes(stores.redis) for risk in _risks_of(node))
    yield from found


def _risks_of(node: Redis) -> Iterator[str]:
    memory = node.info("memory")
    policy = str(memory.get("maxmemory_policy", KEEPS_ALL))
    if memory.get("maxmemory") and policy != KEEPS_ALL:
        yield f"names a Redis that removes data when it is full; set its maxmemory-policy from {policy} to {KEEPS_ALL}"
    if not node.info("persistence").get("aof_enabled"):
        with contextlib.suppress(ResponseError):  # a managed Redis keeps its configuration to itself
            if not node.config_get("save").get("save", "unknown"):
                yield "names a Redis that keeps nothing on its disk; set appendonly to yes"


def prepare_when_up(stores: Stores, timeout: float | None = None) -> bool:
    """Waits until both stores are up and prepares them; gives up after `timeout` seconds if there is one.

    Logs what it is waiting for, and when the stores are there. Returns whether they are prepared. Raises SettingsError
    for a store that can never be used.
    """
    if taken := platforms.sentence(stores.settings.model_dump(include={each.setting for each in platforms.NAMES})):
        log.info("settings.of_platform", taken=taken)
    began = time.monotonic()
    logged, log_again_at = "", 0.0
    while True:
        try:
            with each_asked(stores.redis):
                _check_kinds(stores)
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
