"""A Redis that takes no more connections for a moment costs those alone who had none."""

import threading
from collections.abc import Iterator

import pytest
from redis import Redis, RedisError

from chat.store.connection import Stores, connect_redis
from config.settings import Settings
from dev.processes import wait_until

SECONDS = 10


@pytest.fixture
def full(stores: Stores) -> Iterator[Redis]:
    """A client with two idle connections, at a Redis that takes no others."""
    own = connect_redis(stores.settings)
    held = [own.connection_pool.get_connection() for _ in range(2)]
    for connection in held:
        own.connection_pool.release(connection)
    before = stores.redis.config_get("maxclients")["maxclients"]
    stores.redis.config_set("maxclients", stores.redis.info("clients")["connected_clients"])
    yield own
    stores.redis.config_set("maxclients", before)
    own.close()


@pytest.mark.single_redis
def test_a_refused_connection_is_not_taken_again_while_others_work(full: Redis) -> None:
    pool = full.connection_pool
    held = [pool.get_connection() for _ in range(2)]
    failed: list[RedisError] = []

    def one_more() -> None:
        try:
            pool.release(pool.get_connection())
        except RedisError as error:
            failed.append(error)

    waiting = threading.Thread(target=one_more)
    waiting.start()
    waiting.join(SECONDS)
    assert failed, "all are in use, Redis refuses another, and none becomes free in time"
    for connection in held:
        pool.release(connection)
    for _ in range(20):
        assert full.ping(), "before, each of these took the one that had failed"


@pytest.mark.single_redis
def test_who_is_refused_a_connection_waits_for_one_that_is_there(full: Redis) -> None:
    pool = full.connection_pool
    held = [pool.get_connection() for _ in range(2)]
    answered: list[bool] = []
    waiting = threading.Thread(target=lambda: answered.append(full.ping()))
    waiting.start()
    wait_until(lambda: len(pool._connections) > 2, SECONDS, "the refusal of a third")
    pool.release(held.pop())
    waiting.join(SECONDS)
    assert answered == [True]
    pool.release(held.pop())


def test_with_redis_away_nobody_waits_for_a_connection_that_cannot_come(settings: Settings) -> None:
    nowhere = connect_redis(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    with pytest.raises(RedisError, match="Connection refused"):
        nowhere.ping()
    assert not any(connection.is_connected for connection in nowhere.connection_pool._connections)


def test_no_process_has_more_connections_than_its_setting(settings: Settings) -> None:
    few = connect_redis(settings.model_copy(update={"redis_connections": 2}))
    threads = [threading.Thread(target=lambda: [few.ping() for _ in range(50)]) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(few.connection_pool._connections) <= 2
    few.close()
