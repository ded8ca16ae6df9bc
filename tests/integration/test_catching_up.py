"""What a web process gives its sockets once its subscription is back, with the real stores."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from chat.messages import delivery
from chat.store import keys
from chat.store.connection import Stores
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
    people = People(stores)
    made = Subscriber(stores, people.hub, people)
    made._catch_up()
    return made


@pytest.fixture
def caught(subscriber: Subscriber, pair: tuple[str, str]) -> Callable[[], bytes]:
    """Has the subscription break and come back. Returns what bert's socket got by that."""
    socket = Socket(pair[1])
    subscriber._hub.add(cast("Any", socket))

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


def test_a_position_is_up_to_now_less_what_clocks_differ_by(
    stores: Stores, pair: tuple[str, str], subscriber: Subscriber, caught: Callable[[], bytes]
) -> None:
    before = delivery.position_now(stores)
    caught()
    assert subscriber._hub.position(pair[1]) >= before - delivery.CLOCKS_APART
