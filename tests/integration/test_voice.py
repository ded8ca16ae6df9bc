"""A voice message gets its transcript, or is given up for good, whatever the service responds and whoever dies."""

import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from pymongo import MongoClient

from chat import frames, ids
from chat.errors import Conflict, Invalid, NotFound, Unavailable
from chat.messages import delivery, editing, history, sending, storing
from chat.messages.log import Draft
from chat.store import counters, hot, keys
from chat.store.connection import Stores
from chat.voice import attempts, requests, turns
from chat.voice.recognisers import Progress, Recogniser, Recording, Report, Transcript
from chat.voice.recognisers.deepgram import Deepgram
from dev.processes import ManagedProcess, free_port, wait_until
from tests import deepgram_stand_in as stand_in
from tests.deepgram_stand_in import Answer, DeepgramStandIn
from tests.people import change, drain, key_of, send, send_voice, someone, upload
from tests.pubsub import Listener
from tests.stack import ROOT, clean_environment

ATTEMPTS = 3
TAKER = turns.Taker("transcription@here", "task", 2)


@pytest.fixture
def voice_stores(voices: Stores) -> Stores:
    """The stores with the stand-in for Deepgram, which is given up sooner."""
    ours = {"transcription_attempts": ATTEMPTS, "transcription_backoff": 20.0, "transcription_timeout": 1}
    return replace(voices, settings=voices.settings.model_copy(update=ours))


@pytest.fixture
def deepgram(voice_stores: Stores) -> Recogniser:
    return Deepgram(voice_stores.settings)


@pytest.fixture
def listener(stores: Stores) -> Iterator[Listener]:
    with Listener(stores, frames.MESSAGES, frames.STATUS) as opened:
        yield opened


@pytest.fixture
def message(voice_stores: Stores, pair: tuple[str, str]) -> str:
    """A voice message waiting for its transcript."""
    sent: str = send_voice(voice_stores, *pair)["_id"]
    assert drain(voice_stores) == [sent]
    return sent


def told(listener: Listener, channel: str) -> list[dict[str, Any]]:
    return [orjson.loads(heard.data) for heard in listener.heard(channel)]


def stored(voice_stores: Stores, pair: tuple[str, str]) -> dict[str, Any]:
    """The last message as the receiver finds it; the archive has the same."""
    storing.flush(voice_stores)
    found = history.recent(voice_stores, pair[1], pair[0])[-1]
    archived = voice_stores.mongo.messages.find_one({"_id": found["_id"]})
    assert {name: archived.get(name) for name in ("text", "status")} == {
        name: found[name] for name in ("text", "status")
    }
    return found


def waits(voice_stores: Stores, message_id: str) -> bool:
    return voice_stores.redis.zscore(keys.TRANSCRIPTIONS, message_id) is not None


def due_in(voice_stores: Stores, message_id: str) -> float:
    """Seconds until its next attempt."""
    seconds, microseconds = voice_stores.redis.time()
    return (
        float(voice_stores.redis.zscore(keys.TRANSCRIPTIONS, message_id)) / 1_000 - seconds - microseconds / 1_000_000
    )


def let_be_due(voice_stores: Stores, message_id: str) -> None:
    """As when the pause until its next attempt is over."""
    assert voice_stores.redis.zadd(keys.TRANSCRIPTIONS, {message_id: 0}, xx=True, ch=True)
    assert turns.due(voice_stores) == [message_id]


def assert_forgotten(voice_stores: Stores, message_id: str) -> None:
    assert not waits(voice_stores, message_id)
    for key in attempts.MESSAGE_HASHES:
        assert not voice_stores.redis.hexists(key, message_id)
    assert not voice_stores.redis.sismember(keys.RETRANSCRIPTIONS, message_id)


