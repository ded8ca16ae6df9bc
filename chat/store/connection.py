"""A process's connections to Redis and MongoDB. Each process connects once, after the fork."""

from dataclasses import dataclass
from typing import Any

import mongoengine
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import ConfigurationError
from pymongo.write_concern import WriteConcern
from redis import Redis, RedisError
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from chat.store.cluster import Cluster
from chat.store.memory import Memory
from chat.store.pool import Pool, open_pool
from chat.store.scripts import Scripts
from chat.store.together import Together
from config import addresses
from config.settings import Settings, made_of

REDIS_TIMEOUT = 2.0  # seconds for one command; redis-py's 5 s with 10 retries would hold a request for a minute
MONGODB_TIMEOUT_MS = 2_000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores, as passed to every function of the domain.

    Both Redis clients return bytes. `redis` retries a call whose reply was lost; `redis_once` does not. `together`
    sends the calls of several threads in one round trip.
    """

    settings: Settings
    redis: Redis
    redis_once: Redis
    mongo: "Database[Document]"
    scripts: Scripts
    together: Together
    memory: Memory

    def close(self) -> None:
        self.redis.close()
        self.redis_once.close()
        mongoengine.disconnect()


def connect_redis(
    settings: Settings, *, timeout: float | None = REDIS_TIMEOUT, retries: int = 1, connections: int | None = None
) -> Redis:
    """Returns a Redis client whose bounded pool waits for a free connection instead of raising at once.

    Of a cluster, each node has such a pool (`chat.store.cluster`). `timeout` is in seconds per command; use None for a
    connection that blocks on purpose (a subscriber). `connections` is by default the setting `REDIS_CONNECTIONS`.

    Raises SettingsError for an address with an option that has no such value.
    """

    url = settings.redis_url
    retry = Retry(ExponentialBackoff(cap=0.2, base=0.02), retries)
    options = {
        "max_connections": connections or settings.redis_connections,
        "timeout": REDIS_TIMEOUT,
        "socket_timeout": timeout,
        "socket_connect_timeout": REDIS_TIMEOUT,
    }
    if (named := addresses.cluster(url)) is not None:
        return made_of("redis_url", lambda: Cluster(named, retry, **options), RedisError)

    def pool() -> Pool:
        return open_pool(url, retry=retry, health_check_interval=0, **options)

    return Redis.from_pool(made_of("redis_url", pool, RedisError))  # so that closing it closes its connections


def connect_mongodb(settings: Settings) -> "Database[Document]":
    """Opens mongoengine's default connection. A majority acknowledges each write, so a kill -9 loses none.

    Raises SettingsError for an address with which there can be none, such as one of mongodb+srv that DNS does not know.
    """

    def connected() -> "MongoClient[Document]":
        client: MongoClient[Document] = mongoengine.connect(
            host=settings.mongodb_uri,
            serverSelectionTimeoutMS=MONGODB_TIMEOUT_MS,
            connectTimeoutMS=MONGODB_TIMEOUT_MS,
            socketTimeoutMS=30_000,
            tz_aware=True,
            uuidRepresentation="standard",
        )
        return client

    client = made_of("mongodb_uri", connected, ConfigurationError, mongoengine.ConnectionFailure)
    return client.get_default_database("chattergram").with_options(write_concern=WriteConcern(w="majority", j=True))


def connect(settings: Settings) -> Stores:
    """Returns both stores. Connects lazily: if a server is not up yet, the first call fails, not this one."""
    redis = connect_redis(settings)
    return Stores(
        settings=settings,
        redis=redis,
        redis_once=connect_redis(settings, retries=0, connections=1),  # what reads the log waits with it
        mongo=connect_mongodb(settings),
        scripts=Scripts(redis),
        together=Together(redis, settings.redis_replicas),
        memory=Memory(settings.redis_memory_warning, settings.redis_memory_full, settings.partitions),
    )
