"""Deepgram through its own SDK, over HTTP, with a stand-in that enforces Deepgram's rules."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from chat import wire
from chat.voice.recognisers import Recording, TranscriptionRefused, TranscriptionUnavailable, choose
from chat.voice.recognisers.deepgram import Deepgram
from chat.voice.recognisers.whisper import Whisper
from config.settings import Settings
from dev.processes import free_port
from tests import deepgram_stand_in as stand_in
from tests import recordings
from tests.deepgram_stand_in import Answer, DeepgramStandIn
from tests.stack import SECRET


@pytest.fixture
def server() -> Iterator[DeepgramStandIn]:
    with DeepgramStandIn() as opened:
        yield opened


def configured(url: str, **more: object) -> Settings:
    settings = {
        "environment": "test",
        "secret_key": SECRET,
        "deepgram_api_key": stand_in.KEY,
        "deepgram_base_url": url,
        **more,
    }
    return Settings(_env_file=None, **settings)


@pytest.fixture
def deepgram(server: DeepgramStandIn) -> Deepgram:
    return Deepgram(configured(server.url))


def test_the_request_is_what_deepgram_documents(server: DeepgramStandIn, deepgram: Deepgram) -> None:
    content = recordings.spoken()
    deepgram.transcribe(Recording(content, "audio/webm"))
    (received,) = server.received
    assert received.path == "/v1/listen"
    assert received.query == {"model": "nova-3", "smart_format": "true", "language": "multi"}
    assert received.headers["authorization"] == f"Token {stand_in.KEY}"
    assert received.headers["content-type"] == "audio/webm"
    assert hashlib.sha256(received.body).digest() == hashlib.sha256(content).digest()


def test_a_named_language_is_asked_for_instead_of_detected(server: DeepgramStandIn, deepgram: Deepgram) -> None:
    server.then(stand_in.spoken("Guten Tag", None))
    transcript = deepgram.transcribe(Recording(recordings.spoken(), "audio/webm", "de"))
    assert server.received[0].query == {"model": "nova-3", "smart_format": "true", "language": "de"}
    assert (transcript.text, transcript.language) == ("Guten Tag", "de")


def test_the_model_is_a_setting(server: DeepgramStandIn) -> None:
    Deepgram(configured(server.url, deepgram_model="nova-2")).transcribe(Recording(recordings.spoken(), "audio/webm"))
    assert server.received[0].query["model"] == "nova-2"


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_self_hosted_one_is_reached_by_its_address(server: DeepgramStandIn, ending: str) -> None:
    chosen = choose(configured(server.url + ending))
    assert chosen.transcribe(Recording(recordings.spoken(), "audio/webm")).text == stand_in.SENTENCE


def test_without_a_key_the_local_recogniser_is_chosen() -> None:
    for key in (None, ""):
        assert isinstance(
            choose(Settings(_env_file=None, environment="test", secret_key=SECRET, deepgram_api_key=key)), Whisper
        )


def test_the_transcript_has_text_certainty_language_and_the_times_of_words(
    server: DeepgramStandIn, deepgram: Deepgram
) -> None:
    server.then(stand_in.spoken("Hello, world.", "en", 2.0))
    transcript = deepgram.transcribe(Recording(recordings.spoken(), "audio/webm"))
    assert (transcript.text, transcript.language) == ("Hello, world.", "en")
    assert transcript.confidence == stand_in.CONFIDENCE
    assert transcript.words == [
        {"word": "Hello,", "start": 0.0, "end": 0.9, "confidence": 0.99},
        {"word": "world.", "start": 1.0, "end": 1.9, "confidence": 0.99},
    ]


@pytest.mark.parametrize("answer", [stand_in.NO_CHANNELS, stand_in.NO_ALTERNATIVES, stand_in.spoken("")])
def test_a_recording_in_which_nobody_speaks_has_an_empty_transcript(
    server: DeepgramStandIn, deepgram: Deepgram, answer: Answer
) -> None:
    server.then(answer)
    transcript = deepgram.transcribe(Recording(recordings.silence(1.0), "audio/wav"))
    assert (transcript.text, transcript.confidence, transcript.words) == ("", None, [])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (stand_in.CORRUPT, "(400: failed to process audio: corrupt or unsupported data)"),
        (stand_in.BAD_KEY, "account (401)"),
        (stand_in.NO_MONEY, "account (402)"),
        (stand_in.TOO_LARGE, "(413: The request body is too large.)"),
    ],
    ids=["400", "401", "402", "413"],
)
def test_permanent_errors_are_refused_with_the_reason(
    server: DeepgramStandIn, deepgram: Deepgram, answer: Answer, says: str
) -> None:
    server.then(answer)
    with pytest.raises(TranscriptionRefused) as refused:
        deepgram.transcribe(Recording(recordings.spoken(), "audio/webm"))
    assert says in str(refused.value)
    assert stand_in.KEY not in str(refused.value)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "answer",
    [
        stand_in.BUSY,
        stand_in.BROKEN,
        Answer(503, b"<html>upstream</html>", "text/html"),
        Answer(408, b""),
        stand_in.HTML,
        stand_in.HALF,
        stand_in.OTHER_JSON,
        stand_in.CUT,
        Answer(200, b""),
        Answer(200, b'{"results": {"channels": "none"}}'),
    ],
    ids=["429", "500", "503", "408", "html", "half", "other-json", "cut", "empty", "bad-channels"],
)
def test_temporary_errors_are_unavailable_and_not_retried_here(
    server: DeepgramStandIn, deepgram: Deepgram, answer: Answer
) -> None:
    server.then(answer)
    with pytest.raises(TranscriptionUnavailable):
        deepgram.transcribe(Recording(recordings.spoken(), "audio/webm"))
    assert len(server.received) == 1
    assert deepgram.transcribe(Recording(recordings.spoken(), "audio/webm")).text == stand_in.SENTENCE


def test_the_pause_deepgram_asks_for_is_passed_on(server: DeepgramStandIn, deepgram: Deepgram) -> None:
    dated = stand_in.failed(429, "TOO_MANY_REQUESTS", "later", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    server.then(stand_in.BUSY, stand_in.BROKEN, dated)
    pauses = []
    for _ in range(3):
        with pytest.raises(TranscriptionUnavailable) as unavailable:
            deepgram.transcribe(Recording(recordings.spoken(), "audio/webm"))
        pauses.append(unavailable.value.retry_after)
    assert pauses == [7.0, None, None]


def test_a_response_that_never_comes_is_given_up_in_time(server: DeepgramStandIn) -> None:
    impatient = Deepgram(configured(server.url, transcription_timeout=1))
    server.then(stand_in.SILENT)
    with pytest.raises(TranscriptionUnavailable, match="in time"):
        impatient.transcribe(Recording(recordings.spoken(), "audio/webm"))
    assert len(server.received) == 1


def test_a_service_that_is_down_is_unavailable() -> None:
    absent = Deepgram(configured(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(TranscriptionUnavailable, match="reached"):
        absent.transcribe(Recording(recordings.spoken(), "audio/webm"))


def test_the_senders_languages_help_the_detection(server: DeepgramStandIn, deepgram: Deepgram) -> None:
    server.then(stand_in.spoken_mixed("Guten Tag, my friend.", ["de", "en"]))
    transcript = deepgram.transcribe(Recording(recordings.spoken(), "audio/webm", hints=["de", "en"]))
    assert server.received[0].query["language"] == "multi"
    assert server.received[0].query["language_hint"] == ["de", "en"]
    assert (transcript.text, transcript.language) == ("Guten Tag, my friend.", "de")


def test_a_hint_that_deepgram_does_not_know_costs_no_transcript(server: DeepgramStandIn, deepgram: Deepgram) -> None:
    assert deepgram.transcribe(Recording(recordings.spoken(), "audio/webm", hints=["gsw"])).text == stand_in.SENTENCE
    assert [call.query.get("language_hint") for call in server.received] == [["gsw"], None]


def test_a_model_that_knows_one_language_at_a_time_is_asked_to_detect_it(server: DeepgramStandIn) -> None:
    detecting = Deepgram(configured(server.url, deepgram_language="detect"))
    assert detecting.transcribe(Recording(recordings.spoken(), "audio/webm", hints=["de"])).language == "en"
    (received,) = server.received
    assert received.query == {"model": "nova-3", "smart_format": "true", "detect_language": "true"}


def test_a_model_that_detects_none_is_told_the_hint(server: DeepgramStandIn, deepgram: Deepgram) -> None:
    server.then(stand_in.NO_MULTI, stand_in.NO_MULTI, stand_in.NOT_DETECTED, stand_in.spoken("Guten Tag", None))
    transcript = deepgram.transcribe(Recording(recordings.spoken(), "audio/webm", hints=["de", "en"]))
    assert (transcript.text, transcript.language) == ("Guten Tag", "de")
    assert [call.query.get("language") for call in server.received] == ["multi", "multi", None, "de"]


def test_without_a_hint_it_is_refused_with_deepgrams_reason(server: DeepgramStandIn) -> None:
    server.then(stand_in.NOT_DETECTED)
    with pytest.raises(TranscriptionRefused, match="language detection is not supported"):
        Deepgram(configured(server.url, deepgram_language="detect")).transcribe(
            Recording(recordings.spoken(), "audio/webm")
        )
    assert len(server.received) == 1


def test_a_language_that_was_asked_for_is_not_changed_for_another(server: DeepgramStandIn, deepgram: Deepgram) -> None:
    server.then(stand_in.NO_MULTI)
    with pytest.raises(TranscriptionRefused):
        deepgram.transcribe(Recording(recordings.spoken(), "audio/webm", "tlh", ["de"]))
    assert len(server.received) == 1


def test_terms_profanity_and_redaction_are_settings(server: DeepgramStandIn) -> None:
    chosen = {
        "deepgram_keyterms": "Chattergram, Ada Lovelace,",
        "deepgram_profanity_filter": True,
        "deepgram_redact": "pci,numbers",
    }
    Deepgram(configured(server.url, **chosen)).transcribe(Recording(recordings.spoken(), "audio/webm", "en"))
    query = server.received[0].query
    assert query["keyterm"] == ["Chattergram", "Ada Lovelace"]
    assert query["profanity_filter"] == "true"
    assert query["redact"] == ["pci", "numbers"]


def alternative(**fields: object) -> Answer:
    shaped = stand_in.response("One two.", "en", 2.0)
    (best,) = shaped["results"]["channels"][0]["alternatives"]
    best |= fields
    return Answer(body=json.dumps(shaped).encode())


WORD = {"word": "one", "punctuated_word": "One", "start": 0.5, "end": 0.9, "confidence": 0.99}


@pytest.mark.parametrize(
    ("answer", "text", "words"),
    [
        (alternative(words=[WORD, {"word": "two"}]), "One two.", ["One"]),
        (alternative(words=[{**WORD, "start": None}, {**WORD, "end": "late"}]), "One two.", []),
        (alternative(words=[{**WORD, "start": float("nan")}, {**WORD, "start": -1}, WORD]), "One two.", ["One"]),
        (alternative(words=[{**WORD, "word": ["o", "ne"], "punctuated_word": None}]), "One two.", ["o ne"]),
        (alternative(words=["one", None, 7]), "One two.", []),
        (alternative(words="one two"), "One two.", []),
        (alternative(words=None, confidence=None), "One two.", []),
        (alternative(transcript=["One", "two."]), "One two.", ["One", "two."]),
        (alternative(transcript=None), "One two.", ["One", "two."]),
        (alternative(transcript={"text": "?"}), "One two.", ["One", "two."]),
        (alternative(transcript="One \ud83d two."), "One \ufffd two.", ["One", "two."]),
        (alternative(languages="en", confidence=[1, 2]), "One two.", ["One", "two."]),
    ],
    ids=[
        *("no-times", "odd-times", "impossible-times", "list-as-word", "odd-words", "words-as-text", "nothing"),
        *("list-as-text", "no-text", "object-as-text", "half-a-character", "odd-certainty"),
    ],
)
def test_what_is_not_as_documented_costs_no_transcript(
    server: DeepgramStandIn, deepgram: Deepgram, answer: Answer, text: str, words: list[str]
) -> None:
    server.then(answer)
    transcript = deepgram.transcribe(Recording(recordings.spoken(), "audio/webm"))
    assert transcript.text == text
    assert [word["word"] for word in transcript.words] == words
    assert wire.dumps(transcript.words), "the stores take it"
    transcript.text.encode()


@pytest.mark.parametrize("certainty", [None, "sure", float("nan"), float("inf"), 1.5, -0.1, [0.9]])
def test_a_word_without_a_usable_probability_has_none(
    server: DeepgramStandIn, deepgram: Deepgram, certainty: object
) -> None:
    server.then(alternative(words=[{**WORD, "confidence": certainty}]))
    (word,) = deepgram.transcribe(Recording(recordings.spoken(), "audio/webm")).words
    assert word["confidence"] is None
