"""Deepgram through its own SDK, over HTTP, with a stand-in that enforces Deepgram's rules."""

import hashlib
from collections.abc import Iterator

import pytest

from chat.voice.recognisers import TranscriptionRefused, TranscriptionUnavailable, choose
from chat.voice.recognisers.deepgram import Deepgram
from chat.voice.recognisers.pocketsphinx import PocketSphinx
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
    deepgram.transcribe(content, "audio/webm", None)
    (received,) = server.received
    assert received.path == "/v1/listen"
    assert received.query == {"model": "nova-3", "smart_format": "true", "detect_language": "true"}
    assert received.headers["authorization"] == f"Token {stand_in.KEY}"
    assert received.headers["content-type"] == "audio/webm"
    assert hashlib.sha256(received.body).digest() == hashlib.sha256(content).digest()


def test_a_named_language_is_asked_for_instead_of_detected(server: DeepgramStandIn, deepgram: Deepgram) -> None:
    server.then(stand_in.spoken("Guten Tag", None))
    transcript = deepgram.transcribe(recordings.spoken(), "audio/webm", "de")
    assert server.received[0].query == {"model": "nova-3", "smart_format": "true", "language": "de"}
    assert (transcript.text, transcript.language) == ("Guten Tag", "de")


def test_the_model_is_a_setting(server: DeepgramStandIn) -> None:
    Deepgram(configured(server.url, deepgram_model="nova-2")).transcribe(recordings.spoken(), "audio/webm", None)
    assert server.received[0].query["model"] == "nova-2"


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_self_hosted_one_is_reached_by_its_address(server: DeepgramStandIn, ending: str) -> None:
    chosen = choose(configured(server.url + ending))
    assert chosen.transcribe(recordings.spoken(), "audio/webm", None).text == stand_in.SENTENCE


def test_without_a_key_the_local_recogniser_is_chosen() -> None:
    for key in (None, ""):
        assert isinstance(
            choose(Settings(_env_file=None, environment="test", secret_key=SECRET, deepgram_api_key=key)), PocketSphinx
        )


def test_the_transcript_has_text_certainty_language_and_the_times_of_words(
    server: DeepgramStandIn, deepgram: Deepgram
) -> None:
    server.then(stand_in.spoken("Hello, world.", "en", 2.0))
    transcript = deepgram.transcribe(recordings.spoken(), "audio/webm", None)
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
    transcript = deepgram.transcribe(recordings.silence(1.0), "audio/wav", None)
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
        deepgram.transcribe(recordings.spoken(), "audio/webm", None)
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
        Answer(200, b'{"results": {"channels": [{"alternatives": [{"transcript": "x", "words": [{}]}]}]}}'),
        Answer(200, b'{"results": {"channels": "none"}}'),
    ],
    ids=["429", "500", "503", "408", "html", "half", "other-json", "cut", "empty", "bad-word", "bad-channels"],
)
def test_temporary_errors_are_unavailable_and_not_retried_here(
    server: DeepgramStandIn, deepgram: Deepgram, answer: Answer
) -> None:
    server.then(answer)
    with pytest.raises(TranscriptionUnavailable):
        deepgram.transcribe(recordings.spoken(), "audio/webm", None)
    assert len(server.received) == 1
    assert deepgram.transcribe(recordings.spoken(), "audio/webm", None).text == stand_in.SENTENCE


def test_the_pause_deepgram_asks_for_is_passed_on(server: DeepgramStandIn, deepgram: Deepgram) -> None:
    dated = stand_in.failed(429, "TOO_MANY_REQUESTS", "later", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    server.then(stand_in.BUSY, stand_in.BROKEN, dated)
    pauses = []
    for _ in range(3):
        with pytest.raises(TranscriptionUnavailable) as unavailable:
            deepgram.transcribe(recordings.spoken(), "audio/webm", None)
        pauses.append(unavailable.value.retry_after)
    assert pauses == [7.0, None, None]


def test_a_response_that_never_comes_is_given_up_in_time(server: DeepgramStandIn) -> None:
    impatient = Deepgram(configured(server.url, transcription_timeout=1))
    server.then(stand_in.SILENT)
    with pytest.raises(TranscriptionUnavailable, match="in time"):
        impatient.transcribe(recordings.spoken(), "audio/webm", None)
    assert len(server.received) == 1


def test_a_service_that_is_down_is_unavailable() -> None:
    absent = Deepgram(configured(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(TranscriptionUnavailable, match="reached"):
        absent.transcribe(recordings.spoken(), "audio/webm", None)
