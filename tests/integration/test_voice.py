"""A voice message gets its transcript, or is given up for good, whatever the service answers and whoever dies."""

import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from pymongo import MongoClient

from chat import frames, ids
from chat.errors import Conflict, Invalid, NotFound, Unavailable
from chat.messages import editing, history, storing
from chat.store import counters, hot, keys
from chat.store.connection import Stores
from chat.voice import attempts
from chat.voice.recognisers import Recogniser, Transcript
from chat.voice.recognisers.deepgram import Deepgram
from dev.processes import ManagedProcess, free_port, wait_until
from tests import deepgram_stand_in as stand_in
from tests.deepgram_stand_in import Answer, DeepgramStandIn
from tests.people import drain, send, send_voice, someone
from tests.pubsub import Listener
from tests.stack import ROOT, clean_environment

ATTEMPTS = 3


@pytest.fixture
def server() -> Iterator[DeepgramStandIn]:
    with DeepgramStandIn() as opened:
        yield opened


@pytest.fixture
def house(stores: Stores, server: DeepgramStandIn) -> Stores:
    """The stores, with settings that point at the stand-in."""
    ours = {
        "deepgram_api_key": stand_in.KEY,
        "deepgram_base_url": server.url,
        "transcription_attempts": ATTEMPTS,
        "transcription_backoff": 20.0,
        "transcription_timeout": 1,
    }
    settings = type(stores.settings).model_validate({**stores.settings.model_dump(), **ours})
    return replace(stores, settings=settings)


@pytest.fixture
def deepgram(house: Stores) -> Recogniser:
    return Deepgram(house.settings)


@pytest.fixture
def listener(stores: Stores) -> Iterator[Listener]:
    with Listener(stores, frames.MESSAGES, frames.STATUS) as opened:
        yield opened


@pytest.fixture
def message(house: Stores, pair: tuple[str, str]) -> str:
    """A voice message that waits for its transcript."""
    sent: str = send_voice(house, *pair)["_id"]
    assert drain(house) == [sent]
    return sent


def told(listener: Listener, channel: str) -> list[dict[str, Any]]:
    return [orjson.loads(heard.data) for heard in listener.heard(channel)]


def stored(house: Stores, pair: tuple[str, str]) -> dict[str, Any]:
    """The last message as the receiver finds it; the archive has the same."""
    storing.flush(house)
    found = history.recent(house, pair[1], pair[0])[-1]
    archived = house.mongo.messages.find_one({"_id": found["_id"]})
    assert {name: archived.get(name) for name in ("text", "status")} == {
        name: found[name] for name in ("text", "status")
    }
    return found


def waits(house: Stores, message_id: str) -> bool:
    return house.redis.zscore(keys.TRANSCRIPTIONS, message_id) is not None


def due_in(house: Stores, message_id: str) -> float:
    """Seconds until its next attempt."""
    seconds, microseconds = house.redis.time()
    return float(house.redis.zscore(keys.TRANSCRIPTIONS, message_id)) / 1_000 - seconds - microseconds / 1_000_000


def let_be_due(house: Stores, message_id: str) -> None:
    """As when the pause until its next attempt is over."""
    assert house.redis.zadd(keys.TRANSCRIPTIONS, {message_id: 0}, xx=True, ch=True)
    assert attempts.due(house) == [message_id]


def assert_forgotten(house: Stores, message_id: str) -> None:
    assert not waits(house, message_id)
    for key in (keys.TRANSCRIPTION_ATTEMPTS, keys.TRANSCRIPTION_CRASHES, keys.TRANSCRIPTION_LANGUAGES):
        assert not house.redis.hexists(key, message_id)
    assert not house.redis.sismember(keys.RETRANSCRIPTIONS, message_id)


def test_a_voice_message_is_told_at_once_and_delivered_with_its_transcript(
    house: Stores, deepgram: Recogniser, pair: tuple[str, str], listener: Listener
) -> None:
    sent = send_voice(house, *pair)
    assert drain(house) == attempts.due(house) == [sent["_id"]]
    (at_once,) = told(listener, frames.STATUS)
    assert (at_once["_id"], at_once["status"]) == (sent["_id"], "transcribing")
    assert at_once["audioFileId"] == sent["audioFileId"]
    attempts.transcribe(house, deepgram, sent["_id"])
    (heard,) = listener.heard(frames.MESSAGES)
    assert set(heard.recipients) == set(pair)
    delivered = orjson.loads(heard.data)
    assert delivered == stored(house, pair)
    assert (delivered["text"], delivered["status"]) == (stand_in.SENTENCE, "delivered")
    assert delivered["words"][-1]["word"] == "was."
    assert (delivered["language"], delivered["confidence"]) == ("en", stand_in.CONFIDENCE)
    assert "editedAt" not in delivered
    assert_forgotten(house, sent["_id"])


