"""The pool of a process's connections to Redis.

redis-py's own pool puts a connection that failed to connect on top and takes it again for the next command, although
others are idle and work: a Redis that refused one connection for a moment made a web process refuse everything.
"""

from queue import Empty, Full
from threading import Condition
from typing import Any

from redis import BlockingConnectionPool, RedisError
from redis.sentinel import Sentinel, SentinelConnectionPool

from config.addresses import sentinels

FAILED = (RedisError, OSError)


class ConnectedFirst:
    """The queue of a pool: hands out what was used last; what is not connected comes after everything that is.

    It has what redis-py needs of a queue. It is none of Python's, since gevent replaces those by its own.
    """

    def __init__(self, size: int) -> None:
        self.queue: list[Any] = []
        self._size = size
        self._changed = Condition()

    def put_nowait(self, item: Any) -> None:
        with self._changed:
            if len(self.queue) >= self._size:
                raise Full
            self.queue.insert(len(self.queue) if is_connected(item) else 0, item)
            self._changed.notify_all()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Raises queue.Empty if there is none in time, at once unless `block`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.queue, timeout if block else 0):
                raise Empty
            return self.queue.pop()

    def wait_connected(self, others: list[Any], seconds: float) -> bool:
        """Waits for a connected one. Returns false if none came, or none of `others`, all there are, is connected."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_top_connected() or not any(map(is_connected, others)), seconds)
            return self._is_top_connected()

    def _is_top_connected(self) -> bool:
        return bool(self.queue) and is_connected(self.queue[-1])


class Pool(BlockingConnectionPool):
    """Where no new connection can be made, a command waits for one of those there are, for as long as for any."""

    def __init__(self, **options: Any) -> None:
        super().__init__(queue_class=ConnectedFirst, **options)

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        """Raises RedisError if Redis takes no connection and none became free in time."""
        try:
            return super().get_connection(*arguments, **options)
        except FAILED:
            if not self.pool.wait_connected(self._connections, self.timeout):
                raise
            return super().get_connection(*arguments, **options)


class MasterPool(SentinelConnectionPool, Pool):
    """Connects to the master that sentinels name, and to the next one after a failover."""


def open_pool(url: str, **options: Any) -> Pool:
    """Returns a pool for an address of `REDIS_URL`. Connects only when a connection is needed.

    Raises TypeError, ValueError or RedisError for an option with which no connection can be made.
    """
    pool = _pool(url, options)
    pool.connection_class(**pool.connection_kwargs)  # or the first command would find out
    return pool


def _pool(url: str, options: dict[str, Any]) -> Pool:
    found = sentinels(url)
    if found is None:
        pool: Pool = Pool.from_url(url, **options)
        return pool
    manager = Sentinel(found.hosts, sentinel_kwargs=found.options)
    tls = {} if found.tls is None else {"ssl": True, **found.tls}
    mine: dict[str, Any] = {"db": found.database, **found.login, **tls}
    return MasterPool(service_name=found.service, sentinel_manager=manager, **mine, **options)


def is_connected(connection: Any) -> bool:
    """Whether it is a connection, not the pool's placeholder, and has a socket."""
    return connection is not None and connection.is_connected
