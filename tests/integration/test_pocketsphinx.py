"""The local recogniser hears a human voice in every format, and never claims more than it knows."""

import difflib

import pytest

from chat.audio.decoding import RATE, SAMPLE_BYTES, speech
from chat.errors import UnsupportedMedia
from chat.voice.recognisers import TranscriptionRefused
from chat.voice.recognisers.pocketsphinx import PocketSphinx
from config.settings import Settings
from tests import recordings
from tests.stack import SECRET


@pytest.fixture(scope="module")
def recogniser() -> PocketSphinx:
    return PocketSphinx(Settings(_env_file=None, environment="test", secret_key=SECRET))


def right(heard: str, said: str) -> float:
    """The share of the words said that were heard, in their order."""
    words = said.split()
    blocks = difflib.SequenceMatcher(None, words, heard.split(), autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(words)


@pytest.mark.parametrize("name", ["respectable.webm", "respectable.m4a"])
def test_most_words_of_a_human_voice_are_heard(recogniser: PocketSphinx, name: str) -> None:
    transcript = recogniser.transcribe(recordings.spoken(name), "audio/webm", None)
    assert right(transcript.text, recordings.RESPECTABLE) > 0.7, transcript.text
    assert transcript.language == "en-US"


def test_words_have_times_within_the_recording_and_no_certainty(recogniser: PocketSphinx) -> None:
    transcript = recogniser.transcribe(recordings.spoken(), "audio/webm", None)
    times = [time for word in transcript.words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 0 <= times[0] < 1
    assert 5 < times[-1] < 6.1
    assert transcript.text == " ".join(word["word"] for word in transcript.words)
    assert {word["confidence"] for word in transcript.words} | {transcript.confidence} == {None}


@pytest.mark.parametrize(("name", "mimetype", "seconds"), recordings.FORMATS)
def test_every_format_of_the_contract_is_decoded(name: str, mimetype: str, seconds: float) -> None:
    heard = b"".join(speech(recordings.spoken(name), 600))
    assert len(heard) / (RATE * SAMPLE_BYTES) == pytest.approx(seconds, abs=0.15)
    assert len(set(heard)) > 100  # not silence


def test_each_recording_is_heard_anew(recogniser: PocketSphinx) -> None:
    first = recogniser.transcribe(recordings.spoken("amiable.flac"), "audio/flac", None)
    recogniser.transcribe(recordings.spoken(), "audio/webm", None)
    again = recogniser.transcribe(recordings.spoken("amiable.flac"), "audio/flac", "en")
    assert right(first.text, recordings.AMIABLE) > 0.6, first.text
    assert again == first


def test_silence_has_an_empty_transcript(recogniser: PocketSphinx) -> None:
    transcript = recogniser.transcribe(recordings.silence(3.0), "audio/wav", None)
    assert (transcript.text, transcript.words) == ("", [])


def test_what_breaks_off_gives_what_there_was(recogniser: PocketSphinx) -> None:
    transcript = recogniser.transcribe(recordings.cut_off(), "audio/webm", None)
    first_half = " ".join(recordings.RESPECTABLE.split()[:9])
    assert right(transcript.text, first_half) > 0.6, transcript.text


@pytest.mark.parametrize("name", sorted(recordings.lies()))
def test_what_is_no_audio_is_refused(recogniser: PocketSphinx, name: str) -> None:
    with pytest.raises(UnsupportedMedia):
        recogniser.transcribe(recordings.lies()[name], "audio/webm", None)


def test_another_language_than_english_is_refused(recogniser: PocketSphinx) -> None:
    with pytest.raises(TranscriptionRefused, match="English"):
        recogniser.transcribe(recordings.spoken(), "audio/webm", "de")


def test_no_more_is_decoded_than_a_recording_may_last() -> None:
    heard = b"".join(speech(recordings.spoken(), 1.5))
    assert len(heard) == 1.5 * RATE * SAMPLE_BYTES


def test_speech_without_a_pause_is_cut_into_utterances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.voice.recognisers.pocketsphinx.UTTERANCE_SECONDS", 2.0)
    recogniser = PocketSphinx(Settings(_env_file=None, environment="test", secret_key=SECRET))
    transcript = recogniser.transcribe(recordings.spoken(), "audio/webm", None)
    times = [time for word in transcript.words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 5 < times[-1] < 6.1
    assert right(transcript.text, recordings.RESPECTABLE) > 0.3, transcript.text
