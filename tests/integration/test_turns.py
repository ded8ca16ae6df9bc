"""Whose recording is transcribed next: people take turns, short before long, and nobody waits for ever."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient

from chat import ids
from chat.errors import TooMany
from chat.messages import sending
from chat.messages.log import Draft
from chat.store import keys, limits
from chat.store.connection import Stores
from chat.upkeep import gauges
from chat.voice import attempts, requests, turns
from tests.people import drain, nobody_to_wake, send_voice, someone, upload

HOUR_MS = 3_600_000


@pytest.fixture
def anna(stores: Stores) -> str:
    return someone(stores, "anna")


@pytest.fixture
def bert(stores: Stores) -> str:
    return someone(stores, "bert")


def recorded(stores: Stores, sender: str, receiver: str, seconds: float) -> str:
    """A voice message that waits, whose recording is said to be that long."""
    recording = upload(stores, sender)
    stores.redis.hset(keys.upload_key(recording), "duration", seconds)
    sent: str = send_voice(stores, sender, receiver, recording=recording)["_id"]
    drain(stores)
    return sent


def waiting_since(stores: Stores, message_id: str, seconds: float, length: float) -> None:
    """As if it had come that many seconds ago."""
    person = stores.redis.hget(keys.TRANSCRIPTION_TURNS, message_id).split(b" ")[0].decode()
    since = ids.milliseconds(message_id) - int(seconds * 1_000)
    stores.redis.hset(keys.TRANSCRIPTION_TURNS, message_id, f"{person} {since} {int(length * 1_000)}")


def take(stores: Stores, slots: int = 20, worker: str = "transcription@one") -> str | None:
    turn = turns.take(stores, turns.Taker(worker, "task", slots), attempts.LEASE_MS)
    return turn and turn.message_id


def taken(stores: Stores, slots: int = 20) -> list[str]:
    """All that are due, in turn, none of which ends."""
    return list(iter(lambda: take(stores, slots), None))


def done(stores: Stores, message_id: str) -> None:
    """As when its transcript is there."""
    attempts._deliver_and_remove(stores, message_id)


def test_a_short_recording_does_not_wait_for_anothers_long_ones(stores: Stores, anna: str, bert: str) -> None:
    long = [recorded(stores, anna, bert, 88) for _ in range(4)]
    first = take(stores, slots=2)
    assert first == long[0]
    assert take(stores, slots=2) is None, "the last slot is kept for short ones"
    short = recorded(stores, bert, anna, 3)
    assert take(stores, slots=2) == short
    done(stores, short)
    done(stores, first)
    assert take(stores, slots=2) == long[1], "and now the next long one"


def test_with_a_single_slot_a_short_one_is_next(stores: Stores, anna: str, bert: str) -> None:
    long = [recorded(stores, anna, bert, 88) for _ in range(3)]
    assert take(stores, slots=1) == long[0]
    short = recorded(stores, bert, anna, 3)
    done(stores, long[0])
    assert take(stores, slots=1) == short
    done(stores, short)
    assert take(stores, slots=1) == long[1]


def test_people_take_turns_however_many_one_of_them_sent(stores: Stores, anna: str, bert: str) -> None:
    many = [recorded(stores, anna, bert, 20) for _ in range(6)]
    few = [recorded(stores, bert, anna, 20) for _ in range(2)]
    order = taken(stores)
    assert order[0] == many[0]
    assert {order.index(each) for each in few} <= {1, 2, 3}, "each of the few comes after one or two of the many"
    assert [each for each in order if each in many] == many


def test_of_one_persons_recordings_the_short_one_goes_first(stores: Stores, anna: str, bert: str) -> None:
    long, middle, short = (recorded(stores, anna, bert, seconds) for seconds in (25, 12, 2))
    assert taken(stores) == [short, middle, long]


def test_a_long_one_that_has_waited_long_enough_goes_before_short_ones(stores: Stores, anna: str, bert: str) -> None:
    carl = someone(stores, "carl")
    long = recorded(stores, anna, bert, 600)
    assert take(stores, slots=1) == long
    done(stores, long)
    long = recorded(stores, anna, bert, 600)
    own, others = recorded(stores, anna, bert, 2), recorded(stores, carl, bert, 2)
    turns._note_turns(stores, [long, own, others])
    waiting_since(stores, long, HOUR_MS, 600)
    stores.redis.delete(keys.TRANSCRIPTION_USED)
    assert taken(stores) == [long, others, own], "and then another's before one's own"


def test_a_flood_of_newcomers_does_not_starve_who_has_had_a_turn(stores: Stores, anna: str, bert: str) -> None:
    used = recorded(stores, anna, bert, 10)
    assert take(stores) == used
    waits = recorded(stores, anna, bert, 3)
    turns._note_turns(stores, [waits])
    waiting_since(stores, waits, -1, 3)  # it came a second ago, by the clock of those who come now
    newcomers = [recorded(stores, someone(stores, f"newcomer {n}"), bert, 3) for n in range(5)]
    turns._note_turns(stores, newcomers)
    for number, each in enumerate(newcomers):
        waiting_since(stores, each, -8 * number, 3)  # eight seconds apart
    order = taken(stores)
    assert 0 < order.index(waits) < len(newcomers), "behind those within 20 s, before those after"


def test_long_ones_have_all_slots_but_one_of_each_worker(stores: Stores, anna: str, bert: str) -> None:
    for _ in range(4):
        recorded(stores, anna, bert, 60)
    assert [take(stores, 3, worker) for worker in ("one", "one", "one", "two", "two", "two")].count(None) == 2
    turns_running = stores.redis.hgetall(keys.TRANSCRIPTION_RUNNING)
    assert sorted(by.split(b" ")[0] for by in turns_running.values()) == [b"one", b"one", b"two", b"two"]


def test_a_slot_of_a_worker_that_died_is_free_again(stores: Stores, anna: str, bert: str) -> None:
    first, second = recorded(stores, anna, bert, 60), recorded(stores, bert, anna, 60)
    assert take(stores, slots=2) == first
    assert take(stores, slots=2) is None
    stores.redis.zadd(keys.TRANSCRIPTIONS, {first: 1})  # its lease has run out
    assert take(stores, slots=2) == second, "its person has had a turn meanwhile"
    assert take(stores, slots=2) is None
    done(stores, second)
    assert take(stores, slots=2) == first


def test_a_long_one_that_waits_for_another_attempt_takes_no_slot_meanwhile(
    stores: Stores, anna: str, bert: str
) -> None:
    first, second = recorded(stores, anna, bert, 60), recorded(stores, bert, anna, 60)
    assert take(stores, slots=2) == first
    assert take(stores, slots=2) is None
    attempts.give_back(stores, first, 3_600)
    assert take(stores, slots=2) == second


def test_a_long_one_whose_workers_keep_dying_takes_no_slot_kept_for_short_ones(
    stores: Stores, anna: str, bert: str
) -> None:
    long, deadly = recorded(stores, anna, bert, 60), recorded(stores, bert, anna, 60)
    stores.redis.hset(keys.TRANSCRIPTION_CRASHES, deadly, turns.CRASHES_TOGETHER)
    assert take(stores, slots=2) == long
    assert take(stores, slots=2) is None
    done(stores, long)
    assert take(stores, slots=2) == deadly


def test_many_that_come_at_once_all_have_their_turn_and_once(
    stores: Stores, anna: str, bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PAGE", 7)
    sent = [recorded(stores, *((anna, bert) if n % 3 else (bert, anna)), 3) for n in range(20)]
    assert sorted(taken(stores)) == sorted(sent)
    assert turns.due(stores) == []


def test_one_that_was_deleted_or_never_stored_is_let_go(stores: Stores, anna: str, bert: str) -> None:
    ghost = ids.lowest_id(ids.now_ms())
    stores.redis.zadd(keys.TRANSCRIPTIONS, {ghost: 0})
    sent = recorded(stores, anna, bert, 3)
    assert set(taken(stores)) == {ghost, sent}
    recorded(stores, anna, bert, 3)
    stores.redis.zrem(keys.TRANSCRIPTIONS, sent)
    assert sent not in taken(stores)


def test_with_mongodb_away_those_that_redis_knows_have_their_turn(stores: Stores, anna: str, bert: str) -> None:
    nowhere: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=0)
    without = replace(stores, mongo=nowhere.chattergram)
    known = recorded(stores, anna, bert, 3)
    turns._note_turns(stores, [known])
    stores.redis.zadd(keys.TRANSCRIPTIONS, {ids.lowest_id(0): 0})
    assert take(without) == known
    nowhere.close()


def test_figures_count_those_in_a_line_as_due(stores: Stores, anna: str, bert: str) -> None:
    for _ in range(3):
        recorded(stores, anna, bert, 60)
    take(stores, slots=2)
    found = gauges.figures(stores)
    assert (found["transcriptions_waiting"], found["transcriptions_due"]) == (3, 2)
    assert found["transcriptions_oldest_seconds"] > 0
    assert turns.due_count(stores) == len(turns.due(stores)) == 2


# --- Limits


@pytest.fixture
def limited(stores: Stores) -> Stores:
    """A person may have a minute of audio transcribed an hour; again, a recording twice, and a person thrice."""
    ours = {
        "limit_transcription": "1 per hour; 2 per day",
        "limit_transcribe_again": "3 per hour",
        "limit_transcribe_again_message": "2 per hour",
    }
    return replace(stores, settings=stores.settings.model_copy(update=ours))


def audio_spent(stores: Stores, person: str) -> list[int]:
    windows = limits.audio_windows(stores.settings.limit_transcription, person)
    return [int(stores.redis.get(window.key) or 0) for window in windows]


def test_minutes_of_audio_are_limited_and_only_what_is_accepted_counts(limited: Stores, anna: str, bert: str) -> None:
    recorded(limited, anna, bert, 40.0004)
    assert audio_spent(limited, anna) == [40_001, 40_001]
    recording = upload(limited, anna)
    limited.redis.hset(keys.upload_key(recording), "duration", 20)
    for _ in range(3):
        with pytest.raises(TooMany) as refused:
            send_voice(limited, anna, bert, recording=recording)
        assert 0 < refused.value.retry_after <= 3_600
    assert audio_spent(limited, anna) == [40_001, 40_001]
    assert drain(limited) == []
    assert sending.accept(limited, Draft(anna, bert, "texts go on"), nobody_to_wake)["status"] == "accepted"
    recorded(limited, anna, bert, 19)
    recorded(limited, bert, anna, 50)
    limited.redis.delete(limits.audio_windows(limited.settings.limit_transcription, anna)[0].key)  # an hour later
    assert send_voice(limited, anna, bert, recording=recording)["audioFileId"] == recording, "the upload still holds"


def test_repeating_a_send_counts_its_audio_once(limited: Stores, anna: str, bert: str) -> None:
    draft = Draft(anna, bert, "", upload(limited, anna), "the same")
    for _ in range(3):
        sending.accept(limited, draft, nobody_to_wake)
    assert audio_spent(limited, anna)[0] == math.ceil(6.05 * 1_000)


def test_one_recording_longer_than_the_limit_goes_through_when_it_is_the_first(
    limited: Stores, anna: str, bert: str
) -> None:
    recorded(limited, anna, bert, 90)
    with pytest.raises(TooMany):
        recorded(limited, anna, bert, 1)


def test_again_is_limited_by_message_by_person_and_by_minutes(limited: Stores, anna: str, bert: str) -> None:
    def again(person: str, message_id: str) -> None:
        requests.transcribe_again(limited, person, message_id, None, lambda: None)
        done(limited, message_id)

    first, second, third = (recorded(limited, anna, bert, 2) for _ in range(3))
    for each in (first, second, third):
        done(limited, each)
    again(bert, first)
    again(anna, first)
    with pytest.raises(TooMany, match="transcribed_too_often"):
        again(bert, first)
    again(bert, second)
    again(bert, second)
    with pytest.raises(TooMany, match="too_many_transcribed_again"):
        again(bert, third)
    spent = audio_spent(limited, anna)[0]
    long = recorded(limited, anna, bert, 50)
    done(limited, long)
    with pytest.raises(TooMany, match="too_much_audio_again") as refused:
        again(anna, long)
    assert 0 < refused.value.retry_after <= 3_600
    assert audio_spent(limited, anna)[0] == spent + 50_000, "what was refused does not count"
    assert json.loads(limited.redis.get(keys.limit_key("again", anna, 3_600))) == 1


def test_again_takes_the_turn_of_who_asks(stores: Stores, anna: str, bert: str) -> None:
    first, second = recorded(stores, anna, bert, 10), recorded(stores, anna, bert, 10)
    for each in taken(stores):
        done(stores, each)
    stores.redis.delete(keys.TRANSCRIPTION_USED)
    fresh = recorded(stores, anna, bert, 10)
    for each in (first, second):
        requests.transcribe_again(stores, bert, each, None, lambda: None)
    order = taken(stores)
    assert order[0] == fresh
    assert set(order[1:]) == {first, second}
