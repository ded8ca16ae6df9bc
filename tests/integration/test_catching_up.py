"""What a web process gives its sockets once its subscription is back, with the real stores."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from pymongo import MongoClient
from redis import RedisError

from chat.frames import MESSAGES, Envelope
from chat.messages import delivery
from chat.people import presence
from chat.store import keys
from chat.store.connection import Stores
from dev.processes import free_port
from tests.people import drain, send
from web.sockets.people import People
from web.sockets.subscriber import Subscriber

INCOMPLETE = b'application:resume---{"complete":false}'


class Socket:
    """A connection that keeps what it gets."""

    def __init__(self, user_id: str) -> None:
        self.user_id, self.token_id, self.issued_ms = user_id, "this", 2**50
        self.got = b""
        self.held = None
        self.is_slow = False

    def push(self, data: bytes) -> bool:
        self.got += data
        return True


@pytest.fixture
def subscriber(stores: Stores) -> Subscriber:
    """One whose process has just begun."""
    return begin(stores)


def begin(stores: Stores) -> Subscriber:
    people = People(stores)
    made = Subscriber(stores, people.hub, people)
    made._catch_up()
    return made


def connect(subscriber: Subscriber, user_id: str) -> Socket:
    socket = Socket(user_id)
    subscriber._hub.add(cast("Any", socket))
    return socket


@pytest.fixture
def caught(subscriber: Subscriber, pair: tuple[str, str]) -> Callable[[], bytes]:
    """Has the subscription break and come back. Returns what bert's socket got by that."""
    socket = connect(subscriber, pair[1])

    def catch_up() -> bytes:
        socket.got = b""
        subscriber._catch_up()
        return socket.got

    return catch_up


def pass_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the clock is a minute ahead, as seen from here."""
    now = delivery.position_now
    monkeypatch.setattr(delivery, "position_now", lambda stores: now(stores) + 60_000_000)


def test_on_a_new_redis_nobody_has_missed_anything(caught: Callable[[], bytes]) -> None:
    assert caught() == b""


def test_what_was_missed_comes_once_however_often_the_subscription_breaks(
    stores: Stores, pair: tuple[str, str], caught: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stores, *pair, "missed")
    drain(stores)
    pass_time(monkeypatch)  # beyond what two clocks may differ by
    assert caught().count(b'"missed"') == 1
    assert caught() == b""


def test_a_redis_that_was_lost_is_told_of_once(stores: Stores, caught: Callable[[], bytes]) -> None:
    stores.redis.set(keys.DELIVERY_SINCE, delivery.position_now(stores) + 60_000_000)  # the clock of the next one
    assert INCOMPLETE in caught()
    assert caught() == b""


def test_too_much_to_hold_is_told_of_once(
    stores: Stores,
    pair: tuple[str, str],
    subscriber: Subscriber,
    caught: Callable[[], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = stores.settings.model_copy(update={"socket_queue_bytes": 100})
    monkeypatch.setattr(subscriber, "_stores", replace(stores, settings=small))
    send(stores, *pair, "too long for that")
    drain(stores)
    pass_time(monkeypatch)
    assert INCOMPLETE in caught()
    assert caught() == b""


def test_after_a_loss_what_a_slower_clock_calls_earlier_is_not_missed(
    stores: Stores, pair: tuple[str, str], caught: Callable[[], bytes]
) -> None:
    caught()
    sent = send(stores, *pair, "by a slower clock")["_id"]
    drain(stores)
    earlier = delivery.position_now(stores) - delivery.CLOCKS_APART // 2
    stores.redis.zadd(keys.deliveries_key(pair[1]), {sent: earlier})
    assert b"by a slower clock" in caught()


def test_what_was_delivered_before_a_process_began_is_nothing_its_sockets_missed(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stores, *pair, "long ago")
    drain(stores)
    pass_time(monkeypatch)
    subscriber = begin(stores)
    socket = connect(subscriber, pair[1])
    subscriber._catch_up()
    assert socket.got == b""


def test_what_another_person_has_from_the_future_hides_nothing_that_was_missed(
    stores: Stores, pair: tuple[str, str], subscriber: Subscriber
) -> None:
    future = delivery.position_now(stores) + 3_600_000_000
    subscriber._hub.route(MESSAGES, Envelope((pair[0],), future, b"{}"))
    socket = connect(subscriber, pair[1])
    send(stores, *pair, "missed")
    drain(stores)
    subscriber._catch_up()
    assert b'"missed"' in socket.got


def test_after_a_redis_with_a_clock_ahead_was_lost_nothing_is_missed(
    stores: Stores, pair: tuple[str, str], subscriber: Subscriber, caught: Callable[[], bytes]
) -> None:
    now = delivery.position_now(stores)
    subscriber._hub.route(MESSAGES, Envelope((pair[1],), now + 3_600_000_000, b"{}"))
    stores.redis.set(keys.DELIVERY_SINCE, now)  # by the clock of the next one
    caught()
    send(stores, *pair, "missed")
    drain(stores)
    assert b'"missed"' in caught()


def test_a_lease_that_was_renewed_without_a_reply_may_have_run_out_before(
    stores: Stores, pair: tuple[str, str], subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, renew = subscriber._people, presence.renew
    connect(subscriber, pair[0])
    people._renew()
    people._report()
    presence.renew(stores, people._process, 0)
    presence.sweep(stores)
    assert presence.online(stores, pair) == set()

    def lose_the_reply(*arguments: Any) -> bool:
        renew(*arguments)
        raise RedisError("the connection broke before the reply")

    people._renewed = 0.0
    with monkeypatch.context() as patched:
        patched.setattr(presence, "renew", lose_the_reply)
        with pytest.raises(RedisError):
            people._renew()
    people._renew()
    people._report()
    assert presence.online(stores, pair) == {pair[0]}


def test_who_is_known_to_the_archive_alone_is_online_once_that_can_be_asked(
    stores: Stores, pair: tuple[str, str], subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", free_port(), serverSelectionTimeoutMS=0)
    people = subscriber._people
    monkeypatch.setattr("web.sockets.people.UNKNOWN_SECONDS", 0.0)
    connect(subscriber, pair[0])
    stores.redis.delete(keys.user_key(pair[0]))  # as when Redis was lost
    people._renew()
    people._stores = replace(stores, mongo=nowhere.chattergram)
    people._report()
    nowhere.close()
    assert presence.online(stores, pair) == set()
    people._stores = stores
    people._report()
    assert presence.online(stores, pair) == {pair[0]}
