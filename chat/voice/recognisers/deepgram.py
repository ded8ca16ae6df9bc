"""Deepgram, or a self-hosted one, by its own SDK.

Every attempt is one request: the attempts are counted, spaced and survive a killed worker in `chat.voice.attempts`, so
the SDK's own retries are off.
"""

import math
from typing import Any, NoReturn

import httpx
from deepgram import DeepgramClient, DeepgramClientEnvironment
from deepgram.core.api_error import ApiError
from deepgram.core.parse_error import ParsingError

from chat.voice.recognisers.protocol import Transcript, TranscriptionRefused, TranscriptionUnavailable
from chat.wire import Word
from config.settings import Settings

CONNECT_SECONDS = 5.0
REASON_LIMIT = 200  # characters of Deepgram's own words that are passed on
RETRYABLE = (408, 429)  # of the 4xx; the others say that the request itself is wrong
ACCOUNT = (401, 402, 403)


class Deepgram:
    def __init__(self, settings: Settings) -> None:
        if settings.deepgram_api_key is None:
            raise ValueError("Deepgram needs DEEPGRAM_API_KEY")
        base = settings.deepgram_base_url.rstrip("/")
        sockets = base.replace("http", "ws", 1)
        timeout = httpx.Timeout(settings.transcription_timeout, connect=CONNECT_SECONDS)
        self._model = settings.deepgram_model
        self._client = DeepgramClient(
            api_key=settings.deepgram_api_key.get_secret_value(),
            environment=DeepgramClientEnvironment(base=base, production=sockets, agent=sockets, agent_rest=base),
            httpx_client=httpx.Client(timeout=timeout),
            max_retries=0,
        )

    def transcribe(self, audio: bytes, mimetype: str, language: str | None) -> Transcript:
        """See `Recogniser`."""
        try:
            response = self._client.listen.v1.media.transcribe_file(
                request=audio,
                model=self._model,
                smart_format=True,
                language=language,
                detect_language=True if language is None else None,
                request_options={"additional_headers": {"content-type": mimetype}},
            )
        except ApiError as error:
            _raise_for(error)
        except httpx.TimeoutException as error:
            raise TranscriptionUnavailable("The transcription service did not answer in time.") from error
        except (httpx.HTTPError, ParsingError) as error:
            raise TranscriptionUnavailable("The transcription service could not be reached.") from error
        try:
            return _transcript(response, language)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # The SDK builds its answers without checking them, so a wrong shape shows only here.
            raise TranscriptionUnavailable("The transcription service gave an answer nobody can read.") from error


def _raise_for(error: ApiError) -> NoReturn:
    status = error.status_code or 0
    if 400 <= status < 500 and status not in RETRYABLE:
        if status in ACCOUNT:
            raise TranscriptionRefused(f"The transcription service does not accept our account ({status}).") from error
        said = _said(error.body)
        reason = f"The transcription service refused the recording ({status}{': ' + said if said else ''})."
        raise TranscriptionRefused(reason) from error
    if status == 429:
        raise TranscriptionUnavailable("The transcription service is busy (429).", _retry_after(error)) from error
    if 200 <= status < 300:
        raise TranscriptionUnavailable("The transcription service gave an answer nobody can read.") from error
    raise TranscriptionUnavailable(f"The transcription service failed ({status}).", _retry_after(error)) from error


def _said(body: Any) -> str:
    """Deepgram's own explanation, made short."""
    if not isinstance(body, dict):
        return ""
    said = body.get("err_msg") or body.get("message") or ""
    return str(said).removeprefix("Bad Request: ").strip()[:REASON_LIMIT]


def _retry_after(error: ApiError) -> float | None:
    """Seconds, where it names them. A date is left to our own backoff."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _transcript(response: Any, language: str | None) -> Transcript:
    """The first alternative of the first channel; an empty one when there is none, as for silence."""
    channels = response.results.channels
    if not channels:
        return Transcript("", language=language)
    channel = channels[0]
    spoken = getattr(channel, "detected_language", None) or language
    if not channel.alternatives:
        return Transcript("", language=spoken)
    best = channel.alternatives[0]
    text = best.transcript or ""
    return Transcript(
        text=text,
        confidence=None if best.confidence is None or not text else float(best.confidence),
        language=spoken,
        words=[_word(word) for word in best.words or []],
    )


def _word(word: Any) -> Word:
    return Word(
        word=str(getattr(word, "punctuated_word", None) or word.word),
        start=round(float(word.start), 3),
        end=round(float(word.end), 3),
        confidence=None if word.confidence is None else float(word.confidence),
    )
