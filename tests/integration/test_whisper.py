"""Whisper hears a human voice word for word in every format, and nothing where nobody speaks."""

import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from chat.audio.decoding import RATE, SAMPLE_BYTES, speech
from chat.audio.heard import Heard
from chat.errors import UnsupportedMedia
from chat.voice.recognisers import Progress, Recording, Transcript, TranscriptionRefused, TranscriptionUnavailable
from chat.voice.recognisers.hearing import Guess, Hearing, never
from chat.voice.recognisers.pieces import pieces
from chat.voice.recognisers.whisper import Whisper
from chat.voice.recognisers.whisper_model import Models
from config.settings import Settings
from dev import whisper_model
from dev.processes import wait_until
from tests import recordings, sounds
from tests.stack import SECRET

RESPECTABLE, AMIABLE = recordings.RESPECTABLE, recordings.AMIABLE


def made(model: str = "base", **more: object) -> Whisper:
    folder = str(whisper_model.folder(model)) if model in whisper_model.MODELS else model
    return Whisper(Settings(_env_file=None, environment="test", secret_key=SECRET, whisper_model=folder, **more))


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    return made()


def heard(whisper: Whisper, audio: bytes, language: str | None = None, hints: Sequence[str] = ()) -> Transcript:
    return whisper.transcribe(Recording(audio, "audio/webm", language, hints))


def words(text: str) -> str:
    """The words alone: without punctuation and capitals."""
    return " ".join(re.findall(r"\w+", text.lower()))


@pytest.fixture(scope="module")
def small() -> Whisper:
    """A model that takes a quarter of the time, for what does not depend on the model."""
    return made("tiny.en")


def test_a_voice_is_understood_while_it_speaks(whisper: Whisper) -> None:
    sound = b"".join(speech(recordings.spoken(), 60)) + bytes(RATE * SAMPLE_BYTES * 3)
    half = RATE * SAMPLE_BYTES // 2
    told = []
    with whisper.listen(None, (), Heard()) as stream:
        for at in range(0, len(sound), half):
            stream.feed(sound[at : at + half])
            told += [news] if (news := stream.heard(never)) is not None else []
        last = stream.finish()
    assert told[0].settled == 0
    assert told[0].words, "guessed while it goes on"
    assert words(last.text) == RESPECTABLE
    assert last.settled == len(last.words) == len(RESPECTABLE.split())
    assert (last.language, last.seconds) == ("en", pytest.approx(9.05, abs=0.1))
    with whisper.listen(None, (), last) as stream:
        stream.feed(b"".join(speech(recordings.spoken("amiable.webm"), 60)))
        longer = stream.finish()
    assert words(longer.text) == f"{RESPECTABLE} {AMIABLE}", "another listener goes on behind what was settled"
    assert longer.words[: last.settled] == last.words
    assert longer.words[last.settled]["start"] > 9


def test_who_stops_speaking_sees_the_words_that_will_be_sent(whisper: Whisper) -> None:
    sound = b"".join(speech(recordings.spoken("respectable.m4a"), 60))
    half, shown = RATE * SAMPLE_BYTES // 2, Heard()
    with whisper.listen(None, (), Heard()) as stream:
        for at in range(0, len(sound), half):
            stream.feed(sound[at : at + half])
            shown = stream.heard(never) or shown

        def complete() -> bool:
            nonlocal shown
            shown = stream.heard(never) or shown
            return words(shown.text) == RESPECTABLE

        wait_until(complete, 30, "the last words, though no sound follows")
        assert stream.finish().text == shown.text


def test_behind_known_words_only_the_rest_is_heard_unless_they_were_not_said() -> None:
    model = Models(str(whisper_model.folder("base")), 2, 1).get()
    (piece,) = pieces([b"".join(speech(recordings.spoken(), 60))])
    whole = Hearing(model, None, (), Heard()).guess(piece)
    known, _ = whole.split(8)
    wrong = Guess("x " * 7 + "x", [{**word, "word": "x"} for word in known.words], known.language)
    for begun in (known, wrong):
        again = Hearing(model, None, (), Heard()).guess(piece, begun)
        assert words(again.text) == RESPECTABLE
        assert [word["word"] for word in again.words] == again.text.split()
        starts = [word["start"] for word in again.words]
        assert starts == sorted(starts)


@pytest.fixture(scope="module")
def transcript(whisper: Whisper) -> Transcript:
    return heard(whisper, recordings.spoken())


