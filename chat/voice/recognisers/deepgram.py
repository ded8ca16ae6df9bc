"""Deepgram, hosted or self-hosted, through its SDK.

`chat.voice.attempts` counts and spaces attempts and survives a killed worker, so the SDK's retries are off. Only a
request that Deepgram refuses because of the language is repeated at once, with other parameters.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any, NoReturn

import httpx
from deepgram import DeepgramClient, DeepgramClientEnvironment
from deepgram.core.api_error import ApiError
from deepgram.core.parse_error import ParsingError
from deepgram.core.request_options import RequestOptions
from websockets.exceptions import InvalidStatus, WebSocketException

from chat.audio.heard import Heard
from chat.voice.recognisers.deepgram_results import positive, text_of, transcript
from chat.voice.recognisers.deepgram_stream import STREAM_QUERY, DeepgramStream
from chat.voice.recognisers.protocol import (
    LanguageNotKnown,
    Recording,
    Report,
    Stream,
    Transcript,
    TranscriptionRefused,
    TranscriptionUnavailable,
)
from config.settings import Settings

CONNECT_SECONDS = 5.0
REASON_LIMIT = 200  # characters of Deepgram's explanation that are passed on
RETRYABLE = (408, 429)  # of the 4xx; the others say that the request itself is wrong
ACCOUNT = (401, 402, 403)
ABOUT_LANGUAGE = re.compile("language", re.IGNORECASE)  # in the explanation of a 400

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
                return transcript(response, query.get("language") if query.get("language") != "multi" else None)
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

    def listen(self, language: str | None, hints: Sequence[str], begun: Heard) -> AbstractContextManager[Stream]:
        """See `Recogniser`. The language cannot be detected in a stream: it is `multi`, or one that somebody named."""
        queries = [query for query in self._queries(language, hints) if "language" in query]
        if not queries:
            raise LanguageNotKnown("Nobody said in which language this is, and a stream cannot detect it.")
        options: RequestOptions = {"additional_query_parameters": {"redact": self._redact}} if self._redact else {}
        for query in queries:
            connection = self._client.listen.v1.connect(**self._query, **query, **STREAM_QUERY, request_options=options)
            try:
                socket = connection.__enter__()
            except (ApiError, InvalidStatus) as error:
                refusal = error if isinstance(error, ApiError) else _refusal(error)
                if refusal.status_code == 400 and query is not queries[-1]:
                    continue
                _raise_for(refusal)
            except (OSError, WebSocketException) as error:
                raise TranscriptionUnavailable("The transcription service could not be reached.") from error
            known = query["language"] if query["language"] != "multi" else None
            return closing(DeepgramStream(connection, socket, known, begun))
        raise AssertionError("unreachable")


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


def _refusal(error: InvalidStatus) -> ApiError:
    """The error of a stream's handshake, which the SDK only knows from older versions of its library."""
    headers = dict(error.response.headers.raw_items())
    said = {"err_msg": error.response.headers.get("dg-error", "")}
    return ApiError(status_code=error.response.status_code, headers=headers, body=said)


def _said(body: Any) -> str:
    """Returns Deepgram's explanation, shortened."""
    if not isinstance(body, dict):
        return ""
    said = text_of(body.get("err_msg")) or text_of(body.get("message"))
    return said.removeprefix("Bad Request: ").strip()[:REASON_LIMIT]


def _retry_after(error: ApiError) -> float | None:
    """Returns the seconds of `Retry-After`. A date is ignored in favour of our own backoff."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return positive(headers.get("retry-after")) or None