def test_a_caption_stays_the_text_and_the_words_can_still_be_searched(
    house: Stores, deepgram: Recogniser, pair: tuple[str, str]
) -> None:
    sent = send_voice(house, *pair, "from the beach")["_id"]
    drain(house)
    attempts.transcribe(house, deepgram, sent)
    assert stored(house, pair)["text"] == "from the beach"
    assert "wrespectable" in hot.read_json(house.redis, [keys.message_key(sent)])[0]["terms"]


def test_a_recording_in_which_nobody_speaks_is_delivered_without_text(
    house: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    server.then(stand_in.spoken(""))
    attempts.transcribe(house, deepgram, message)
    assert (stored(house, pair)["text"], stored(house, pair)["status"]) == ("", "delivered")


@pytest.mark.parametrize(
    ("answer", "pauses"),
    [(stand_in.BUSY, (7.0, 7.0)), (stand_in.BROKEN, (20.0, 40.0)), (stand_in.SILENT, (20.0, 40.0))],
    ids=["429", "500", "time-out"],
)
def test_what_may_do_later_is_tried_again_after_growing_pauses(
    house: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    answer: Answer,
    pauses: tuple[float, float],
) -> None:
    server.then(answer, answer)
    for number, pause in enumerate(pauses, start=1):
        attempts.transcribe(house, deepgram, message)
        assert pause - 2 < due_in(house, message) <= pause
        assert stored(house, pair)["status"] == "transcribing"
        assert attempts.due(house) == []
        attempts.transcribe(house, deepgram, message)  # a nudge before its time
        assert len(server.received) == number
        let_be_due(house, message)
    attempts.transcribe(house, deepgram, message)
    assert stored(house, pair)["text"] == stand_in.SENTENCE
    assert_forgotten(house, message)


@pytest.mark.parametrize(
    "answer", [stand_in.CORRUPT, stand_in.BAD_KEY, stand_in.NO_MONEY, stand_in.TOO_LARGE], ids=[400, 401, 402, 413]
)
def test_what_will_never_do_is_delivered_untranscribed_at_once(
    house: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
    answer: Answer,
) -> None:
    server.then(answer)
    attempts.transcribe(house, deepgram, message)
    (failed,) = told(listener, frames.STATUS)
    assert (failed["_id"], failed["status"]) == (message, "failed")
    assert str(answer.status) in failed["detail"]
    assert told(listener, frames.MESSAGES) == [stored(house, pair)]
    assert stored(house, pair)["status"] == "untranscribed"
    assert stored(house, pair)["audioFileId"] is not None
    assert len(server.received) == 1
    assert_forgotten(house, message)


def test_after_the_last_attempt_it_is_delivered_untranscribed(
    house: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
) -> None:
    server.then(*[stand_in.BROKEN] * ATTEMPTS)
    for _ in range(ATTEMPTS - 1):
        attempts.transcribe(house, deepgram, message)
        let_be_due(house, message)
    assert told(listener, frames.MESSAGES) == told(listener, frames.STATUS) == []
    attempts.transcribe(house, deepgram, message)
    assert [frame["status"] for frame in told(listener, frames.MESSAGES)] == ["untranscribed"]
    assert [frame["status"] for frame in told(listener, frames.STATUS)] == ["failed"]
    assert len(server.received) == ATTEMPTS
    assert_forgotten(house, message)


def test_many_nudges_at_once_make_one_attempt(
    house: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn, listener: Listener
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: attempts.transcribe(house, deepgram, message), range(8)))
    assert len(server.received) == 1
    assert len(told(listener, frames.MESSAGES)) == 1


WORKER = """
from chat.voice import attempts
from chat.store.connection import connect
from chat.voice.recognisers import choose
from config.settings import get_settings
import sys
attempts.transcribe(connect(get_settings()), choose(get_settings()), sys.argv[1])
"""