def test_a_human_voice_is_understood_word_for_word(whisper: Whisper, transcript: Transcript) -> None:
    for each, said in ((transcript, RESPECTABLE), (heard(whisper, recordings.spoken("amiable.webm")), AMIABLE)):
        assert words(each.text) == said
        assert re.fullmatch(r"H.*[.?]", each.text), "it has punctuation"
        assert each.language == "en"


def test_each_word_has_its_time_and_how_sure_it_is(transcript: Transcript) -> None:
    times = [time for word in transcript.words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 0 <= times[0] < 0.5
    assert 5 < times[-1] < 6.1
    assert transcript.text == " ".join(word["word"] for word in transcript.words)
    assert all(0 < word["confidence"] <= 1 for word in transcript.words)
    assert 0.8 < transcript.confidence <= 1


@pytest.mark.parametrize("name", sorted(sounds.NOTHING_SAID))
def test_where_nobody_speaks_no_words_are_made_up(whisper: Whisper, name: str) -> None:
    transcript = heard(whisper, sounds.wav(sounds.NOTHING_SAID[name]))
    assert (transcript.text, transcript.words, transcript.language) == ("", [], None)


def test_a_voice_in_noise_is_still_understood(whisper: Whisper) -> None:
    voice = sounds.voice()
    transcript = heard(whisper, sounds.wav(voice + sounds.noise(len(voice) / RATE, 0.05)))
    assert words(transcript.text) == RESPECTABLE


def test_after_silence_words_keep_their_times(small: Whisper) -> None:
    voice = sounds.voice()
    at_once = heard(small, sounds.wav(voice))
    later = heard(small, sounds.wav(np.concatenate([sounds.silence(40), voice])))
    assert words(later.text) == words(at_once.text)
    shifts = [after["start"] - before["start"] for before, after in zip(at_once.words, later.words, strict=True)]
    assert shifts[1:] == pytest.approx([40.0] * (len(shifts) - 1), abs=0.3)
    assert later.words[0]["end"] > 40


def test_a_long_pause_shifts_no_words(small: Whisper) -> None:
    first, second = sounds.voice("amiable.flac"), sounds.voice()
    transcript = heard(small, sounds.wav(np.concatenate([first, sounds.silence(8), second])))
    assert words(transcript.text) == f"{AMIABLE} {RESPECTABLE}"
    begins = len(first) / RATE + 8
    for word in transcript.words[8:]:
        assert begins < word["end"] < begins + 6.1


@pytest.mark.parametrize("other", [-1.0, 0.0, 1.0], ids=["antiphase", "silent", "same"])
def test_two_channels_do_not_cancel_out(small: Whisper, other: float) -> None:
    voice = sounds.voice()
    assert words(heard(small, sounds.wav(voice, other * voice)).text) == RESPECTABLE


def test_a_voice_on_each_channel_both_are_heard(small: Whisper) -> None:
    first, second = sounds.voice("amiable.flac"), sounds.voice()
    left = np.concatenate([first, sounds.silence(len(second) / RATE)])
    right = np.concatenate([sounds.silence(len(first) / RATE), second])
    assert words(heard(small, sounds.wav(left, -right)).text) == f"{AMIABLE} {RESPECTABLE}"


@pytest.mark.parametrize("place", [0, 1])
def test_of_two_tracks_the_one_with_speech_is_heard(small: Whisper, place: int) -> None:
    both = [sounds.music(6), sounds.music(6)]
    both[place] = sounds.voice()
    assert words(heard(small, sounds.tracks(*both)).text) == RESPECTABLE


def long(times: int) -> bytes:
    """A human voice, again and again with pauses between."""
    once = np.concatenate([sounds.voice(), sounds.silence(0.7), sounds.voice("amiable.flac"), sounds.silence(0.7)])
    return sounds.wav(np.tile(once, times))


def test_the_words_of_a_long_recording_come_piece_by_piece(small: Whisper) -> None:
    reported: list[Progress] = []
    transcript = small.transcribe(Recording(long(5), "audio/wav"), reported.append)
    assert words(transcript.text) == " ".join([RESPECTABLE, AMIABLE] * 5)
    assert len(reported) >= 2
    for before, after in pairwise(reported):
        assert before.seconds < after.seconds
        assert after.text.startswith(before.text)
    assert transcript.text.startswith(reported[-1].text)
    assert 10 < reported[0].seconds <= 30


def test_a_short_recording_reports_nothing_before_it_is_done(small: Whisper) -> None:
    reported: list[Progress] = []
    small.transcribe(Recording(recordings.spoken(), "audio/webm"), reported.append)
    assert reported == []


def test_speech_without_a_pause_is_cut_where_it_is_quietest(small: Whisper) -> None:
    voice = sounds.voice()[RATE // 10 : -RATE // 4]
    transcript = heard(small, sounds.wav(np.tile(voice, 6)))
    times = [time for word in transcript.words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert transcript.text.lower().count("respectable") == 6


def test_many_recordings_share_one_model(small: Whisper) -> None:
    names = ["respectable.webm", "amiable.flac", "respectable.m4a", "amiable.mp3"]
    with ThreadPoolExecutor(len(names)) as pool:
        texts = list(pool.map(lambda name: words(heard(small, recordings.spoken(name)).text), names))
    assert texts == [RESPECTABLE, AMIABLE, RESPECTABLE, AMIABLE]


def test_a_model_is_loaded_once(caplog: pytest.LogCaptureFixture) -> None:
    whisper, both = made("tiny.en"), threading.Barrier(2)

    def first(_: int) -> str:
        both.wait(10)
        return words(heard(whisper, recordings.spoken("amiable.flac")).text)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(first, range(2))) == [AMIABLE] * 2


def test_what_breaks_off_gives_what_there_was(small: Whisper) -> None:
    assert words(heard(small, recordings.cut_off()).text).startswith("had he married a more amiable woman")


@pytest.mark.parametrize("name", sorted(recordings.lies()))
def test_what_is_no_audio_is_refused(small: Whisper, name: str) -> None:
    with pytest.raises(UnsupportedMedia):
        heard(small, recordings.lies()[name])


@pytest.mark.parametrize(("name", "mimetype", "seconds"), recordings.FORMATS)
def test_every_format_of_the_contract_is_decoded(name: str, mimetype: str, seconds: float) -> None:
    decoded = b"".join(speech(recordings.spoken(name), 600))
    assert len(decoded) / (RATE * SAMPLE_BYTES) == pytest.approx(seconds, abs=0.15)
    assert len(set(decoded)) > 100  # not silence


def test_no_more_is_decoded_than_a_recording_may_last() -> None:
    assert len(b"".join(speech(recordings.spoken(), 1.5))) == 1.5 * RATE * SAMPLE_BYTES


def test_an_unknown_language_is_refused(whisper: Whisper) -> None:
    with pytest.raises(TranscriptionRefused, match="tlh"):
        heard(whisper, recordings.spoken(), "tlh")


def test_a_named_language_is_taken_at_its_word(whisper: Whisper) -> None:
    transcript = heard(whisper, recordings.spoken(), "de-CH")
    assert transcript.language == "de"
    assert words(transcript.text) != RESPECTABLE


def test_a_hint_forces_nothing(whisper: Whisper) -> None:
    transcript = heard(whisper, recordings.spoken(), None, ["de-DE", "tlh", "fr"])
    assert (transcript.language, words(transcript.text)) == ("en", RESPECTABLE)


def test_a_model_of_english_alone_refuses_others() -> None:
    english = made("tiny.en")
    assert words(heard(english, recordings.spoken(), "en-GB", ["de"]).text) == RESPECTABLE
    with pytest.raises(TranscriptionRefused, match="English"):
        heard(english, recordings.spoken(), "de")


def test_a_folder_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TranscriptionUnavailable, match=r"no config\.json, model\.bin, tokenizer\.json.*Name a folder"):
        heard(made(str(tmp_path)), recordings.spoken())


def test_a_broken_model_says_so(tmp_path: Path) -> None:
    for name in ("config.json", "model.bin", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(TranscriptionUnavailable, match="cannot be loaded"):
        heard(made(str(tmp_path)), recordings.spoken())


def test_what_is_neither_a_folder_nor_a_size_says_so() -> None:
    with pytest.raises(TranscriptionUnavailable, match="neither a folder nor a size"):
        heard(made("enormous"), recordings.spoken())


def test_a_model_that_the_hub_does_not_give_says_what_to_do_and_is_not_asked_for_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    whisper, errors = made("tiny"), []
    for _ in range(2):
        with pytest.raises(
            TranscriptionUnavailable, match=r"could not be fetched.*WHISPER_MODEL.*DEEPGRAM_API_KEY"
        ) as no:
            heard(whisper, recordings.spoken())
        errors.append(no.value)
    assert errors[0] is errors[1]
