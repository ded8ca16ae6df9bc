"""Notifications by Web Push: to whom they go, what they say, and what follows a failure. With a real push service."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from chat import ids
from chat.errors import Invalid, NotFound
from chat.messages import editing
from chat.people import presence, sessions
from chat.people.sessions import Session
from chat.push import sending, subscriptions, vapid, waiting
from chat.push.service import PushServices
from chat.store import keys
from chat.store.connection import Stores
from chat.upkeep import sync
from tests.people import drain, send, send_voice, someone
from tests.push_service import VAPID_PRIVATE_KEY, Browser, PushService


@pytest.fixture
def stores(stores: Stores) -> Stores:
    pushing = {"vapid_private_key": SecretStr(VAPID_PRIVATE_KEY), "push_to_private_hosts": True}
    return replace(stores, settings=stores.settings.model_copy(update=pushing))


@pytest.fixture
def service() -> Iterator[PushService]:
    with PushService() as opened:
        yield opened
    assert opened.refused == []


@pytest.fixture
def senders(stores: Stores) -> PushServices:
    return PushServices(stores.settings)


def session_of(user_id: str, token_id: str = "token") -> Session:
    return Session(user_id, token_id, ids.now_ms(), int(time.time()) + 1_000)


def subscribe(stores: Stores, service: PushService, user_id: str, token_id: str = "token") -> Browser:
    browser = service.subscribe(str(vapid.public_key(stores.settings)))
    subscriptions.subscribe(stores, session_of(user_id, token_id), browser.endpoint, **browser.subscription["keys"])
    return browser


def send_due(stores: Stores, senders: PushServices) -> None:
    while sending.send_next(stores, senders):
        pass


def test_whoever_has_no_socket_is_told_who_wrote_and_not_what(
    stores: Stores, service: PushService, senders: PushServices, pair: tuple[str, str]
) -> None:
    anna, bert = pair
    browser = subscribe(stores, service, bert)
    first = send(stores, anna, bert, "for your eyes only")
    drain(stores)
    send_due(stores, senders)
    received = service.next()
    assert received.browser is browser
    assert received.content == {
        "messageId": first["_id"],
        "senderId": anna,
        "sender": "anna",
        "isVoice": None,
        "text": None,
    }
    assert "anna" not in received.headers["topic"]
    assert len(received.headers["topic"]) == 32
    send(stores, bert, anna, "who has no subscription")
    drain(stores)
    send_due(stores, senders)
    assert service.is_quiet
    assert waiting.due_count(stores) == 0


def test_a_burst_is_one_notification_and_shows_the_newest_text_to_who_wants_that(
    stores: Stores, service: PushService, senders: PushServices, pair: tuple[str, str]
) -> None:
    anna, bert = pair
    subscribe(stores, service, bert)
    subscriptions.show_text(stores, bert, True)
    for text in ("one", "two", "x" * 4_000):
        send(stores, anna, bert, text)
    drain(stores)
    send_due(stores, senders)
    received = service.next()
    assert (received.content["text"], received.content["isVoice"]) == ("x" * 200, False)
    topic = received.headers["topic"]
    assert service.is_quiet
    send_voice(stores, anna, bert)
    drain(stores)
    send_due(stores, senders)
    spoken = service.next()
    assert spoken.content["isVoice"] is True
    assert spoken.headers["topic"] == topic, "takes the place of the earlier one"


@pytest.mark.parametrize("why", ["online", "read", "deleted", "muted"])
def test_nothing_is_sent_that_no_longer_matters(
    why: str, stores: Stores, service: PushService, senders: PushServices, pair: tuple[str, str]
) -> None:
    anna, bert = pair
    subscribe(stores, service, bert)
    message = send(stores, anna, bert, "hello")
    drain(stores)
    assert waiting.due_count(stores) == 1
    if why == "online":
        presence.renew(stores, "web")
        presence.report(stores, "web", {bert: True})
    elif why == "read":
        stores.redis.delete(keys.inbox_key(bert, anna))
    elif why == "deleted":
        editing.delete(stores, anna, message["_id"])
    else:
        stores.redis.execute_command("JSON.SET", keys.user_key(bert), "$.muted", f'["{anna}"]')
    send_due(stores, senders)
    assert service.is_quiet
    assert stores.redis.exists(keys.PUSH_DUE, keys.PUSH_MESSAGES, keys.PUSH_ATTEMPTS, keys.PUSH_UNREACHED) == 0


def test_a_person_with_a_socket_is_not_even_noted(stores: Stores, service: PushService, pair: tuple[str, str]) -> None:
    anna, bert = pair
    subscribe(stores, service, bert)
    presence.renew(stores, "web")
    presence.report(stores, "web", {bert: True})
    send(stores, anna, bert, "hello")
    drain(stores)
    assert waiting.due_count(stores) == 0


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_the_push_service_calls_gone_is_removed(
    status: int, stores: Stores, service: PushService, senders: PushServices, pair: tuple[str, str]
) -> None:
    anna, bert = pair
    subscribe(stores, service, bert)
    service.then = [(status, {})]
    send(stores, anna, bert, "hello")
    drain(stores)
    send_due(stores, senders)
    assert subscriptions.valid_devices(stores, bert)[0] == []
    assert not stores.redis.sismember(keys.PUSH_PEOPLE, bert)


def test_a_push_service_in_trouble_is_asked_again_later_and_not_for_ever(
    stores: Stores,
    service: PushService,
    senders: PushServices,
    pair: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna, bert = pair
    subscribe(stores, service, bert)
    send(stores, anna, bert, "hello")
    drain(stores)
    service.then = [(503, {"Retry-After": "100"}), *[(500, {})] * (sending.MAX_ATTEMPTS - 1)]
    before = ids.now_ms()
    monkeypatch.setattr(ids, "now_ms", lambda: before - 60_000)  # the clocks of workers and pushers may differ
    send_due(stores, senders)
    (_, due), *others = stores.redis.zrange(keys.PUSH_DUE, 0, -1, withscores=True)
    assert not others
    assert due >= before + 100_000
    for _ in range(sending.MAX_ATTEMPTS - 1):
        stores.redis.zadd(keys.PUSH_DUE, {f"{bert} {anna}": 0})
        send_due(stores, senders)
    assert stores.redis.zcard(keys.PUSH_DUE) == 0
    assert service.is_quiet


def test_only_the_devices_that_were_not_reached_are_sent_it_again(
    stores: Stores, service: PushService, senders: PushServices, pair: tuple[str, str]
) -> None:
    anna, bert = pair
    phone, tablet, laptop = (subscribe(stores, service, bert, name) for name in ("phone", "tablet", "laptop"))
    send(stores, anna, bert, "hello")
    drain(stores)
    service.then = [(503, {}), (201, {}), (500, {})]
    for then in ([(429, {})], []):
        send_due(stores, senders)
        assert stores.redis.zcard(keys.PUSH_DUE) == 1
        service.then = then
        stores.redis.zadd(keys.PUSH_DUE, {f"{bert} {anna}": 0})
    send_due(stores, senders)
    assert [service.next().browser, service.next().browser] == [laptop, phone]
    assert service.is_quiet
    assert stores.redis.exists(keys.PUSH_DUE, keys.PUSH_UNREACHED) == 0
    send(stores, anna, bert, "and to all again")
    drain(stores)
    send_due(stores, senders)
    assert {id(service.next().browser) for _ in range(3)} == {id(phone), id(tablet), id(laptop)}


def test_a_notification_whose_sender_died_is_sent_again_and_a_newer_message_is_not_lost_with_it(
    stores: Stores, service: PushService, senders: PushServices, pair: tuple[str, str]
) -> None:
    anna, bert = pair
    subscribe(stores, service, bert)
    send(stores, anna, bert, "one")
    drain(stores)
    taken = waiting.take(stores)
    assert taken is not None
    assert waiting.take(stores) is None, "leased"
    newer = send(stores, anna, bert, "two")
    drain(stores)
    waiting.end(stores, taken)
    send_due(stores, senders)
    assert service.next().content["messageId"] == newer["_id"]


def test_an_ended_session_gets_nothing_and_a_person_has_ten_devices(
    stores: Stores, service: PushService, pair: tuple[str, str]
) -> None:
    _, bert = pair
    for number in range(subscriptions.MAX_DEVICES + 1):
        subscribe(stores, service, bert, f"token-{number}")
    devices, _ = subscriptions.valid_devices(stores, bert)
    assert [each.token_id for each in devices] == [f"token-{n}" for n in range(1, subscriptions.MAX_DEVICES + 1)]
    sessions.end(stores, bert, "token-4", 100)  # as if MongoDB had been away at the log-out
    devices, _ = subscriptions.valid_devices(stores, bert)
    assert "token-4" not in [each.token_id for each in devices]
    subscriptions.keep_only(stores, session_of(bert, "token-7"))
    assert [each.token_id for each in subscriptions.valid_devices(stores, bert)[0]] == ["token-7"]


def test_a_browser_is_one_device_whoever_used_it_before(
    stores: Stores, service: PushService, pair: tuple[str, str]
) -> None:
    anna, bert = pair
    browser = subscribe(stores, service, anna)
    subscriptions.subscribe(stores, session_of(bert, "his"), browser.endpoint, **browser.subscription["keys"])
    assert subscriptions.valid_devices(stores, anna)[0] == []
    assert len(subscriptions.valid_devices(stores, bert)[0]) == 1


def test_a_lost_redis_learns_again_who_has_a_subscription(
    stores: Stores, service: PushService, pair: tuple[str, str]
) -> None:
    subscribe(stores, service, pair[0])
    stores.redis.flushall()
    while sync.run(stores):
        pass
    assert stores.redis.sismember(keys.PUSH_PEOPLE, pair[0])


def test_what_is_no_subscription_is_refused(stores: Stores, service: PushService) -> None:
    browser = service.subscribe("")
    anna, good = session_of(someone(stores, "anna")), browser.subscription["keys"]
    for field, wrong in (("p256dh", "BCVx"), ("p256dh", good["auth"]), ("auth", "é"), ("auth", good["p256dh"])):
        with pytest.raises(Invalid, match="not_a_"):
            subscriptions.subscribe(stores, anna, browser.endpoint, **{**good, field: wrong})
    strict = replace(stores, settings=stores.settings.model_copy(update={"push_to_private_hosts": False}))
    with pytest.raises(Invalid, match="https"):
        subscriptions.subscribe(strict, anna, browser.endpoint, **good)
    keyless = replace(stores, settings=stores.settings.model_copy(update={"vapid_private_key": None}))
    with pytest.raises(NotFound):
        subscriptions.subscribe(keyless, anna, browser.endpoint, **good)
