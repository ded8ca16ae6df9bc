"""Opens the stores of a running application, in addition to those that other tests have open."""

import contextlib
from collections.abc import Iterator

from pymongo import MongoClient

from chat.store.connection import Stores, connect_redis
from chat.store.memory import Memory
from chat.store.scripts import Scripts
from chat.store.together import Together
from config.settings import Settings


@contextlib.contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """Like `chat.store.connection.connect`, without mongoengine, which knows only one MongoDB per process."""
    redis, once = connect_redis(settings), connect_redis(settings, retries=0)
    with redis, once, MongoClient(settings.mongodb_uri, tz_aware=True) as mongodb:
        yield Stores(
            settings,
            redis,
            once,
            mongodb.get_default_database(),
            Scripts(redis),
            Together(redis, settings.redis_replicas),
            Memory(0.75, 0.85, settings.partitions),
        )
