"""Accepting a message, with the real stores: who may send, how much, and that it exists once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from redis.client import Pipeline

from chat import ids
from chat.errors import Invalid, NotFound, TooMany, Unauthorized, Unavailable
from chat.messages import history, sending, storing
from chat.messages.log import Draft
from chat.people import accounts, sessions
from chat.people.sessions import Session
from chat.store import keys
from chat.store.connection import Stores
from chat.upkeep import sync
from tests.people import drain, log_of, nobody_to_wake, partition_of, said, send


def test_an_accepted_message_is_in_both_stores_once_drained(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    message = send(stores, anna, bert, "hello")
    assert message["status"] == "accepted"
    drain(stores)
    assert [found["_id"] for found in history.recent(stores, bert, anna)] == [message["_id"]]
    assert stores.mongo.messages.count_documents({"_id": message["_id"]}) == 1
    assert storing.waiting_for_archive(stores) == 0
    assert stores.redis.xlen(log_of(stores, pair)) == 0


def test_ten_posts_of_one_client_id_at_once_make_one_message(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda _: send(stores, anna, bert, "once", "same"), range(10)))
    assert len({message["_id"] for message in made}) == 1
    drain(stores)
    assert said(history.recent(stores, anna, bert)) == ["once"]
    assert send(stores, anna, bert, "once", "same")["_id"] == made[0]["_id"]


def test_a_call_the_redis_client_repeats_makes_one_message(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stores.together.run

    def lose_the_first_answer(add: Callable[[Pipeline], None]) -> list[Any]:
        run(add)
        return run(add)  # as redis-py does if the connection breaks before the reply

    monkeypatch.setattr(stores.together, "run", lose_the_first_answer)
    stores.redis.set(keys.waking_key(partition_of(stores, pair)), "1")
    message = send(stores, *pair, "once")
    assert stores.redis.xlen(log_of(stores, pair)) == 1
    drain(stores)
    assert [found["_id"] for found in history.recent(stores, *pair)] == [message["_id"]]


def test_the_same_client_id_of_another_sender_is_another_message(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    assert send(stores, anna, bert, "one", "same")["_id"] != send(stores, bert, anna, "two", "same")["_id"]


def test_ids_sort_as_accepted_also_within_a_millisecond(stores: Stores, pair: tuple[str, str]) -> None:
    made = [send(stores, *pair, f"{n}")["_id"] for n in range(300)]
    assert made == sorted(made)
    drain(stores)
    assert said(history.recent(stores, *pair)) == [f"{n}" for n in range(100, 300)]


def test_a_full_log_refuses_and_accepts_nothing(stores: Stores, pair: tuple[str, str]) -> None:
    small = stores.settings.model_copy(update={"accepted_limit": 3 * stores.settings.partitions})
    bounded = replace(stores, settings=small)
    for n in range(3):
        send(bounded, *pair, f"{n}")
    with pytest.raises(Unavailable):
        send(bounded, *pair, "too much")
    drain(stores)
    assert len(history.recent(stores, *pair)) == 3


def test_without_a_queue_nothing_is_accepted(stores: Stores, pair: tuple[str, str]) -> None:
    def broker_is_away() -> None:
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        sending.accept(stores, Draft(*pair, "lost?"), broker_is_away)
    assert stores.redis.xlen(log_of(stores, pair)) == 0
    assert sending.accept(stores, Draft(*pair, "kept"), nobody_to_wake)["text"] == "kept"


def test_a_drainer_is_woken_once_while_one_is_on_its_way(stores: Stores, pair: tuple[str, str]) -> None:
    woken: list[int] = []
    for n in range(5):
        sending.accept(stores, Draft(*pair, f"{n}"), lambda: woken.append(1))
    assert woken == [1]
    drain(stores)
    sending.accept(stores, Draft(*pair, "later"), lambda: woken.append(1))
    assert woken == [1, 1]


def test_unknown_receivers_and_empty_messages_are_refused(stores: Stores, pair: tuple[str, str]) -> None:
    with pytest.raises(NotFound):
        send(stores, pair[0], ids.lowest_id(1), "hello")
    with pytest.raises(Invalid):
        send(stores, *pair, "  \n")
    with pytest.raises(Invalid):
        send(stores, pair[0], pair[0], "note to self")


def test_a_receiver_redis_has_forgotten_is_still_known(stores: Stores, pair: tuple[str, str]) -> None:
    stores.redis.delete(keys.user_key(pair[1]))
    assert send(stores, *pair, "hello")["text"] == "hello"


def test_a_message_is_accepted_after_the_drainer_was_woken_in_vain(stores: Stores, pair: tuple[str, str]) -> None:
    woken: list[int] = []

    def wake_one_that_is_gone_at_once() -> None:
        woken.append(1)
        stores.redis.delete(keys.waking_key(partition_of(stores, pair)))

    assert sending.accept(stores, Draft(*pair, "hello"), wake_one_that_is_gone_at_once)["text"] == "hello"
    assert len(woken) == sending._WAKE_ROUNDS


def test_another_drainer_is_woken_after_the_flag_of_a_dead_one_expires(stores: Stores, pair: tuple[str, str]) -> None:
    send(stores, *pair, "hello")
    assert 0 < stores.redis.pttl(keys.waking_key(partition_of(stores, pair))) <= sending.WAKING_MS


def test_a_client_id_is_known_as_long_as_its_message_is_hot(stores: Stores, pair: tuple[str, str]) -> None:
    send(stores, *pair, "named", "same")
    window = stores.settings.hot_window_days * 86_400
    assert window - 60 < stores.redis.ttl(keys.client_key(pair[0], "same")) <= window
    send(stores, *pair, "nameless")
    (call,) = stores.redis.keys(keys.call_key("*"))
    assert 0 < stores.redis.ttl(call) <= sending.RETRY_SECONDS


# --- The session


def post(stores: Stores, pair: tuple[str, str], token: str = "this", issued_ms: int = 1_000) -> None:
    """Sends like the web, which has decoded the token but not asked Redis about it."""
    session = Session(pair[0], token, issued_ms, 2**40)
    accepted = sending.accept(stores, Draft(*pair, "hello"), nobody_to_wake, session)
    assert accepted["status"] == "accepted"


def assert_ended(stores: Stores, pair: tuple[str, str], token: str = "this", issued_ms: int = 1_000) -> None:
    before = stores.redis.xlen(log_of(stores, pair))
    with pytest.raises(Unauthorized):
        post(stores, pair, token, issued_ms)
    assert stores.redis.xlen(log_of(stores, pair)) == before


@pytest.mark.parametrize("rebuilt", [True, False], ids=["whole", "lost"])
def test_a_session_that_was_ended_sends_nothing_also_before_a_lost_redis_is_rebuilt(
    stores: Stores, pair: tuple[str, str], rebuilt: bool
) -> None:
    sessions.end(stores, pair[0], "this", 60)
    while sync.run(stores):
        pass
    if not rebuilt:
        stores.redis.flushdb()
    assert_ended(stores, pair)
    accounts.get(stores, pair[0])  # from now on Redis knows the sender again, but not yet what was ended
    assert_ended(stores, pair)
    post(stores, pair, "another")


@pytest.mark.parametrize("rebuilt", [True, False], ids=["whole", "lost"])
def test_all_sessions_but_one_that_were_ended_send_nothing_also_before_a_lost_redis_is_rebuilt(
    stores: Stores, pair: tuple[str, str], rebuilt: bool
) -> None:
    sessions.end_all(stores, pair[0], keep="kept")
    ended = ids.now_ms()
    while sync.run(stores):
        pass
    if not rebuilt:
        stores.redis.flushdb()
    before, _, _ = stores.mongo.sessions.find_one({})["value"].partition(":")
    assert_ended(stores, pair, "this", int(before))
    post(stores, pair, "kept", int(before))
    post(stores, pair, "later", ended + 1)


def test_the_session_of_a_sender_redis_knows_is_checked_within_the_one_call(
    stores: Stores, pair: tuple[str, str]
) -> None:
    while sync.run(stores):
        pass
    send(stores, *reversed(pair), "wakes the drainer")
    stores.redis.config_resetstat()
    post(stores, pair)
    calls = stores.redis.info("commandstats")
    assert calls["cmdstat_evalsha"]["calls"] == 1
    assert "cmdstat_mget" not in calls, "as where the sessions are asked for apart"


def test_a_sender_in_neither_store_is_refused(stores: Stores, pair: tuple[str, str]) -> None:
    while sync.run(stores):
        pass
    stores.mongo.users.delete_one({"_id": pair[0]})
    stores.redis.delete(keys.user_key(pair[0]))
    assert_ended(stores, pair)


# --- The limits


def limited(stores: Stores, limits: str) -> Stores:
    return replace(stores, settings=stores.settings.model_copy(update={"limit_messages": limits}))


def test_a_sender_at_the_limit_may_send_again_when_its_window_ends(stores: Stores, pair: tuple[str, str]) -> None:
    strict = limited(stores, "2 per 10 minute")
    counter = keys.limit_key("message", pair[0], 600)
    send(strict, *pair, "one")
    assert 590 < stores.redis.ttl(counter) <= 600
    stores.redis.expire(counter, 30)
    send(strict, *pair, "two")
    with pytest.raises(TooMany) as refused:
        send(strict, *pair, "three")
    assert 25 < refused.value.retry_after <= 30, "the window does not restart with each message"
    assert stores.redis.ttl(counter) <= 30
    assert stores.redis.xlen(log_of(stores, pair)) == 2
    stores.redis.persist(counter)
    with pytest.raises(TooMany) as refused:
        send(strict, *pair, "four")
    assert refused.value.retry_after == 1, "whatever is left of its time"
    stores.redis.delete(counter)  # as if that were over
    assert send(strict, *pair, "five")["text"] == "five"


def test_every_limit_holds_for_its_sender_alone(stores: Stores, pair: tuple[str, str]) -> None:
    strict = limited(stores, "3 per minute; 2 per hour")
    for _ in range(2):
        send(strict, *pair, "hello")
    with pytest.raises(TooMany) as refused:
        send(strict, *pair, "too much")
    assert refused.value.retry_after > 60
    send(strict, *reversed(pair), "an answer")


def test_a_message_counts_once_however_often_the_script_is_called_for_it(stores: Stores, pair: tuple[str, str]) -> None:
    strict = limited(stores, "2 per hour")
    post(strict, pair)  # Redis cannot tell yet whether the session is valid, and nobody drains the log
    post(strict, pair)
    with pytest.raises(TooMany):
        post(strict, pair)