def test_a_voice_message_is_announced_at_once_and_delivered_with_its_transcript(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], listener: Listener
) -> None:
    sent = send_voice(voice_stores, *pair)
    assert drain(voice_stores) == turns.due(voice_stores) == [sent["_id"]]
    (at_once,) = told(listener, frames.STATUS)
    assert (at_once["_id"], at_once["status"]) == (sent["_id"], "transcribing")
    assert at_once["audioFileId"] == sent["audioFileId"]
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    (heard,) = listener.heard(frames.MESSAGES)
    assert set(heard.recipients) == set(pair)
    delivered = orjson.loads(heard.data)
    assert delivered == stored(voice_stores, pair)
    assert (delivered["text"], delivered["status"]) == (stand_in.SENTENCE, "delivered")
    assert delivered["words"][-1]["word"] == "was."
    assert (delivered["language"], delivered["confidence"]) == ("en", stand_in.CONFIDENCE)
    assert "editedAt" not in delivered
    assert_forgotten(voice_stores, sent["_id"])


def test_a_caption_stays_the_text_and_the_words_can_still_be_searched(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str]
) -> None:
    sent = send_voice(voice_stores, *pair, "from the beach")["_id"]
    drain(voice_stores)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert stored(voice_stores, pair)["text"] == "from the beach"
    assert "wrespectable" in hot.read_json(voice_stores.redis, [key_of(voice_stores, sent)])[0]["terms"]


def test_a_recording_in_which_nobody_speaks_is_delivered_without_text(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    server.then(stand_in.spoken(""))
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert (stored(voice_stores, pair)["text"], stored(voice_stores, pair)["status"]) == ("", "delivered")


@pytest.mark.parametrize(
    ("answer", "pauses"),
    [(stand_in.BUSY, (7.0, 7.0)), (stand_in.BROKEN, (20.0, 40.0)), (stand_in.SILENT, (20.0, 40.0))],
    ids=["429", "500", "time-out"],
)
def test_temporary_failures_are_retried_after_growing_pauses(
    voice_stores: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    answer: Answer,
    pauses: tuple[float, float],
) -> None:
    server.then(answer, answer)
    for number, pause in enumerate(pauses, start=1):
        attempts.transcribe_next(voice_stores, deepgram, TAKER)
        assert pause - 2 < due_in(voice_stores, message) <= pause
        assert stored(voice_stores, pair)["status"] == "transcribing"
        assert turns.due(voice_stores) == []
        attempts.transcribe_next(voice_stores, deepgram, TAKER)  # a nudge before its time
        assert len(server.received) == number
        let_be_due(voice_stores, message)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert stored(voice_stores, pair)["text"] == stand_in.SENTENCE
    assert_forgotten(voice_stores, message)


@pytest.mark.parametrize(
    "answer", [stand_in.CORRUPT, stand_in.BAD_KEY, stand_in.NO_MONEY, stand_in.TOO_LARGE], ids=[400, 401, 402, 413]
)
def test_permanent_failures_are_delivered_untranscribed_at_once(
    voice_stores: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
    answer: Answer,
) -> None:
    server.then(answer)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    (failed,) = told(listener, frames.STATUS)
    assert (failed["_id"], failed["status"]) == (message, "failed")
    assert str(answer.status) in failed["detail"]
    assert told(listener, frames.MESSAGES) == [stored(voice_stores, pair)]
    assert stored(voice_stores, pair)["status"] == "untranscribed"
    assert stored(voice_stores, pair)["audioFileId"] is not None
    assert len(server.received) == 1
    assert_forgotten(voice_stores, message)


def test_after_the_last_attempt_it_is_delivered_untranscribed(
    voice_stores: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
) -> None:
    server.then(*[stand_in.BROKEN] * ATTEMPTS)
    for _ in range(ATTEMPTS - 1):
        attempts.transcribe_next(voice_stores, deepgram, TAKER)
        let_be_due(voice_stores, message)
    assert told(listener, frames.MESSAGES) == told(listener, frames.STATUS) == []
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert [frame["status"] for frame in told(listener, frames.MESSAGES)] == ["untranscribed"]
    assert [frame["status"] for frame in told(listener, frames.STATUS)] == ["failed"]
    assert len(server.received) == ATTEMPTS
    assert_forgotten(voice_stores, message)


def test_many_nudges_at_once_make_one_attempt(
    voice_stores: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn, listener: Listener
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: attempts.transcribe_next(voice_stores, deepgram, TAKER), range(8)))
    assert len(server.received) == 1
    assert len(told(listener, frames.MESSAGES)) == 1


