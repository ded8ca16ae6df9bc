"""An utterance ends where a listener would say so, however the sound comes."""

from collections.abc import Callable

import numpy as np
import pytest

from chat.audio.heard import Heard
from chat.voice.recognisers import utterances, whisper_stream
from chat.voice.recognisers.hearing import Guess, Interrupted, never
from chat.voice.recognisers.languages import Detection
from chat.voice.recognisers.pieces import KEPT_SECONDS, RATE, Piece
from chat.voice.recognisers.whisper_stream import WhisperStream
from chat.wire import Word

Stretches = list[tuple[float, float]]


def end(length: float, speech: Stretches) -> float | None:
    found = utterances.end(
        np.zeros(int(length * RATE), np.float32), [(int(a * RATE), int(b * RATE)) for a, b in speech]
    )
    return None if found is None else round(found / RATE, 2)


@pytest.mark.parametrize(
    ("length", "speech", "expected"),
    [
        (0.5, [], None),  # a word may just be beginning
        (5.0, [], 5.0 - KEPT_SECONDS),  # silence goes
        (3.0, [(0.5, 2.5)], None),  # they think
        (4.5, [(0.5, 2.4)], 2.4 + KEPT_SECONDS),  # they have stopped
        (8.0, [(0.5, 7.6)], None),
        (8.5, [(0.5, 7.6)], 7.6 + KEPT_SECONDS),  # behind much, a short pause is enough
        (9.0, [(0.5, 2.0), (4.5, 8.9)], 2.0 + KEPT_SECONDS),  # two came at once
        (15.5, [(0.5, 12.5), (13.5, 15.5)], 13.0),  # nobody pauses for long: in the longest pause
    ],
)
def test_an_utterance_ends_at_its_pause(length: float, speech: Stretches, expected: float | None) -> None:
    assert end(length, speech) == expected


def test_speech_without_any_pause_ends_all_the_same() -> None:
    assert 10 < (end(40.0, [(0.0, 40.0)]) or 0) <= utterances.LONGEST_SECONDS


