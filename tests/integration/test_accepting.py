"""Accepting a message, with the real stores: who may send, how much, and that it exists once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from redis import RedisError
from redis.client import Pipeline
from redis.connection import AbstractConnection

from chat import ids
from chat.errors import Invalid, NotFound, TooMany, Unauthorized, Unavailable
from chat.messages import history, sending, storing
from chat.messages.log import Draft
from chat.people import accounts, sessions
from chat.people.sessions import Session
from chat.store import cluster, keys, limits, scripts
from chat.store.connection import Stores
from chat.store.together import Together
from chat.upkeep import sync
from tests.people import drain, log_of, nobody_to_wake, partition_of, said, send, send_voice, someone, upload


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


def test_a_message_that_was_admitted_long_ago_is_not_accepted(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_long() -> None:
        clock = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: clock() + sending.ADMITTED_SECONDS)

    with pytest.raises(Unavailable):
        sending.accept(stores, Draft(*pair, "too late"), take_long)
    assert stores.redis.xlen(log_of(stores, pair)) == 0


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
    partition = partition_of(stores, pair)
    assert window - 60 < stores.redis.ttl(keys.client_key(partition, pair[0], "same")) <= window
    send(stores, *pair, "nameless")
    (call,) = stores.redis.scan_iter(match=keys.call_key(partition, "*"))
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


@pytest.mark.single_redis
def test_a_text_of_a_sender_redis_knows_takes_two_round_trips(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    while sync.run(stores):
        pass
    send(stores, *reversed(pair), "wakes the drainer")
    post(stores, pair)
    sent: list[object] = []
    send_packed = AbstractConnection.send_packed_command

    def note(*call: object, **named: object) -> None:
        sent.append(call)
        send_packed(*call, **named)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", note)
    post(stores, pair)
    assert len(sent) == 2


def test_a_sender_in_neither_store_is_refused(stores: Stores, pair: tuple[str, str]) -> None:
    while sync.run(stores):
        pass
    stores.mongo.users.delete_one({"_id": pair[0]})
    stores.redis.delete(keys.user_key(pair[0]))
    assert_ended(stores, pair)


# --- The limits


def limited(stores: Stores, setting: str) -> Stores:
    return replace(stores, settings=stores.settings.model_copy(update={"limit_messages": setting}))


def test_a_sender_at_the_limit_may_send_again_when_its_window_ends(stores: Stores, pair: tuple[str, str]) -> None:
    strict = limited(stores, "2 per 10 minute")
    counter = keys.limit_key("message", pair[0], 600)
    send(strict, *pair, "one")
    assert 300 < stores.redis.ttl(counter) <= 600
    stores.redis.expire(counter, 30)
    send(strict, *pair, "two")
    with pytest.raises(TooMany) as refused:
        send(strict, *pair, "three")
    assert 25 < refused.value.retry_after <= 30, "the window does not restart with each message"
    assert stores.redis.ttl(counter) <= 30
    assert stores.redis.xlen(log_of(stores, pair)) == 2
    stores.redis.delete(counter)  # as if that were over
    assert send(strict, *pair, "four")["text"] == "four"


def test_a_text_that_counts_for_more_than_a_window_holds_may_be_sent_in_an_empty_one(
    stores: Stores, pair: tuple[str, str]
) -> None:
    strict = limited(stores, "2 per 10 minute; 9 per hour")
    long = "x" * (3 * sending.CHARACTERS_A_COUNT)
    send(strict, *pair, long)
    assert stores.redis.get(keys.limit_key("message", pair[0], 600)) == b"3"
    for text in ("short", long):
        with pytest.raises(TooMany):
            send(strict, *pair, text)


def test_an_ended_session_counts_in_none_of_its_owners_limits(stores: Stores, pair: tuple[str, str]) -> None:
    strict = limited(stores, "2 per minute; 3 per hour")
    counters = [keys.limit_key("message", pair[0], seconds) for seconds in (60, 3_600)]
    send(strict, *pair, "one")
    sessions.end(stores, pair[0], "this", 60)
    while sync.run(stores):
        pass
    for _ in range(3):
        assert_ended(strict, pair)
    send(strict, *pair, "two")
    for _ in range(3):  # also where they are full
        assert_ended(strict, pair)
        with pytest.raises(TooMany):
            send(strict, *pair, "three")
    assert stores.redis.mget(counters) == [b"2", b"2"]


def test_a_counter_without_an_end_gets_one(stores: Stores, pair: tuple[str, str]) -> None:
    strict = limited(stores, "2 per 10 minute")
    counter = keys.limit_key("message", pair[0], 600)
    stores.redis.set(counter, 1)
    send(strict, *pair, "one")
    assert 300 < stores.redis.ttl(counter) <= 600
    stores.redis.persist(counter)
    with pytest.raises(TooMany) as refused:
        send(strict, *pair, "two")
    assert 300 < refused.value.retry_after <= 600
    assert 300 < stores.redis.ttl(counter) <= 600


def count_by_charging(stores: Stores, window: limits.Window) -> None:
    if limits.charge(stores.scripts.charge, [limits.Charge(window, 1)]):
        raise TooMany("too_much_audio", retry_after=1)


def count_by_asking_for_a_session(stores: Stores, window: limits.Window) -> None:
    person = window.key.partition("{u")[2].partition("}")[0]
    assert sessions.is_valid(stores, person, "this", 1_000, limits.Counted([window], "too_many_requests"))


@pytest.mark.parametrize("count", [count_by_charging, count_by_asking_for_a_session])
def test_every_other_counter_without_an_end_gets_one_too(
    stores: Stores, pair: tuple[str, str], count: Callable[[Stores, limits.Window], None]
) -> None:
    (window,) = limits.windows("2 per 10 minute", "whatever", pair[0])
    stores.redis.set(window.key, 1)
    count(stores, window)
    assert 300 < stores.redis.ttl(window.key) <= 600
    stores.redis.persist(window.key)
    with pytest.raises(TooMany):
        count(stores, window)
    assert 300 < stores.redis.ttl(window.key) <= 600


def test_what_is_taken_back_after_its_window_has_ended_leaves_no_counter_behind(
    stores: Stores, pair: tuple[str, str]
) -> None:
    (window,) = limits.windows("60 per minute", "message", pair[0])
    four = [limits.Charge(window, 4)]
    limits.uncount(stores.scripts.uncount, four)
    assert not stores.redis.exists(window.key)
    assert limits.charge(stores.scripts.charge, [limits.Charge(window, 3)]) is None  # of the next window
    limits.uncount(stores.scripts.uncount, four)
    assert int(stores.redis.get(window.key) or 0) == 0
    assert stores.redis.ttl(window.key) > 0


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


# --- Between the steps


class Lost(RedisError):
    """Instead of a process that is killed there."""


def lose(stores: Stores, monkeypatch: pytest.MonkeyPatch, name: str, attempt: Callable[[], object]) -> None:
    """Makes an attempt whose process dies before it calls that script."""

    def die(**_: object) -> None:
        raise Lost

    with monkeypatch.context() as patched:
        patched.setattr(stores.scripts, name, die)
        with pytest.raises(Lost):
            attempt()


def test_a_message_whose_process_died_between_the_steps_is_accepted_once_when_it_is_sent_again(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(stores, monkeypatch, "append_message", lambda: send(stores, *pair, "once", "same"))
    assert stores.redis.xlen(log_of(stores, pair)) == 0
    made = {send(stores, *pair, "once", "same")["_id"] for _ in range(2)}
    assert len(made) == 1
    assert stores.redis.xlen(log_of(stores, pair)) == 1


def test_a_client_id_that_is_repeated_for_somebody_else_gives_the_same_message(
    stores: Stores, pair: tuple[str, str]
) -> None:
    anna, bert = pair
    others = [someone(stores, f"other {number}") for number in range(4)]  # of several partitions
    sent = send(stores, anna, bert, "once", "same")["_id"]
    assert {send(stores, anna, other, "once", "same")["_id"] for other in others} == {sent}
    drain(stores)
    assert {send(stores, anna, other, "once", "same")["_id"] for other in others} == {sent}


def elsewhere(stores: Stores, pair: tuple[str, str]) -> str:
    """Somebody whose conversation with the first of these two is in another partition than theirs."""
    while True:
        other = someone(stores, f"other {uuid4().hex}")
        if partition_of(stores, (pair[0], other)) != partition_of(stores, pair):
            return other


@pytest.mark.parametrize("first", ["died", "unknown"])
def test_a_client_id_whose_message_was_never_accepted_may_go_to_one_other_person(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    anna, bert = pair
    if first == "died":
        lose(stores, monkeypatch, "append_message", lambda: send(stores, anna, bert, "lost", "same"))
    else:
        with pytest.raises(NotFound):
            send(stores, anna, ids.lowest_id(1), "lost", "same")
    kept = send(stores, anna, elsewhere(stores, pair), "kept", "same")["_id"]
    others = [bert, elsewhere(stores, pair), *(someone(stores, f"other {number}") for number in range(4))]
    assert {send(stores, anna, other, "again", "same")["_id"] for other in others} == {kept}


def test_one_client_id_to_two_people_at_once_makes_one_message(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert = pair
    other = elsewhere(stores, pair)
    made: list[str] = []
    append = sending._Acceptance._append

    def let_another_overtake(acceptance: sending._Acceptance, recording: list[bytes | str]) -> Any:
        monkeypatch.setattr(sending._Acceptance, "_append", append)
        made.append(send(stores, anna, other, "second", "same")["_id"])
        return append(acceptance, recording)

    monkeypatch.setattr(sending._Acceptance, "_append", let_another_overtake)
    made.append(send(stores, anna, bert, "first", "same")["_id"])
    assert len(set(made)) == 1
    assert stores.redis.xlen(log_of(stores, pair)) == 0
    assert stores.redis.xlen(log_of(stores, (anna, other))) == 1


def test_a_call_that_knows_an_old_home_appends_nothing_there_also_when_it_has_moved_back(
    stores: Stores, pair: tuple[str, str]
) -> None:
    there = (pair[0], elsewhere(stores, pair))
    slow, *movers = [
        sending._Acceptance(stores, Draft(*people, "text", None, "same"), None, nobody_to_wake)
        for people in (pair, there, pair, there)
    ]
    assert slow._admit()
    for mover in movers:
        assert mover._admit()
        assert mover._move_home() is None
    assert [mover._home.generation for mover in movers] == [2, 3, 4]
    slow._call_append(partition_of(stores, pair), "close", [])  # as a mover that is late would
    assert slow._add([]) == ("closed", None)
    assert movers[1]._add([]) == ("closed", None), "the newest closing counts"
    outcome, receipt = movers[-1]._append([])
    assert outcome == "accepted"
    assert slow._append([]) == ("again", receipt)


def test_an_ended_session_leaves_nothing_of_its_client_ids(stores: Stores, pair: tuple[str, str]) -> None:
    sessions.end(stores, pair[0], "this", 60)
    draft = Draft(*pair, "hello", None, "same")
    with pytest.raises(Unauthorized):
        sending.accept(stores, draft, nobody_to_wake, Session(pair[0], "this", 1_000, 2**40))
    assert not stores.redis.exists(keys.home_key(pair[0], "same"))
    send(stores, *pair, "hello", "same")
    with pytest.raises(Unauthorized):
        sending.accept(stores, draft, nobody_to_wake, Session(pair[0], "this", 1_000, 2**40))
    assert stores.redis.exists(keys.home_key(pair[0], "same")), "it is a valid session's"


@pytest.mark.parametrize("step", ["claim_upload", "charge", "append_message", "finish_claim"])
def test_a_recording_whose_process_died_between_the_steps_is_sent_and_charged_once_when_it_is_sent_again(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    counted = replace(stores, settings=stores.settings.model_copy(update={"limit_transcription": "60 per hour"}))
    recording = upload(stores, pair[0])

    def attempt() -> str:
        return send_voice(counted, *pair, recording=recording)["_id"]

    lose(counted, monkeypatch, step, attempt)
    if step == "finish_claim":  # it was accepted, as its drainer finds
        drain(counted)
        (found,) = history.recent(stores, *pair)
        assert found["audioFileId"] == recording
    else:
        attempt()
        drain(counted)
    assert len(history.recent(stores, *pair)) == 1
    with pytest.raises(NotFound):
        attempt()
    assert stores.redis.ttl(keys.upload_key(recording)) > sending.RETRY_SECONDS
    assert int(stores.redis.get(keys.limit_key("audio", pair[0], 3_600)) or 0) == 6_050


def test_a_recording_that_exceeds_a_limit_may_be_sent_to_somebody_else_later(
    stores: Stores, pair: tuple[str, str]
) -> None:
    strict = replace(stores, settings=stores.settings.model_copy(update={"limit_transcription": "1 per hour"}))
    counter = keys.limit_key("audio", pair[0], 3_600)
    stores.redis.set(counter, 59_000)
    recording, other = upload(stores, pair[0]), someone(stores, "other")
    with pytest.raises(TooMany):
        send_voice(strict, *pair, recording=recording)
    stores.redis.delete(counter)
    assert send_voice(strict, pair[0], other, recording=recording)["receiverId"] == other


def post_voice(stores: Stores, sender: str, receiver: str, recording: str, client_id: str | None) -> str:
    return sending.accept(stores, Draft(sender, receiver, "", recording, client_id), nobody_to_wake)["_id"]


def charged_ms(stores: Stores, person: str) -> int:
    return int(stores.redis.get(keys.limit_key("audio", person, 3_600)) or 0)


@pytest.mark.parametrize("at_once", [False, True], ids=["later", "at once"])
def test_another_recording_under_a_known_client_id_stays_free_and_uncharged(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    counted = replace(stores, settings=stores.settings.model_copy(update={"limit_transcription": "60 per hour"}))
    anna, bert = pair
    first, second, other = upload(stores, anna), upload(stores, anna), someone(stores, "other")
    sent = post_voice(counted, anna, bert, first, "same")
    with monkeypatch.context() as patched:
        if at_once:  # the first one is accepted after the second one has been looked for
            patched.setattr(sending._Acceptance, "_find", lambda *_: None)
        assert post_voice(counted, anna, bert, second, "same") == sent
    assert charged_ms(counted, anna) == 6_050
    assert stores.redis.hmget(keys.upload_key(second), "message", "receiver", "claims") == [None, None, None]
    assert 0 < stores.redis.ttl(keys.upload_key(second)) <= stores.settings.upload_ttl
    assert post_voice(counted, anna, other, second, "another") != sent
    assert charged_ms(counted, anna) == 2 * 6_050


def test_a_known_client_id_gives_its_message_although_no_other_recording_may_be_sent(
    stores: Stores, pair: tuple[str, str]
) -> None:
    strict = replace(stores, settings=stores.settings.model_copy(update={"limit_transcription": "6 per hour"}))
    sent = post_voice(strict, *pair, upload(stores, pair[0]), "same")
    stores.redis.set(keys.limit_key("audio", pair[0], 3_600), 360_000)
    assert post_voice(strict, *pair, upload(stores, pair[0]), "same") == sent


@pytest.mark.parametrize("why", ["full", "queue"])
def test_a_recording_that_could_not_be_taken_may_go_to_somebody_else_and_counts_once(
    stores: Stores, pair: tuple[str, str], why: str
) -> None:
    def wake() -> None:
        if why == "queue":
            raise Unavailable("queue_unavailable")

    changed = {"limit_transcription": "60 per hour"}
    counted = replace(stores, settings=stores.settings.model_copy(update=changed))
    full = replace(stores, settings=stores.settings.model_copy(update={**changed, "accepted_limit": 0}))
    recording, other = upload(stores, pair[0]), someone(stores, "other")
    with pytest.raises(Unavailable):
        sending.accept(full if why == "full" else counted, Draft(*pair, "", recording, "same"), wake)
    assert charged_ms(stores, pair[0]) == 0
    assert 0 < stores.redis.ttl(keys.upload_key(recording)) <= stores.settings.upload_ttl
    assert post_voice(counted, pair[0], other, recording, "another")
    assert charged_ms(stores, pair[0]) == 6_050


def test_a_recording_that_another_call_is_sending_is_not_released(stores: Stores, pair: tuple[str, str]) -> None:
    recording = upload(stores, pair[0])
    both = [sending._Acceptance(stores, Draft(*pair, "", recording), None, nobody_to_wake) for _ in range(2)]
    for each in both:
        assert isinstance(each._claim(recording), list)
    assert not both[0]._release(recording)
    assert stores.redis.hget(keys.upload_key(recording), "message") == f":{both[1]._entropy}".encode()
    assert both[1]._release(recording)
    assert not stores.redis.hexists(keys.upload_key(recording), "message")


def test_nothing_is_accepted_before_a_replica_has_it_where_one_must(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "REPLICATION_MS", 1)
    with pytest.raises(scripts.NotReplicated):
        send(replace(stores, together=Together(stores.redis, 1)), *pair, "hello", "once")
    assert send(stores, *pair, "hello", "once")["clientId"] == "once"
    drain(stores)
    assert len(history.recent(stores, *pair)) == 1


def test_a_recording_stays_claimed_where_it_is_unknown_whether_its_message_was_accepted(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = replace(stores, settings=stores.settings.model_copy(update={"limit_transcription": "60 per hour"}))
    recording, other = upload(stores, pair[0]), someone(stores, "other")
    run = stores.together.run

    def lose_the_reply(add: Callable[[Pipeline], None]) -> list[Any]:
        replies = run(add)
        if stores.redis.xlen(log_of(stores, pair)):
            raise Lost
        return replies

    with monkeypatch.context() as patched:
        patched.setattr(stores.together, "run", lose_the_reply)
        with pytest.raises(Lost):
            post_voice(counted, *pair, recording, "same")
    with pytest.raises(NotFound):
        post_voice(counted, pair[0], other, recording, "another")
    assert charged_ms(stores, pair[0]) == 6_050
    drain(stores)
    (found,) = history.recent(stores, *pair)
    assert found["audioFileId"] == recording