WORKER = """
from chat.voice import attempts, turns
from chat.store.connection import connect
from chat.voice.recognisers import choose
from config.settings import get_settings
attempts.transcribe_next(connect(get_settings()), choose(get_settings()), turns.Taker("other@here", "task", 2))
"""


@pytest.fixture
def worker(voice_stores: Stores, message: str, tmp_path: Path) -> ManagedProcess:
    """A process that makes one attempt, like a worker."""
    settings = voice_stores.settings
    environment = {
        **clean_environment(),
        "ENVIRONMENT": "test",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "REDIS_URL": settings.redis_url,
        "CELERY_BROKER_URL": settings.celery_broker_url,
        "MONGODB_URI": settings.mongodb_uri,
        "DEEPGRAM_API_KEY": stand_in.KEY,
        "DEEPGRAM_BASE_URL": settings.deepgram_base_url,
        "TRANSCRIPTION_TIMEOUT": "60",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", WORKER]
    return ManagedProcess("worker", command, log=tmp_path / "worker.log", environment=environment, folder=tmp_path)


def kill_within_attempt(voice_stores: Stores, worker: ManagedProcess, server: DeepgramStandIn) -> None:
    """Starts it, and kills it with kill -9 while Deepgram works on its recording."""
    server.then(stand_in.SILENT)
    before = len(server.received)
    worker.start()
    worker.wait_ready(lambda: len(server.received) > before, 30)
    worker.signal(signal.SIGKILL)
    worker.wait(10)


def test_the_attempt_of_a_killed_worker_is_due_again(
    voice_stores: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    worker: ManagedProcess,
) -> None:
    kill_within_attempt(voice_stores, worker, server)
    assert 0 < due_in(voice_stores, message) <= attempts.LEASE_MS / 1_000
    assert int(voice_stores.redis.hget(keys.TRANSCRIPTION_ATTEMPTS, message)) == 1
    assert int(voice_stores.redis.hget(keys.TRANSCRIPTION_CRASHES, message)) == 1
    let_be_due(voice_stores, message)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert stored(voice_stores, pair)["text"] == stand_in.SENTENCE


def test_a_recording_that_kills_its_workers_is_given_up(
    voice_stores: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    worker: ManagedProcess,
) -> None:
    for _ in range(ATTEMPTS):
        kill_within_attempt(voice_stores, worker, server)
        let_be_due(voice_stores, message)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert stored(voice_stores, pair)["status"] == "untranscribed"
    assert len(server.received) == ATTEMPTS
    assert_forgotten(voice_stores, message)


class Slow:
    """A recogniser that takes a given time."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()

    def transcribe(self, *_: Any) -> Transcript:
        self.began.set()
        assert self.may_end.wait(30)
        return Transcript("slowly")


def test_an_attempt_longer_than_its_lease_is_not_made_twice(
    voice_stores: Stores, pair: tuple[str, str], message: str, server: DeepgramStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "LEASE_MS", 1_000)
    monkeypatch.setattr(attempts, "RENEW_SECONDS", 0.05)
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe_next, voice_stores, slow, TAKER)
        assert slow.began.wait(10)
        held = due_in(voice_stores, message), voice_stores.redis.zscore(keys.TRANSCRIPTIONS, message)
        assert 0 < held[0] <= 1
        wait_until(
            lambda: voice_stores.redis.zscore(keys.TRANSCRIPTIONS, message) > held[1] + 1_000,
            20,
            "its hold to be renewed",
        )
        assert turns.due(voice_stores) == []
        attempts.transcribe_next(voice_stores, Deepgram(voice_stores.settings), TAKER)
        assert server.received == []
        slow.may_end.set()
        attempt.result(10)
    assert stored(voice_stores, pair)["text"] == "slowly"


@pytest.mark.parametrize("answer", [stand_in.spoken(), stand_in.CORRUPT], ids=["transcribed", "refused"])
@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_a_message_deleted_meanwhile_stays_deleted_and_nobody_hears_of_it(
    voice_stores: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
    answer: Answer,
    again: bool,
) -> None:
    if again:
        attempts.transcribe_next(voice_stores, deepgram, TAKER)
        requests.transcribe_again(voice_stores, pair[0], message, None, lambda: None)
    listener.heard(frames.MESSAGES)
    server.then(answer)
    server.on_call = lambda _: editing.delete(voice_stores, pair[0], message)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert [frame["status"] for frame in told(listener, frames.STATUS)] == ["deleted"]
    assert told(listener, frames.MESSAGES) == []
    found = stored(voice_stores, pair)
    assert (found["text"], found["audioFileId"]) == ("", None)
    assert found["deletedAt"]
    assert_forgotten(voice_stores, message)


def test_a_deleted_message_is_not_transcribed(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    editing.delete(voice_stores, pair[0], message)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert server.received == []
    assert_forgotten(voice_stores, message)


def test_what_its_sender_writes_meanwhile_is_not_overwritten(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    server.on_call = lambda _: editing.edit(voice_stores, pair[0], message, "what I said")
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    found = stored(voice_stores, pair)
    assert (found["text"], found["status"]) == ("what I said", "delivered")
    assert found["words"]


def test_the_outcome_of_a_worker_that_died_after_storing_it_is_still_delivered(
    voice_stores: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn, listener: Listener
) -> None:
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    first = told(listener, frames.MESSAGES)
    voice_stores.redis.zadd(keys.TRANSCRIPTIONS, {message: 0})
    voice_stores.redis.hset(keys.TRANSCRIPTION_ATTEMPTS, message, ATTEMPTS)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert told(listener, frames.MESSAGES) == first
    assert len(server.received) == 1
    assert_forgotten(voice_stores, message)


def test_while_mongodb_is_away_no_attempt_is_counted(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    nowhere: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", free_port(), serverSelectionTimeoutMS=0)
    without = replace(voice_stores, mongo=nowhere.chattergram)
    for _ in range(ATTEMPTS + 1):
        attempts.transcribe_next(without, deepgram, TAKER)
        assert 0 < due_in(voice_stores, message) <= attempts.ARCHIVE_PAUSE
        let_be_due(voice_stores, message)
    nowhere.close()
    assert server.received == []
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert stored(voice_stores, pair)["text"] == stand_in.SENTENCE


def test_an_attempt_that_is_given_back_does_not_count(
    voice_stores: Stores, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe_next, voice_stores, slow, TAKER)
        assert slow.began.wait(10)
        assert turns.due(voice_stores) == []
        attempts.give_back(voice_stores, message)
        assert turns.due(voice_stores) == [message], "for another worker to take at once"
        slow.may_end.set()
        attempt.result(30)
    assert_forgotten(voice_stores, message)
    attempts.give_back(voice_stores, message)
    assert_forgotten(voice_stores, message)


def test_messages_whose_workers_keep_dying_are_tried_one_at_a_time_while_others_go_on(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str]
) -> None:
    first, second, fresh = (send_voice(voice_stores, *pair)["_id"] for _ in range(3))
    drain(voice_stores)
    for each in (first, second):
        voice_stores.redis.hset(keys.TRANSCRIPTION_CRASHES, each, turns.CRASHES_TOGETHER)
    taker = TAKER._replace(slots=3)
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe_next, voice_stores, slow, taker)
        assert slow.began.wait(10)
        assert 0 < voice_stores.redis.pttl(keys.TRANSCRIPTION_ALONE) <= attempts.LEASE_MS, "its worker may die"
        assert turns.held_by(voice_stores, [taker.task]) == [first]
        assert attempts.transcribe_next(voice_stores, deepgram, taker) is True
        assert_forgotten(voice_stores, fresh)
        assert attempts.transcribe_next(voice_stores, deepgram, taker) is False
        assert turns.due(voice_stores) == [second], "it waits, and no attempt is counted"
        assert not voice_stores.redis.hexists(keys.TRANSCRIPTION_ATTEMPTS, second)
        slow.may_end.set()
        assert attempt.result(30) is True
    assert attempts.transcribe_next(voice_stores, deepgram, taker) is True
    for each in (first, second):
        assert_forgotten(voice_stores, each)
    assert not voice_stores.redis.exists(keys.TRANSCRIPTION_ALONE)


def test_a_message_is_tried_alone_for_as_long_as_the_attempt_takes(
    voice_stores: Stores, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "RENEW_SECONDS", 0.05)
    voice_stores.redis.hset(keys.TRANSCRIPTION_CRASHES, message, turns.CRASHES_TOGETHER)
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe_next, voice_stores, slow, TAKER)
        assert slow.began.wait(10)
        voice_stores.redis.pexpire(keys.TRANSCRIPTION_ALONE, 5_000)  # as if half of its time were over
        wait_until(
            lambda: voice_stores.redis.pttl(keys.TRANSCRIPTION_ALONE) > 5_000,
            20,
            "its place to be renewed with its lease",
        )
        slow.may_end.set()
        assert attempt.result(30) is True
    assert_forgotten(voice_stores, message)


def test_a_worker_taken_for_dead_does_not_end_anothers_turn(voice_stores: Stores, message: str) -> None:
    voice_stores.redis.hset(keys.TRANSCRIPTION_CRASHES, message, turns.CRASHES_TOGETHER)
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe_next, voice_stores, slow, TAKER)
        assert slow.began.wait(10)
        voice_stores.redis.set(keys.TRANSCRIPTION_ALONE, "another", px=60_000)
        slow.may_end.set()
        assert attempt.result(30) is True
    assert voice_stores.redis.get(keys.TRANSCRIPTION_ALONE) == b"another"


def test_a_pause_is_never_longer_than_its_limit(
    voice_stores: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn
) -> None:
    settings = voice_stores.settings.model_copy(update={"transcription_attempts": 20, "transcription_backoff": 20.0})
    patient = replace(voice_stores, settings=settings)
    voice_stores.redis.hset(keys.TRANSCRIPTION_ATTEMPTS, message, 8)
    server.then(stand_in.BROKEN)
    attempts.transcribe_next(patient, deepgram, TAKER)
    assert attempts.BACKOFF_LIMIT - 5 < due_in(voice_stores, message) <= attempts.BACKOFF_LIMIT


def test_due_messages_come_in_pages_the_oldest_first(
    voice_stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [send_voice(voice_stores, *pair)["_id"] for _ in range(3)]
    drain(voice_stores)
    for due, each in enumerate(reversed(sent), start=1):
        voice_stores.redis.zadd(keys.TRANSCRIPTIONS, {each: due})
    monkeypatch.setattr(turns, "DUE_PAGE", 2)
    assert turns.due(voice_stores) == [sent[2], sent[1]]


def test_attempts_that_will_be_made_again_are_counted(
    voice_stores: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn
) -> None:
    server.then(stand_in.BROKEN)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert not voice_stores.redis.hexists(keys.TRANSCRIPTION_CRASHES, message), "its worker lives"
    attempts.give_back(voice_stores, message)
    counters.flush(voice_stores.redis)
    assert counters.read(voice_stores.redis)["transcription_retries"] == {(): 2}


def test_only_the_clock_of_redis_says_what_is_due(
    voice_stores: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "now_ms", lambda: 0)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert turns.due(voice_stores) == [message]
    server.then(stand_in.BROKEN)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert 15 < due_in(voice_stores, message) <= 20


def test_transcribed_again_it_comes_as_edited(
    voice_stores: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
) -> None:
    server.then(stand_in.CORRUPT, stand_in.spoken("Guten Tag", None))
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    listener.heard(frames.MESSAGES)
    listener.heard(frames.STATUS)
    nudged: list[bool] = []
    requests.transcribe_again(voice_stores, pair[0], message, "de", lambda: nudged.append(True))
    assert nudged == [True]
    assert turns.due(voice_stores) == [message]
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert server.received[-1].query["language"] == "de"
    (edited,) = told(listener, frames.STATUS)
    assert (edited["status"], edited["text"], edited["language"]) == ("edited", "Guten Tag", "de")
    assert edited["editedAt"]
    assert told(listener, frames.MESSAGES) == []
    assert (stored(voice_stores, pair)["text"], stored(voice_stores, pair)["status"]) == ("Guten Tag", "delivered")
    assert_forgotten(voice_stores, message)


def test_whoever_gets_the_transcript_may_have_it_transcribed_again_at_once(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    deliver = delivery.deliver

    def deliver_and_ask_again(*call: Any, **named: Any) -> None:
        deliver(*call, **named)
        requests.transcribe_again(voice_stores, pair[0], message, None, lambda: None)

    with patch.object(delivery, "deliver", deliver_and_ask_again):
        attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert turns.due(voice_stores) == [message], "the attempt that has just ended does not take that back"
    server.then(stand_in.spoken("Heard again."))
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert stored(voice_stores, pair)["text"] == "Heard again."
    assert_forgotten(voice_stores, message)


def test_when_it_fails_again_the_message_stays_as_it_was(
    voice_stores: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
) -> None:
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    before = stored(voice_stores, pair)
    requests.transcribe_again(voice_stores, pair[0], message, None, lambda: None)
    server.then(stand_in.CORRUPT)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert stored(voice_stores, pair) == before
    assert [frame["status"] for frame in told(listener, frames.STATUS)] == ["failed"]
    assert len(told(listener, frames.MESSAGES)) == 1
    assert_forgotten(voice_stores, message)


def test_either_of_its_people_may_have_a_voice_message_transcribed_again_and_once_at_a_time(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str
) -> None:
    def again(person: str, message_id: str) -> None:
        requests.transcribe_again(voice_stores, person, message_id, None, lambda: None)

    with pytest.raises(Conflict):
        again(pair[0], message)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    for person, message_id in ((someone(voice_stores, "carl"), message), (pair[0], "nonsense")):
        with pytest.raises(NotFound):
            again(person, message_id)
    text = send(voice_stores, *pair, "text")["_id"]
    drain(voice_stores)
    with pytest.raises(Invalid):
        again(pair[0], text)
    again(pair[1], message)
    for person in pair:
        with pytest.raises(Conflict):
            again(person, message)
    editing.delete(voice_stores, pair[0], message)
    with pytest.raises(NotFound):
        again(pair[0], message)


def test_what_its_sender_wrote_is_overwritten_only_where_that_was_asked_for(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    def again(person: str, *, overwrite: bool = False) -> None:
        requests.transcribe_again(voice_stores, person, message, None, lambda: None, overwrite=overwrite)
        attempts.transcribe_next(voice_stores, deepgram, TAKER)

    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    again(pair[1])
    again(pair[0])
    editing.edit(voice_stores, pair[0], message, "what I said")
    for person in pair:
        with pytest.raises(Conflict):
            again(person)
    assert stored(voice_stores, pair)["text"] == "what I said"
    server.then(stand_in.CORRUPT)
    again(pair[1], overwrite=True)
    with pytest.raises(Conflict):  # it failed, so the text is still theirs
        again(pair[0])
    again(pair[1], overwrite=True)
    assert stored(voice_stores, pair)["text"] == stand_in.SENTENCE
    again(pair[0])


def test_a_correction_made_after_somebody_asked_to_overwrite_the_last_one_stays(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    editing.edit(voice_stores, pair[0], message, "first")
    requests.transcribe_again(voice_stores, pair[1], message, None, lambda: None, overwrite=True)
    server.on_call = lambda _: editing.edit(voice_stores, pair[0], message, "second")
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    assert stored(voice_stores, pair)["text"] == "second"
    assert_forgotten(voice_stores, message)


def test_a_caption_counts_as_its_senders_own_text(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], server: DeepgramStandIn
) -> None:
    sent = send_voice(voice_stores, *pair, "from the beach")["_id"]
    drain(voice_stores)
    server.then(stand_in.CORRUPT)
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    with pytest.raises(Conflict):
        requests.transcribe_again(voice_stores, pair[0], sent, None, lambda: None)
    assert stored(voice_stores, pair)["text"] == "from the beach"


def test_an_edited_message_of_an_older_version_is_taken_for_corrected(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str
) -> None:
    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    change(voice_stores, message, {"text": "as it was", "editedAt": ids.now(), "ownText": None})
    with pytest.raises(Conflict):
        requests.transcribe_again(voice_stores, pair[0], message, None, lambda: None)


def test_with_the_broker_away_it_is_transcribed_again_later(
    voice_stores: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str
) -> None:
    def away() -> None:
        raise Unavailable("away")

    attempts.transcribe_next(voice_stores, deepgram, TAKER)
    requests.transcribe_again(voice_stores, pair[0], message, None, away)
    assert turns.due(voice_stores) == [message]


class Piecemeal:
    """A recogniser that reports what it is told to, and notes how it was asked."""

    def __init__(self, *reports: Progress, text: str = "One two three.") -> None:
        self._reports = reports
        self._text = text
        self.asked: list[tuple[str | None, tuple[str, ...]]] = []

    def prepare(self) -> None:
        """Nothing is needed."""

    def transcribe(self, recording: Recording, on_progress: Report | None = None) -> Transcript:
        self.asked.append((recording.language, tuple(recording.hints)))
        for report in self._reports:
            on_progress(report)
        return Transcript(self._text, language="en")


def test_the_words_so_far_are_shown_and_what_is_stored_stays(
    voice_stores: Stores, pair: tuple[str, str], message: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "REPORT_SECONDS", 0)
    told(listener, frames.STATUS)
    before = stored(voice_stores, pair)
    reports = (Progress("One", 28.5), Progress("One two", 55.25))
    seen = []

    class Looking(Piecemeal):
        def transcribe(self, *arguments: Any) -> Transcript:
            done = super().transcribe(*arguments)
            seen.append(stored(voice_stores, pair))
            return done

    attempts.transcribe_next(voice_stores, Looking(*reports), TAKER)
    assert seen == [before]
    heard = listener.heard(frames.STATUS)
    assert all(set(each.recipients) == set(pair) for each in heard)
    shown = [orjson.loads(each.data) for each in heard]
    assert [(each["status"], each["text"], each["seconds"]) for each in shown] == [
        ("transcribing", "One", 28.5),
        ("transcribing", "One two", 55.25),
    ]
    assert all(each["audioFileId"] == before["audioFileId"] for each in shown)
    assert stored(voice_stores, pair)["text"] == "One two three."


def test_the_words_so_far_are_shown_at_a_bounded_rate(
    voice_stores: Stores, pair: tuple[str, str], message: str, listener: Listener
) -> None:
    told(listener, frames.STATUS)
    attempts.transcribe_next(voice_stores, Piecemeal(*(Progress("One", float(at)) for at in range(50))), TAKER)
    assert len(told(listener, frames.STATUS)) == 1


def test_a_caption_and_an_older_transcript_are_not_overwritten_by_the_words_so_far(
    voice_stores: Stores, pair: tuple[str, str], listener: Listener
) -> None:
    sent = send_voice(voice_stores, *pair, "from the beach")["_id"]
    drain(voice_stores)
    piecemeal = Piecemeal(Progress("One", 28.5))
    attempts.transcribe_next(voice_stores, piecemeal, TAKER)
    requests.transcribe_again(voice_stores, pair[0], sent, None, lambda: None, overwrite=True)
    attempts.transcribe_next(voice_stores, piecemeal, TAKER)
    assert len(piecemeal.asked) == 2
    assert not [each for each in told(listener, frames.STATUS) if "seconds" in each]


def test_the_senders_languages_reach_the_recogniser(voice_stores: Stores, pair: tuple[str, str]) -> None:
    draft = Draft(*pair, audio_file_id=upload(voice_stores, pair[0]), languages=("de-CH", "en"))
    sent = sending.accept(voice_stores, draft, lambda: None)["_id"]
    drain(voice_stores)
    piecemeal = Piecemeal()
    attempts.transcribe_next(voice_stores, piecemeal, TAKER)
    requests.transcribe_again(voice_stores, pair[0], sent, "fr", lambda: None, hints=("it",))
    attempts.transcribe_next(voice_stores, piecemeal, TAKER)
    assert piecemeal.asked == [(None, ("de-CH", "en")), ("fr", ("it",))]