class Words:
    """Hears one word for each second of speech, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun: list[str] = []  # what each time was known already
        self.words: list[Word] = []

    def guess(self, piece: Piece, begun: Guess | None, is_unwanted: Callable[[], bool]) -> Guess:
        if is_unwanted():
            raise Interrupted
        self.asked += 1
        self.begun.append(begun.text if begun else "")
        words = [
            Word(word=f"w{second}", start=float(second), end=second + 1.0, confidence=0.9)
            for second in range(int(piece.start), round(piece.start + piece.seconds))
        ]
        return Guess(" ".join(word["word"] for word in words), words, Detection())

    def add(self, guess: Guess) -> None:
        self.words += guess.words

    def with_guess(self, guess: Guess | None) -> tuple[str, list[Word]]:
        words = [*self.words, *(guess.words if guess else [])]
        return " ".join(word["word"] for word in words), words

    def transcript(self) -> Guess:
        return TranscriptOf(" ".join(word["word"] for word in self.words), self.words)


class TranscriptOf:
    def __init__(self, text: str, words: list[Word]) -> None:
        self.text, self.words, self.language, self.confidence = text, words, "en", 0.9


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> tuple[WhisperStream, Words]:
    """A stream for which loud is speech, and whose clock never holds a guess back."""

    def loud(samples: np.ndarray) -> list[tuple[int, int]]:
        blocks = np.abs(samples[: len(samples) // 160 * 160]).reshape(-1, 160).max(axis=1) > 0.1
        edges = np.flatnonzero(np.diff(np.concatenate([[0], blocks.astype(int), [0]])))
        return [(int(a) * 160, int(b) * 160) for a, b in zip(edges[::2], edges[1::2], strict=True)]

    monkeypatch.setattr(whisper_stream, "spoken", loud)
    monkeypatch.setattr(whisper_stream, "GUESS_SECONDS", -100.0)
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    words = Words()
    return WhisperStream(words, Heard()), words  # type: ignore[arg-type]


def sound(seconds: float, *, loud: bool = True) -> bytes:
    return np.full(int(seconds * RATE), 20_000 if loud else 0, np.int16).tobytes()


def test_words_are_unsure_until_a_pause_settles_them_and_then_stay(listening: tuple[WhisperStream, Words]) -> None:
    stream, _ = listening
    stream.feed(sound(3.0))
    unsure = stream.heard(never)
    assert unsure is not None
    assert (unsure.settled, len(unsure.words)) == (0, 3)
    stream.feed(sound(2.5, loud=False))
    settled = stream.heard(never)
    assert settled is not None
    assert (settled.settled, settled.text) == (3, unsure.text)
    assert settled.settled_seconds == pytest.approx(3.0 + KEPT_SECONDS)
    stream.feed(sound(2.0))
    further = stream.heard(never)
    assert further is not None
    assert (further.settled, further.words[:3]) == (3, settled.words)
    assert len(further.words) > 3


def test_a_guess_that_heard_all_is_not_recognised_once_more(listening: tuple[WhisperStream, Words]) -> None:
    stream, words = listening
    stream.feed(sound(3.0) + sound(0.3, loud=False))
    stream.heard(never)
    assert words.asked == 1
    stream.feed(sound(1.0, loud=False))
    assert stream.heard(never) is None, "nothing new was said"
    heard = stream.finish()
    assert (words.asked, heard.settled, heard.seconds) == (1, 3, 4.3)


def test_whoever_stops_has_all_words_settled_whatever_came_of_them(listening: tuple[WhisperStream, Words]) -> None:
    stream, words = listening
    stream.feed(sound(3.0))
    stream.heard(never)
    stream.feed(sound(1.0))
    stream.settle()
    settled = stream.heard(never)
    assert settled is not None
    assert (settled.settled, len(settled.words), settled.seconds) == (4, 4, 4.0)
    asked = words.asked
    assert stream.finish() == settled
    assert words.asked == asked, "nothing is heard anew"
    assert stream.heard(never) is None


def test_at_the_end_only_what_follows_the_words_two_guesses_share_is_heard(
    listening: tuple[WhisperStream, Words],
) -> None:
    stream, words = listening
    for _ in range(3):
        stream.feed(sound(1.0))
        stream.heard(never)
    stream.feed(sound(1.0))
    heard = stream.finish()
    stream.feed(sound(1.0))
    stream.finish()
    assert words.begun == ["", "", "", "w0", ""], "its newest word may still change, and the next one begins anew"
    assert heard.text == "w0 w1 w2 w3"


def test_who_has_stopped_does_not_wait_for_a_guess(listening: tuple[WhisperStream, Words]) -> None:
    stream, words = listening
    stream.feed(sound(3.0))
    assert stream.heard(lambda: True) is None
    stream.feed(sound(2.5, loud=False))
    assert stream.heard(lambda: True) is None
    assert words.asked == 0
    assert stream.finish().text == "w0 w1 w2"


@pytest.mark.parametrize("second", [0.0, 1.5, 2.0, 3.5, 5.0, 7.0])
def test_a_piece_from_a_second_on_keeps_its_times(second: float) -> None:
    stretches = [(RATE, 3 * RATE), (4 * RATE, 6 * RATE)]
    sounds = np.concatenate([np.arange(begin, end, dtype=np.float32) for begin, end in stretches])
    rest = Piece(0.0, 6.0, sounds, stretches).behind(second)
    assert len(rest.samples) == sum(end - begin for begin, end in rest.stretches)
    for at in range(RATE // 4, len(rest.samples), RATE // 2):
        assert rest.time(at / RATE) == pytest.approx(rest.samples[at] / RATE, abs=1 / RATE)


def test_nothing_is_lost_where_much_comes_at_once(listening: tuple[WhisperStream, Words]) -> None:
    stream, _ = listening
    stream.feed((sound(9.0) + sound(1.0, loud=False)) * 5)
    assert stream.behind == 50.0
    stream.heard(never)
    assert stream.behind < 45, "it deals with one utterance after the other"
    heard = stream.finish()
    assert heard.settled == len(heard.words)
    assert heard.seconds == 50.0
    assert len(heard.words) >= 40


def test_no_word_is_heard_twice_where_speech_is_cut_in_its_middle(listening: tuple[WhisperStream, Words]) -> None:
    stream, _ = listening
    for _ in range(4):
        for _ in range(12):
            stream.feed(sound(1.0))
            stream.heard(never)
        stream.feed(sound(0.5, loud=False) + sound(0.5))
        stream.heard(never)
    heard = stream.finish()
    starts = [word["start"] for word in heard.words]
    assert starts == sorted(set(starts))
    assert len(starts) >= 45
