"""Deepgram, hosted or self-hosted, through its SDK.

`chat.voice.attempts` counts and spaces attempts and survives a killed worker, so the SDK's retries are off. Only a
request that Deepgram refuses because of the language is repeated at once, with other parameters.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import httpx
from deepgram import DeepgramClient, DeepgramClientEnvironment
from deepgram.core.api_error import ApiError
from deepgram.core.parse_error import ParsingError

from chat.voice.recognisers.protocol import (
    LanguageNotKnown,
    Recording,
    Report,
    Transcript,
    TranscriptionRefused,
    TranscriptionUnavailable,
)
from chat.wire import Word
from config.settings import Settings

CONNECT_SECONDS = 5.0
REASON_LIMIT = 200  # characters of Deepgram's explanation that are passed on
RETRYABLE = (408, 429)  # of the 4xx; the others say that the request itself is wrong
ACCOUNT = (401, 402, 403)
ABOUT_LANGUAGE = re.compile("language", re.IGNORECASE)  # in the explanation of a 400
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")

Query = dict[str, Any]


class Deepgram:
    def __init__(self, settings: Settings) -> None:
        if settings.deepgram_api_key is None:
            raise ValueError("Deepgram needs DEEPGRAM_API_KEY")
        base = settings.deepgram_base_url.rstrip("/")
        sockets = base.replace("http", "ws", 1)
        timeout = httpx.Timeout(settings.transcription_timeout, connect=CONNECT_SECONDS)
        self._mixed = settings.deepgram_language == "multi"
        self._query: Query = {"model": settings.deepgram_model, "smart_format": True}
        if settings.deepgram_profanity_filter:
            self._query["profanity_filter"] = True
        if keyterms := listed(settings.deepgram_keyterms):
            self._query["keyterm"] = keyterms
        self._redact = listed(settings.deepgram_redact)
        self._client = DeepgramClient(
            api_key=settings.deepgram_api_key.get_secret_value(),
            environment=DeepgramClientEnvironment(base=base, production=sockets, agent=sockets, agent_rest=base),
            httpx_client=httpx.Client(timeout=timeout),
            max_retries=0,
        )

    def prepare(self) -> None:
        """See `Recogniser`. There is nothing to load."""

    def transcribe(
        self,
        recording: Recording,
        on_progress: Report | None = None,  # noqa: ARG002 (the transcript arrives whole)
    ) -> Transcript:
        """See `Recogniser`."""
        refused: TranscriptionRefused | None = None
        for query in self._queries(recording.language, recording.hints):
            try:
                response = self._ask(recording, query)
            except _LanguageRefused as error:
                refused = error
            else:
                return _transcript(response, query.get("language") if query.get("language") != "multi" else None)
        raise refused or LanguageNotKnown("The transcription service does not know this language.")

    def _queries(self, language: str | None, hints: Sequence[str]) -> Iterator[Query]:
        """Yields the parameters to try in order, until one is not refused because of the language: not every model
        detects languages or knows those hinted at."""
        if language is not None:
            yield {"language": language}
            return
        if self._mixed:
            if hints:
                yield {"language": "multi", "language_hint": list(hints)}
            yield {"language": "multi"}
        yield {"detect_language": True}
        if hints:
            yield {"language": hints[0]}

    def _ask(self, recording: Recording, query: Query) -> Any:
        options: dict[str, Any] = {"additional_headers": {"content-type": recording.mimetype}}
        if self._redact:
            options["additional_query_parameters"] = {"redact": self._redact}  # the SDK takes one, Deepgram several
        try:
            return self._client.listen.v1.media.transcribe_file(
                request=recording.audio,
                **self._query,
                **query,
                request_options=options,
            )
        except ApiError as error:
            _raise_for(error)
        except httpx.TimeoutException as error:
            raise TranscriptionUnavailable("The transcription service did not respond in time.") from error
        except (httpx.HTTPError, ParsingError) as error:
            raise TranscriptionUnavailable("The transcription service could not be reached.") from error


class _LanguageRefused(LanguageNotKnown):
    """The recording was refused because of the requested language, or because the model cannot detect it."""


def listed(value: str) -> list[str]:
    """Splits a comma-separated setting."""
    return [part.strip() for part in value.split(",") if part.strip()]


def _raise_for(error: ApiError) -> NoReturn:
    status = error.status_code or 0
    if 400 <= status < 500 and status not in RETRYABLE:
        if status in ACCOUNT:
            raise TranscriptionRefused(f"The transcription service does not accept our account ({status}).") from error
        said = _said(error.body)
        reason = f"The transcription service refused the recording ({status}{': ' + said if said else ''})."
        about_language = status == 400 and ABOUT_LANGUAGE.search(said)
        raise (_LanguageRefused if about_language else TranscriptionRefused)(reason) from error
    if status == 429:
        raise TranscriptionUnavailable("The transcription service is busy (429).", _retry_after(error)) from error
    if 200 <= status < 300:
        raise TranscriptionUnavailable("The transcription service sent an unreadable response.") from error
    raise TranscriptionUnavailable(f"The transcription service failed ({status}).", _retry_after(error)) from error


def _said(body: Any) -> str:
    """Returns Deepgram's explanation, shortened."""
    if not isinstance(body, dict):
        return ""
    said = _text(body.get("err_msg")) or _text(body.get("message"))
    return said.removeprefix("Bad Request: ").strip()[:REASON_LIMIT]


