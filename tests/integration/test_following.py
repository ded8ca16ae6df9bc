"""The words of a voice message are there while it is spoken, and come with it, whatever happens to who listens."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from chat import audio, frames
from chat.audio import heard as hearing
from chat.errors import NotFound
from chat.media.sandbox import Sandbox
from chat.messages import history
from chat.store import hot, keys, limits
from chat.store.connection import Stores
from chat.voice import attempts, following, leases, recordings, turns
from chat.voice.recognisers import Recogniser
from chat.voice.recognisers.deepgram import Deepgram
from chat.voice.recordings import Piece, Plan, Recording
from dev.processes import wait_until
from tests import deepgram_stand_in as stand_in
from tests import recordings as files
from tests.deepgram_socket import Break, sentence_of
from tests.deepgram_stand_in import DeepgramStandIn
from tests.people import drain, send_voice, someone
from tests.pubsub import Listener

CONTENT = files.spoken()
PIECES = [CONTENT[at : at + 4_000] for at in range(0, len(CONTENT), 4_000)]
TAKER = turns.Taker("transcription@here", "task", 2)


@pytest.fixture
def deepgram(voices: Stores) -> Recogniser:
    return Deepgram(voices.settings)


@pytest.fixture
def listener(stores: Stores) -> Iterator[Listener]:
    with Listener(stores, frames.MESSAGES, frames.STATUS, frames.CAPTIONS) as opened:
        yield opened


class Speaker:
    """Records in pieces, as a browser does."""

    def __init__(self, stores: Stores, pair: tuple[str, str], *, share: bool = False) -> None:
        self.stores = stores
        self.pair = pair
        self.nudges: list[str] = []
        self.recording: Recording = recordings.create(stores, pair[0], Plan(receiver=pair[1], share=share))

    @property
    def id(self) -> str:
        return self.recording.id

    def speak(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._append(Piece(self.recording.offset, piece))

    def pause(self) -> None:
        """Stops, and may go on."""
        self._append(Piece(self.recording.offset, paused=True))

    def _append(self, piece: Piece) -> None:
        self.recording = recordings.append(self.stores, self.recording, piece, self.nudges.append)

    def complete(self, *pieces: bytes, cut: float | None = None) -> None:
        """Sends the last pieces, after which it is an upload."""
        *before, last = pieces
        self.speak(*before)
        at = self.recording.offset
        self._append(Piece(at, last, at + len(last), cut=cut))
        sandbox = Sandbox()
        try:
            self.recording = recordings.complete(self.stores, sandbox, self.recording, _file)
        finally:
            sandbox.stop()

    def send(self, text: str = "") -> str:
        return str(send_voice(self.stores, *self.pair, text, self.id)["_id"])


def _file() -> Any:
    import tempfile

    return tempfile.TemporaryFile()


@pytest.fixture
def speaker(voices: Stores, pair: tuple[str, str]) -> Speaker:
    return Speaker(voices, pair)


@contextmanager
def followed(
    stores: Stores, recogniser: Recogniser, recording_id: str, stopping: Callable[[], bool] = lambda: False
) -> Iterator[list[str]]:
    """Follows a recording in a thread; the block ends when the follower has."""
    outcome: list[str] = []

    def run() -> None:
        outcome.append(following.follow(stores, recogniser, recording_id, stopping))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield outcome
    thread.join(20)
    assert not thread.is_alive()


def told(listener: Listener, channel: str) -> list[dict[str, Any]]:
    return [orjson.loads(heard.data) for heard in listener.heard(channel)]


def settled_bytes(stores: Stores, recording_id: str) -> int:
    found = hearing.read(stores, recording_id)
    return found.settled_bytes if found else 0


def words_heard(stores: Stores, recording_id: str) -> int:
    found = hearing.read(stores, recording_id)
    return found.settled if found else 0


def test_the_words_come_while_one_speaks_and_with_the_message_at_once(
    voices: Stores, deepgram: Recogniser, speaker: Speaker, listener: Listener, pair: tuple[str, str]
) -> None:
    speaker.speak(*PIECES[:3])
    assert speaker.nudges == [speaker.id]
    with followed(voices, deepgram, speaker.id) as outcome:
        first = listener.next(frames.CAPTIONS)
        assert first.recipients == (pair[0],), "only the speaker's"
        shown = orjson.loads(first.data)
        assert (shown["_id"], shown["settled"], shown["text"].split()[0]) == (speaker.id, 0, "Had")
        speaker.complete(*PIECES[3:])
    assert outcome == [hearing.FINISHED]
    assert speaker.nudges == [speaker.id], "nobody else was called"
    last = told(listener, frames.CAPTIONS)[-1]
    assert last["settled"] == len(last["words"]) > 10
    sent = speaker.send()
    assert drain(voices) == [], "there is nothing to transcribe"
    assert told(listener, frames.STATUS) == []
    (message,) = told(listener, frames.MESSAGES)
    assert (message["_id"], message["status"], message["text"]) == (sent, "delivered", last["text"])
    assert message["words"] == last["words"]
    assert message["language"] == "en"
    assert history.recent(voices, pair[1], pair[0])[-1]["text"] == last["text"]
    assert not voices.redis.zcard(keys.TRANSCRIPTIONS)


def test_the_words_that_are_reviewed_are_the_words_that_are_sent(
    voices: Stores, deepgram: Recogniser, server: DeepgramStandIn, speaker: Speaker, listener: Listener
) -> None:
    """The stand-in calls its newest words interim until it is told that nothing more comes."""
    speaker.speak(*PIECES)
    with followed(voices, deepgram, speaker.id) as outcome:
        speaker.pause()
        wait_until(lambda: settled_bytes(voices, speaker.id) == len(CONTENT), 20, "the words to be settled")
        reviewed = hearing.read(voices, speaker.id)
        assert reviewed is not None
        assert reviewed.settled == len(reviewed.words) > 10
        speaker.complete(b"")
    assert outcome == [hearing.FINISHED]
    speaker.send()
    drain(voices)
    (message,) = told(listener, frames.MESSAGES)
    assert (message["text"], message["words"]) == (reviewed.text, reviewed.words)
    assert '"Finalize"' in "".join(server.streams[0].texts)


def test_what_was_settled_before_a_long_review_needs_no_listener(
    voices: Stores,
    deepgram: Recogniser,
    server: DeepgramStandIn,
    speaker: Speaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    speaker.speak(*PIECES)
    speaker.pause()
    with followed(voices, deepgram, speaker.id) as outcome:
        wait_until(lambda: settled_bytes(voices, speaker.id) == len(CONTENT), 20, "the words to be settled")
        monkeypatch.setattr("chat.voice.pieces.REST_SECONDS", 0.0)
    assert outcome == [leases.REST]
    speaker.pause()  # somebody looks at them again
    with followed(voices, deepgram, speaker.id) as outcome:
        pass
    assert outcome == [leases.REST]
    reviewed = hearing.read(voices, speaker.id)
    speaker.complete(b"")
    with followed(voices, deepgram, speaker.id) as outcome:
        pass
    assert outcome == [hearing.FINISHED]
    after = hearing.read(voices, speaker.id)
    assert reviewed is not None
    assert after == replace(reviewed, state=hearing.FINISHED)
    assert len(server.streams) == 1


def test_what_is_said_after_a_stop_is_heard_behind_it(voices: Stores, deepgram: Recogniser, speaker: Speaker) -> None:
    speaker.speak(*PIECES[:4])
    with followed(voices, deepgram, speaker.id):
        speaker.pause()
        wait_until(lambda: settled_bytes(voices, speaker.id) == speaker.recording.offset, 20, "settled words")
        before = hearing.read(voices, speaker.id)
        speaker.complete(*PIECES[4:])
    after = hearing.read(voices, speaker.id)
    assert before is not None
    assert after is not None
    assert after.words[: before.settled] == before.words
    assert len(after.words) > before.settled
    assert after.seconds == pytest.approx(6.0, abs=0.3)


def test_a_recording_that_is_cut_off_keeps_the_words_before_and_comes_with_them_at_once(
    voices: Stores, deepgram: Recogniser, speaker: Speaker, listener: Listener
) -> None:
    speaker.complete(*PIECES, cut=2.5)
    with followed(voices, deepgram, speaker.id):
        pass
    speaker.send()
    assert drain(voices) == [], "there is nothing to transcribe"
    (message,) = told(listener, frames.MESSAGES)
    assert message["duration"] == pytest.approx(2.5, abs=0.1)
    assert len(message["peaks"]) == 200
    assert 3 < len(message["words"]) < 8
    assert message["words"][-1]["start"] < 2.5
    assert message["text"].split() == [word["word"] for word in message["words"]]
    assert len(audio.read(voices, speaker.id).content) < len(CONTENT) / 2


def test_one_recording_is_sent_once_whichever_devices_send_it(
    voices: Stores, speaker: Speaker, listener: Listener, pair: tuple[str, str]
) -> None:
    speaker.complete(*PIECES)
    first = speaker.send("from the phone")
    assert speaker.send("from the desk") == first
    drain(voices)
    assert speaker.send("later") == first
    voices.redis.delete(keys.upload_key(speaker.id), keys.recording_key(speaker.id))
    assert speaker.send("the next day") == first
    assert [(each["_id"], each["text"]) for each in told(listener, frames.STATUS)] == [(first, "from the phone")]
    with pytest.raises(NotFound):
        send_voice(voices, pair[0], someone(voices, "cleo"), "to somebody else", speaker.id)


def test_a_message_sent_before_its_words_are_finished_waits_for_the_follower(
    voices: Stores,
    deepgram: Recogniser,
    server: DeepgramStandIn,
    speaker: Speaker,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "LEASE_MS", 400)
    monkeypatch.setattr("chat.voice.pieces.RENEW_SECONDS", 0.1)
    server.delay = 1.0  # longer than the lease, which is renewed all the same
    speaker.speak(*PIECES)
    leases.begin(voices, speaker.id)
    speaker.complete(b"")
    sent = speaker.send()
    assert drain(voices) == [sent]
    assert not attempts.transcribe_next(voices, deepgram, TAKER), "it is not due yet"
    with followed(voices, deepgram, speaker.id):
        pass
    (waiting,), (message,) = told(listener, frames.STATUS), told(listener, frames.MESSAGES)
    assert (waiting["status"], message["_id"], message["status"]) == ("transcribing", sent, "delivered")
    assert len(message["text"].split()) > 10
    assert server.received == [], "nothing was transcribed anew"
    assert not voices.redis.zcard(keys.TRANSCRIPTIONS)


@pytest.mark.parametrize(("text", "is_own"), [("Something else.", True), ("{heard}", False)])
def test_a_text_that_comes_with_it_and_differs_is_a_correction(
    voices: Stores, deepgram: Recogniser, speaker: Speaker, listener: Listener, text: str, is_own: bool
) -> None:
    speaker.complete(*PIECES)
    with followed(voices, deepgram, speaker.id):
        pass
    heard = hearing.read(voices, speaker.id)
    assert heard is not None
    speaker.send(text.format(heard=heard.text))
    drain(voices)
    (message,) = told(listener, frames.MESSAGES)
    assert message["text"] == text.format(heard=heard.text)
    assert message["words"] == heard.words
    (stored,) = hot.read_messages(voices, [message["_id"]])
    assert stored is not None
    assert stored["ownText"] is is_own


def test_the_receiver_reads_along_only_where_the_speaker_wants_it(
    voices: Stores, deepgram: Recogniser, listener: Listener, pair: tuple[str, str]
) -> None:
    speaker = Speaker(voices, pair, share=True)
    speaker.complete(*PIECES)
    with followed(voices, deepgram, speaker.id):
        pass
    last = {heard.recipients: orjson.loads(heard.data) for heard in listener.heard(frames.CAPTIONS)}
    assert last[(pair[1],)] == {**last[(pair[0],)], "senderId": pair[0]}


def test_another_follower_goes_on_behind_what_was_settled(
    voices: Stores, deepgram: Recogniser, server: DeepgramStandIn, speaker: Speaker
) -> None:
    stop = threading.Event()
    speaker.speak(*PIECES[:5])
    with followed(voices, deepgram, speaker.id, stop.is_set) as outcome:
        wait_until(lambda: words_heard(voices, speaker.id) > 0, 10, "settled words")
        stop.set()
    assert outcome == [leases.PASS]
    before = hearing.read(voices, speaker.id)
    assert before is not None
    speaker.complete(*PIECES[5:])
    with followed(voices, deepgram, speaker.id) as outcome:
        pass
    after = hearing.read(voices, speaker.id)
    assert after is not None
    assert (outcome, after.state) == ([hearing.FINISHED], hearing.FINISHED)
    assert after.words[: before.settled] == before.words[: before.settled]
    assert after.text.startswith(before.settled_text)
    assert server.streams[1].seconds == pytest.approx(6.0 - before.settled_seconds, abs=0.2)
    starts = [word["start"] for word in after.words]
    assert starts == sorted(starts)


def test_a_follower_that_died_is_replaced_when_its_lease_runs_out(
    voices: Stores, speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_MS", 500)
    speaker.speak(*PIECES[:2])
    assert leases.due(voices) == [speaker.id]
    dead = leases.take(voices, speaker.id)
    assert dead is not None
    assert leases.due(voices) == []
    assert leases.take(voices, speaker.id) is None
    wait_until(lambda: leases.due(voices) == [speaker.id], 3, "the lease to run out")
    successor = leases.take(voices, speaker.id)
    assert successor is not None
    assert (dead.renew(), dead.end(hearing.FINISHED), successor.renew()) == (False, False, True)


def test_a_recording_whose_followers_keep_dying_is_left(voices: Stores, speaker: Speaker) -> None:
    speaker.speak(*PIECES[:2])
    for _ in range(leases.MAX_DEATHS):
        assert leases.take(voices, speaker.id) is not None
        voices.redis.zadd(keys.FOLLOWING, {speaker.id: 0})
    assert leases.take(voices, speaker.id) is None
    speaker.speak(PIECES[2])
    assert leases.due(voices) == []
    assert speaker.nudges == [speaker.id]


def test_a_recording_that_was_left_is_followed_no_more(voices: Stores, speaker: Speaker) -> None:
    speaker.speak(*PIECES[:2])
    assert (lost := leases.take(voices, speaker.id)) is not None
    hearing.leave(voices, speaker.id)
    assert lost.renew() is False
    voices.redis.zadd(keys.FOLLOWING, {speaker.id: 0}, xx=True)  # its lease has run out
    assert leases.take(voices, speaker.id) is None
    assert leases.due(voices) == []
    assert voices.redis.hget(keys.heard_key(speaker.id), "deaths") == b"1"


def test_where_all_followers_are_busy_it_is_as_without_them_and_the_words_come_after_sending(
    voices: Stores, deepgram: Recogniser, speaker: Speaker, listener: Listener
) -> None:
    speaker.speak(*PIECES[:3])
    assert not following.leave_unheard(voices, speaker.id), "somebody may become free before it is whole"
    speaker.complete(*PIECES[3:])
    sent = speaker.send()
    assert drain(voices) == [sent]
    assert not attempts.transcribe_next(voices, deepgram, TAKER), "it waits for a follower"
    assert following.leave_unheard(voices, speaker.id)
    assert attempts.transcribe_next(voices, deepgram, TAKER)
    (message,) = told(listener, frames.MESSAGES)
    assert (message["_id"], message["text"]) == (sent, stand_in.SENTENCE)
    assert leases.due(voices) == []


@pytest.mark.parametrize(
    "how",
    [stand_in.BAD_KEY, stand_in.BROKEN, Break(1.0, 1011, "NET-0001"), Break(1.0, 1008, "DATA-0000"), Break(1.0, 0)],
    ids=["account", "failure", "idle", "data", "cut"],
)
def test_what_cannot_be_followed_is_transcribed_after_it_is_sent(
    voices: Stores,
    deepgram: Recogniser,
    server: DeepgramStandIn,
    speaker: Speaker,
    listener: Listener,
    how: stand_in.Answer | Break,
) -> None:
    server.then_stream(how)
    speaker.complete(*PIECES)
    sent = speaker.send()
    assert drain(voices) == [sent]
    with followed(voices, deepgram, speaker.id) as outcome:
        pass
    assert outcome == [hearing.LEFT]
    assert attempts.transcribe_next(voices, deepgram, TAKER), "at once, since nobody listens any more"
    (message,) = told(listener, frames.MESSAGES)
    assert (message["_id"], message["text"]) == (sent, stand_in.SENTENCE)


def test_a_discarded_recording_ends_its_follower_and_nothing_of_it_stays(
    voices: Stores, deepgram: Recogniser, speaker: Speaker, listener: Listener
) -> None:
    speaker.speak(*PIECES[:4])
    with followed(voices, deepgram, speaker.id) as outcome:
        listener.next(frames.CAPTIONS)
        recordings.discard(voices, speaker.recording)
    assert outcome == ["gone"]
    assert hearing.read(voices, speaker.id) is None
    assert not voices.redis.zcard(keys.FOLLOWING)


def test_listening_to_what_is_discarded_counts_as_transcribed_audio(
    voices: Stores, deepgram: Recogniser, server: DeepgramStandIn, pair: tuple[str, str], listener: Listener
) -> None:
    settings = type(voices.settings).model_validate(
        {**voices.settings.model_dump(), "limit_transcription": "1 per hour"}
    )
    limited = replace(voices, settings=settings)
    (window,) = limits.audio_windows(settings.limit_transcription, pair[0])
    voices.redis.set(window.key, 58_500)
    for streams in (1, 1):
        speaker = Speaker(limited, pair)
        speaker.speak(*PIECES[:4])
        with followed(limited, deepgram, speaker.id) as outcome:
            if not server.streams:
                listener.next(frames.CAPTIONS)
                wait_until(lambda: server.streams[0].seconds > 2, 10, "what there is to be heard")
                recordings.discard(limited, speaker.recording)
        assert len(server.streams) == streams
    assert int(voices.redis.get(window.key)) > 60_000
    assert outcome == [hearing.LEFT], "it is used up"


def test_a_pause_is_bridged_and_a_long_one_ends_the_follower_until_the_next_piece(
    voices: Stores,
    deepgram: Recogniser,
    server: DeepgramStandIn,
    speaker: Speaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.idle_seconds = 0.6
    monkeypatch.setattr("chat.voice.recognisers.deepgram_stream.KEEP_ALIVE_SECONDS", 0.2)
    monkeypatch.setattr("chat.voice.pieces.REST_SECONDS", 1.2)
    speaker.speak(*PIECES[:2])
    with followed(voices, deepgram, speaker.id) as outcome:
        wait_until(lambda: len(server.streams) == 1, 10, "the first words")
        speaker.speak(*PIECES[2:4])
    assert outcome == [leases.REST]
    assert (
        server.streams[0].texts.count('{"type":"KeepAlive"}') + server.streams[0].texts.count('{"type": "KeepAlive"}')
        >= 3
    ), "as text, or it would count as sound"
    assert leases.due(voices) == []
    speaker.complete(*PIECES[4:])
    assert speaker.nudges == [speaker.id, speaker.id], "the next piece calls another"
    with followed(voices, deepgram, speaker.id) as outcome:
        pass
    assert outcome == [hearing.FINISHED]
    heard = hearing.read(voices, speaker.id)
    assert heard is not None
    assert heard.text.split() == sentence_of(stand_in.SENTENCE, 6)[: len(heard.words)] or len(heard.words) > 10