@pytest.fixture
def worker(house: Stores, message: str, tmp_path: Path) -> ManagedProcess:
    """A process that makes one attempt, as a worker does."""
    settings = house.settings
    environment = {
        **clean_environment(),
        "ENVIRONMENT": "test",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "REDIS_URL": settings.redis_url,
        "MONGODB_URI": settings.mongodb_uri,
        "DEEPGRAM_API_KEY": stand_in.KEY,
        "DEEPGRAM_BASE_URL": settings.deepgram_base_url,
        "TRANSCRIPTION_TIMEOUT": "60",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", WORKER, message]
    return ManagedProcess("worker", command, log=tmp_path / "worker.log", environment=environment, folder=tmp_path)


def kill_within_attempt(house: Stores, worker: ManagedProcess, server: DeepgramStandIn) -> None:
    """Start it, and kill -9 it while Deepgram works on its recording."""
    server.then(stand_in.SILENT)
    before = len(server.received)
    worker.start()
    worker.wait_ready(lambda: len(server.received) > before, 30)
    worker.signal(signal.SIGKILL)
    worker.wait(10)


def test_the_attempt_of_a_killed_worker_is_due_again(
    house: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    worker: ManagedProcess,
) -> None:
    kill_within_attempt(house, worker, server)
    assert 0 < due_in(house, message) <= attempts.LEASE_MS / 1_000
    assert int(house.redis.hget(keys.TRANSCRIPTION_ATTEMPTS, message)) == 1
    assert int(house.redis.hget(keys.TRANSCRIPTION_CRASHES, message)) == 1
    let_be_due(house, message)
    attempts.transcribe(house, deepgram, message)
    assert stored(house, pair)["text"] == stand_in.SENTENCE


def test_a_recording_that_kills_its_workers_is_given_up(
    house: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    worker: ManagedProcess,
) -> None:
    for _ in range(ATTEMPTS):
        kill_within_attempt(house, worker, server)
        let_be_due(house, message)
    attempts.transcribe(house, deepgram, message)
    assert stored(house, pair)["status"] == "untranscribed"
    assert len(server.received) == ATTEMPTS
    assert_forgotten(house, message)


class Slow:
    """Takes as long as it is told to."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()

    def transcribe(self, audio: bytes, mimetype: str, language: str | None) -> Transcript:
        self.began.set()
        assert self.may_end.wait(30)
        return Transcript("slowly")


def test_an_attempt_longer_than_its_hold_is_not_made_twice(
    house: Stores, pair: tuple[str, str], message: str, server: DeepgramStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "LEASE_MS", 1_000)
    monkeypatch.setattr(attempts, "RENEW_SECONDS", 0.05)
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe, house, slow, message)
        assert slow.began.wait(10)
        held = due_in(house, message), house.redis.zscore(keys.TRANSCRIPTIONS, message)
        assert 0 < held[0] <= 1
        wait_until(
            lambda: house.redis.zscore(keys.TRANSCRIPTIONS, message) > held[1] + 1_000, 20, "its hold to be renewed"
        )
        assert attempts.due(house) == []
        attempts.transcribe(house, Deepgram(house.settings), message)
        assert server.received == []
        slow.may_end.set()
        attempt.result(10)
    assert stored(house, pair)["text"] == "slowly"


@pytest.mark.parametrize("answer", [stand_in.spoken(), stand_in.CORRUPT], ids=["transcribed", "refused"])
@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_a_message_deleted_meanwhile_stays_deleted_and_nobody_hears_of_it(
    house: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
    answer: Answer,
    again: bool,
) -> None:
    if again:
        attempts.transcribe(house, deepgram, message)
        attempts.transcribe_again(house, pair[0], message, None, lambda _: None)
    listener.heard(frames.MESSAGES)
    server.then(answer)
    server.on_call = lambda _: editing.delete(house, pair[0], message)
    attempts.transcribe(house, deepgram, message)
    assert [frame["status"] for frame in told(listener, frames.STATUS)] == ["deleted"]
    assert told(listener, frames.MESSAGES) == []
    found = stored(house, pair)
    assert (found["text"], found["audioFileId"]) == ("", None)
    assert found["deletedAt"]
    assert_forgotten(house, message)


def test_a_deleted_message_is_not_transcribed(
    house: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    editing.delete(house, pair[0], message)
    attempts.transcribe(house, deepgram, message)
    assert server.received == []
    assert_forgotten(house, message)


def test_what_its_sender_writes_meanwhile_is_not_overwritten(
    house: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    server.on_call = lambda _: editing.edit(house, pair[0], message, "what I said")
    attempts.transcribe(house, deepgram, message)
    found = stored(house, pair)
    assert (found["text"], found["status"]) == ("what I said", "delivered")
    assert found["words"]


def test_a_worker_that_died_after_storing_left_only_the_telling(
    house: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn, listener: Listener
) -> None:
    attempts.transcribe(house, deepgram, message)
    first = told(listener, frames.MESSAGES)
    house.redis.zadd(keys.TRANSCRIPTIONS, {message: 0})
    house.redis.hset(keys.TRANSCRIPTION_ATTEMPTS, message, ATTEMPTS)
    attempts.transcribe(house, deepgram, message)
    assert told(listener, frames.MESSAGES) == first
    assert len(server.received) == 1
    assert_forgotten(house, message)


def test_while_mongodb_is_away_no_attempt_is_counted(
    house: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    nowhere: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", free_port(), serverSelectionTimeoutMS=50)
    without = replace(house, mongo=nowhere.chattergram)
    for _ in range(ATTEMPTS + 1):
        attempts.transcribe(without, deepgram, message)
        assert 0 < due_in(house, message) <= attempts.ARCHIVE_PAUSE
        let_be_due(house, message)
    nowhere.close()
    assert server.received == []
    attempts.transcribe(house, deepgram, message)
    assert stored(house, pair)["text"] == stand_in.SENTENCE


def test_an_attempt_that_is_given_back_is_none(
    house: Stores, pair: tuple[str, str], message: str, server: DeepgramStandIn
) -> None:
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe, house, slow, message)
        assert slow.began.wait(10)
        assert attempts.due(house) == []
        attempts.give_back(house, message)
        assert attempts.due(house) == [message], "for another worker to take at once"
        slow.may_end.set()
        attempt.result(30)
    assert_forgotten(house, message)
    attempts.give_back(house, message)
    assert_forgotten(house, message)


def test_whose_workers_keep_dying_are_tried_one_by_one_and_others_beside_them(
    house: Stores, deepgram: Recogniser, pair: tuple[str, str]
) -> None:
    first, second, fresh = (send_voice(house, *pair)["_id"] for _ in range(3))
    drain(house)
    for each in (first, second):
        house.redis.hset(keys.TRANSCRIPTION_CRASHES, each, attempts.CRASHES_TOGETHER)
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe, house, slow, first)
        assert slow.began.wait(10)
        assert 0 < house.redis.pttl(keys.TRANSCRIPTION_ALONE) <= attempts.LEASE_MS, "its worker may die"
        assert attempts.transcribe(house, deepgram, second) is False
        assert attempts.transcribe(house, deepgram, fresh) is False
        assert_forgotten(house, fresh)
        assert attempts.due(house) == [second], "it waits, and no attempt is counted"
        assert not house.redis.hexists(keys.TRANSCRIPTION_ATTEMPTS, second)
        slow.may_end.set()
        assert attempt.result(30) is True
    assert attempts.transcribe(house, deepgram, second) is True
    for each in (first, second):
        assert_forgotten(house, each)
    assert not house.redis.exists(keys.TRANSCRIPTION_ALONE)


def test_whoever_is_tried_alone_is_so_as_long_as_the_attempt_takes(
    house: Stores, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "RENEW_SECONDS", 0.05)
    house.redis.hset(keys.TRANSCRIPTION_CRASHES, message, attempts.CRASHES_TOGETHER)
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe, house, slow, message)
        assert slow.began.wait(10)
        house.redis.pexpire(keys.TRANSCRIPTION_ALONE, 5_000)  # as when half of its time is over
        wait_until(
            lambda: house.redis.pttl(keys.TRANSCRIPTION_ALONE) > 5_000, 20, "its place to be renewed with its lease"
        )
        slow.may_end.set()
        assert attempt.result(30) is True
    assert_forgotten(house, message)


def test_who_was_taken_for_dead_does_not_end_anothers_turn_alone(house: Stores, message: str) -> None:
    house.redis.hset(keys.TRANSCRIPTION_CRASHES, message, attempts.CRASHES_TOGETHER)
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(attempts.transcribe, house, slow, message)
        assert slow.began.wait(10)
        house.redis.set(keys.TRANSCRIPTION_ALONE, "another", px=60_000)
        slow.may_end.set()
        assert attempt.result(30) is True
    assert house.redis.get(keys.TRANSCRIPTION_ALONE) == b"another"


def test_a_pause_is_never_longer_than_its_limit(
    house: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn
) -> None:
    settings = house.settings.model_copy(update={"transcription_attempts": 20, "transcription_backoff": 20.0})
    patient = replace(house, settings=settings)
    house.redis.hset(keys.TRANSCRIPTION_ATTEMPTS, message, 8)
    server.then(stand_in.BROKEN)
    attempts.transcribe(patient, deepgram, message)
    assert attempts.BACKOFF_LIMIT - 5 < due_in(house, message) <= attempts.BACKOFF_LIMIT


def test_what_is_due_comes_in_pages_the_oldest_first(
    house: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [send_voice(house, *pair)["_id"] for _ in range(3)]
    drain(house)
    for due, each in enumerate(reversed(sent), start=1):
        house.redis.zadd(keys.TRANSCRIPTIONS, {each: due})
    monkeypatch.setattr(attempts, "DUE_PAGE", 2)
    assert attempts.due(house) == [sent[2], sent[1]]


def test_attempts_that_will_be_made_again_are_counted(
    house: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn
) -> None:
    server.then(stand_in.BROKEN)
    attempts.transcribe(house, deepgram, message)
    assert not house.redis.hexists(keys.TRANSCRIPTION_CRASHES, message), "its worker lives"
    attempts.give_back(house, message)
    counters.flush(house.redis)
    assert counters.read(house.redis)["transcription_retries"] == {(): 2}


def test_only_the_clock_of_redis_says_what_is_due(
    house: Stores, deepgram: Recogniser, message: str, server: DeepgramStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "now_ms", lambda: 0)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert attempts.due(house) == [message]
    server.then(stand_in.BROKEN)
    attempts.transcribe(house, deepgram, message)
    assert 15 < due_in(house, message) <= 20


def test_transcribed_again_it_comes_as_edited(
    house: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
) -> None:
    server.then(stand_in.CORRUPT, stand_in.spoken("Guten Tag", None))
    attempts.transcribe(house, deepgram, message)
    listener.heard(frames.MESSAGES)
    listener.heard(frames.STATUS)
    nudged: list[str] = []
    attempts.transcribe_again(house, pair[0], message, "de", nudged.append)
    assert nudged == attempts.due(house) == [message]
    attempts.transcribe(house, deepgram, message)
    assert server.received[-1].query["language"] == "de"
    (edited,) = told(listener, frames.STATUS)
    assert (edited["status"], edited["text"], edited["language"]) == ("edited", "Guten Tag", "de")
    assert edited["editedAt"]
    assert told(listener, frames.MESSAGES) == []
    assert (stored(house, pair)["text"], stored(house, pair)["status"]) == ("Guten Tag", "delivered")
    assert_forgotten(house, message)


def test_when_it_fails_again_the_message_stays_as_it_was(
    house: Stores,
    deepgram: Recogniser,
    pair: tuple[str, str],
    message: str,
    server: DeepgramStandIn,
    listener: Listener,
) -> None:
    attempts.transcribe(house, deepgram, message)
    before = stored(house, pair)
    attempts.transcribe_again(house, pair[0], message, None, lambda _: None)
    server.then(stand_in.CORRUPT)
    attempts.transcribe(house, deepgram, message)
    assert stored(house, pair) == before
    assert [frame["status"] for frame in told(listener, frames.STATUS)] == ["failed"]
    assert len(told(listener, frames.MESSAGES)) == 1
    assert_forgotten(house, message)


def test_only_its_sender_may_have_a_voice_message_transcribed_again_and_once_at_a_time(
    house: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str
) -> None:
    def again(person: str, message_id: str) -> None:
        attempts.transcribe_again(house, person, message_id, None, lambda _: None)

    with pytest.raises(Conflict):
        again(pair[0], message)
    attempts.transcribe(house, deepgram, message)
    for person, message_id in ((pair[1], message), (someone(house, "carl"), message), (pair[0], "nonsense")):
        with pytest.raises(NotFound):
            again(person, message_id)
    text = send(house, *pair, "text")["_id"]
    drain(house)
    with pytest.raises(Invalid):
        again(pair[0], text)
    again(pair[0], message)
    with pytest.raises(Conflict):
        again(pair[0], message)
    editing.delete(house, pair[0], message)
    with pytest.raises(NotFound):
        again(pair[0], message)


def test_with_the_broker_away_it_is_transcribed_again_later(
    house: Stores, deepgram: Recogniser, pair: tuple[str, str], message: str
) -> None:
    def away(_: str) -> None:
        raise Unavailable("away")

    attempts.transcribe(house, deepgram, message)
    attempts.transcribe_again(house, pair[0], message, None, away)
    assert attempts.due(house) == [message]
