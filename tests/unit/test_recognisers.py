"""What recognisers are made of: languages, loops, and the pieces a recording is heard in."""

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from bench.words import words, wrong
from chat.audio.decoding import RATE
from chat.messages import hinting
from chat.voice.recognisers import languages
from chat.voice.recognisers.languages import Detection
from chat.voice.recognisers.loops import ends_twice, without_loops
from chat.voice.recognisers.pieces import PIECE_SECONDS, Piece, pieces
from chat.wire import Word
from tests import sounds


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en-GB", "en"),
        ("de_CH", "de"),
        ("zh-Hant-TW", "zh"),
        ("nb-NO", "no"),
        ("jv", "jw"),
        ("iw", "he"),
        ("yue", "yue"),
    ],
)
def test_a_language_tag_names_the_language_as_whisper_does(tag: str, code: str) -> None:
    assert languages.whisper_code(tag) == code
    assert languages.whisper_code(languages.standard_tag(code)) == code


def test_a_hint_decides_where_the_sound_does_not() -> None:
    doubtful = {"en": 0.35, "nl": 0.30, "de": 0.25}
    assert Detection().after(doubtful, 2).language == "en"
    assert Detection(["nl"]).after(doubtful, 2).language == "nl"
    assert Detection(["fr"]).after(doubtful, 2).language == "en"
    assert Detection(["nl"]).after({"en": 0.97, "nl": 0.01}, 2).language == "en"


def test_the_first_words_alone_do_not_settle_the_language() -> None:
    detection = Detection().after({"en": 0.6, "de": 0.4}, 1.0)
    assert not detection.settled
    detection = detection.after({"en": 0.1, "de": 0.9}, 25.0)
    assert (detection.language, detection.settled) == ("de", True)
    assert Detection().language is None


def test_only_language_tags_become_hints_and_few() -> None:
    assert hinting.clean(["de-CH", "*", "en;q=0.8", "de-CH", "x" * 99, "en\n", "fr"]) == ("de-CH", "fr")
    assert len(hinting.clean(["aa", "ab", "ac", "ad", "ae", "af", "ag"])) == 5


def said(text: str, seconds: float, confidence: float = 0.9) -> list[Word]:
    """Words spread evenly over that time."""
    spelled = text.split()
    step = seconds / len(spelled)
    return [
        Word(word=f" {each}", start=at * step, end=(at + 1) * step, confidence=confidence)
        for at, each in enumerate(spelled)
    ]


def text_of(found: list[Word]) -> str:
    return "".join(word["word"] for word in found).strip()


def test_a_loop_faster_than_anybody_speaks_is_cut_to_one_round() -> None:
    looped = said("So " + "thank you very much. " * 40 + "Goodbye.", 6)
    assert text_of(without_loops(looped)) == "So thank you very much. Goodbye."


def test_a_loop_of_what_the_model_did_not_believe_is_cut() -> None:
    assert text_of(without_loops(said("la " * 12, 30, confidence=0.2))) == "la"


def test_what_people_say_again_and_again_stays() -> None:
    for text, seconds in (("no no no no no no no no", 4.0), ("row row row your boat " * 6, 20.0), ("ja ja", 0.1)):
        assert text_of(without_loops(said(text, seconds))) == text.strip()


def test_a_loop_in_a_script_without_spaces_is_cut() -> None:
    looped = [Word(word=sign, start=0.0, end=2.0, confidence=0.9) for sign in "ありがとう" * 20]
    assert text_of(without_loops(looped)) == "ありがとう"


def blocks(samples: sounds.Samples) -> Iterator[bytes]:
    """As a decoder gives them."""
    for at in range(0, len(samples), 960):
        yield (samples[at : at + 960] * 32767).astype(np.int16).tobytes()


def test_a_long_recording_is_cut_in_its_pauses() -> None:
    once = np.concatenate([sounds.voice(), sounds.silence(1.0)])
    found = list(pieces(blocks(np.tile(once, 12))))
    assert len(found) > 2
    for piece in found:
        assert 5 < piece.seconds <= PIECE_SECONDS
    for before, after in pairwise(found):
        assert before.end == after.start
        within = before.end % (len(once) / RATE)
        assert within > 5.5 or within < 0.3, "in the second of silence after each"


def test_ten_minutes_take_no_more_memory_than_one() -> None:
    once = np.concatenate([sounds.voice(), sounds.silence(1.0)])

    def peak(minutes: int) -> int:
        tracemalloc.start()
        for _ in pieces(block for _ in range(minutes * 60 * RATE // len(once)) for block in blocks(once)):
            pass
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak_bytes

    assert peak(10) < 1.1 * peak(1)


def test_where_nobody_speaks_there_is_no_piece() -> None:
    assert list(pieces(blocks(sounds.silence(70)))) == []


def test_the_middle_of_a_long_silence_is_left_out_and_times_stay_true() -> None:
    voice = sounds.voice("amiable.flac")
    (piece,) = pieces(blocks(np.concatenate([sounds.silence(5), voice, sounds.silence(10), voice])))
    assert piece.seconds < 2 * len(voice) / RATE + 2
    assert piece.time(0.5) == pytest.approx(5, abs=0.6)
    assert piece.time(piece.seconds) > 15 + len(voice) / RATE


def test_a_time_beyond_a_piece_is_its_end() -> None:
    piece = Piece(10.0, 12.0, np.zeros(RATE, np.float32), [(0, RATE)])
    assert (piece.time(0.25), piece.time(7)) == (10.25, 12.0)


def test_words_are_counted_wrong_as_the_benchmark_says() -> None:
    assert words("Mr. O’Neill's 42 ill-disposed cats: 7!") == (
        ["mister", "oneills", "forty", "two", "ill", "disposed", "cats", "seven"]
    )
    assert wrong(words("a b c d"), words("a x c")) == 2
    assert wrong(words("a b"), words("A, b.")) == 0
    assert wrong([], words("made up")) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Had he married a moron? Had he married a moron?", True),
        ("had he married, Had he married.", True),
        ("no no", False),
        ("five, five, five, five", False),
        ("It was. Had he married, had he married", True),
        ("had he married had he been", False),
        ("", False),
    ],
)
def test_a_guess_that_says_its_end_twice_is_noticed(text: str, expected: bool) -> None:
    assert ends_twice(text.split()) is expected
