"""A look into the stores of a running application, beside those that other tests have open."""

import contextlib
from collections.abc import Iterator

from pymongo import MongoClient

from chat.store.connection import Stores, connect_redis
from chat.store.scripts import Scripts
from config.settings import Settings


@contextlib.contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """As `chat.store.connection.connect`, but for mongoengine, which knows only one MongoDB a process."""
    redis, once = connect_redis(settings), connect_redis(settings, retries=0)
    with redis, once, MongoClient(settings.mongodb_uri, tz_aware=True) as mongodb:
        yield Stores(settings, redis, once, mongodb.get_default_database(), Scripts(redis))