def _retry_after(error: ApiError) -> float | None:
    """Returns the seconds of `Retry-After`. A date is ignored in favour of our own backoff."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return _positive(headers.get("retry-after")) or None


def _transcript(response: Any, language: str | None) -> Transcript:
    """Returns the first alternative of the first channel; an empty transcript when there is none, as for silence.

    The SDK builds its responses without checking them, so any value may be anywhere. What is not as documented is left
    out: a word without times can be read but does not light up.

    Raises:
        TranscriptionUnavailable: the response has no transcript.
    """
    channels = _field(_field(response, "results"), "channels")
    if not isinstance(channels, list):
        raise TranscriptionUnavailable("The transcription service sent an unreadable response.")
    channel = channels[0] if channels else None
    alternatives = _field(channel, "alternatives")
    if not isinstance(alternatives, list) or not alternatives:
        return Transcript("", language=language or _tag(_field(channel, "detected_language")))
    best = alternatives[0]
    said = _field(best, "words")
    spoken = said if isinstance(said, list) else []
    text = _text(_field(best, "transcript"))
    if not text and _field(best, "transcript") != "":
        text = " ".join(filter(None, map(_spelled, spoken)))
        if not text:
            raise TranscriptionUnavailable("The transcription service sent an unreadable response.")
    found = [_tag(_field(best, "languages")), _tag(_field(channel, "detected_language"))]
    return Transcript(
        text=text,
        confidence=_probability(_field(best, "confidence")) if text else None,
        language=language or next(filter(None, found), None),
        words=[word for each in spoken if (word := _word(each)) is not None],
    )


def _field(value: Any, name: str) -> Any:
    """Returns a field of a model of the SDK, or of a dictionary that it left unparsed."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _text(value: Any) -> str:
    """Returns a text, joining a list of them, with lone surrogates replaced, which no store accepts."""
    if isinstance(value, list):
        value = " ".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _tag(value: Any) -> str | None:
    """Returns a language tag, the first of a list."""
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) and LANGUAGE_TAG.fullmatch(first) else None


def _positive(value: Any) -> float | None:
    """Returns a finite number of at least 0, else None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _probability(value: Any) -> float | None:
    number = _positive(value)
    return number if number is not None and number <= 1 else None


def _spelled(word: Any) -> str:
    return _text(_field(word, "punctuated_word")) or _text(_field(word, "word"))


def _word(word: Any) -> Word | None:
    """Returns the word with its times; None when it has none."""
    spelled, start, end = _spelled(word), _positive(_field(word, "start")), _positive(_field(word, "end"))
    if not spelled or start is None or end is None:
        return None
    return Word(
        word=spelled,
        start=round(start, 3),
        end=round(max(start, end), 3),
        confidence=_probability(_field(word, "confidence")),
    )
