"""Deepgram's streaming socket: sound goes in while it is made, results come out.

Deepgram changes its mind about the newest words (interim results) until it calls a result final. It closes a socket
that hears nothing for 10 seconds (NET-0001), so a pause is filled with KeepAlive messages, which must be text.
`Finalize` makes the newest results final without waiting for a pause. `CloseStream` at the end brings the last results,
then Metadata; without that, something is missing.
"""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import structlog
from deepgram.listen.v1.socket_client import V1SocketClient
from websockets.exceptions import ConnectionClosed, WebSocketException

from chat.audio.heard import Heard
from chat.media.pieces import RATE, SAMPLE_BYTES
from chat.voice.recognisers.deepgram_results import alternative_of, field_of, positive, tag_of, text_of, word_of
from chat.voice.recognisers.protocol import TranscriptionUnavailable
from chat.wire import Word

log = structlog.get_logger(__name__)

STREAM_QUERY: dict[str, Any] = {"encoding": "linear16", "sample_rate": RATE, "channels": 1, "interim_results": True}
KEEP_ALIVE_SECONDS = 4.0  # Deepgram recommends 3 to 5
SEND_BYTES = RATE * SAMPLE_BYTES  # in one message: a second
FINISH_SECONDS = 10.0  # that the last results may take
RESULTS, METADATA = "Results", "Metadata"


class DeepgramStream:
    """See `Stream`. A thread of its own takes what Deepgram says."""

    def __init__(
        self,
        connection: AbstractContextManager[V1SocketClient],
        socket: V1SocketClient,
        language: str | None,
        begun: Heard,
    ) -> None:
        """`language` is the one that was asked for, None if there may be several."""
        self._connection = connection
        self._socket = socket
        self._results = _Results(language, begun)
        self._sent = time.monotonic()
        self._ended = threading.Event()
        self._complete = False
        self._error = ""
        self._reader = threading.Thread(target=self._read, name="deepgram-results", daemon=True)
        self._reader.start()

    @property
    def behind(self) -> float:
        """See `Stream`. What Deepgram does not take, `feed` waits for."""
        return 0.0

    def feed(self, samples: bytes) -> None:
        """See `Stream`."""
        for at in range(0, len(samples), SEND_BYTES):
            self._send(samples[at : at + SEND_BYTES])

    def heard(self, is_ending: Callable[[], bool]) -> Heard | None:  # noqa: ARG002 (it never takes long)
        """See `Stream`."""
        if self._ended.is_set():
            raise self._broken()
        if time.monotonic() - self._sent > KEEP_ALIVE_SECONDS:
            self._send(None)
        return self._results.news()

    def settle(self) -> None:
        """See `Stream`."""
        try:
            self._socket.send_finalize()
        except (OSError, WebSocketException) as error:
            raise self._broken() from error

    def finish(self) -> Heard:
        """See `Stream`."""
        try:
            self._socket.send_close_stream()
        except (OSError, WebSocketException) as error:
            raise self._broken() from error
        if not self._ended.wait(FINISH_SECONDS):
            raise TranscriptionUnavailable("The transcription service did not finish in time.")
        if not self._complete:
            raise self._broken()
        return self._results.all()

    def close(self) -> None:
        """Closes the socket, if it is still open."""
        self._connection.__exit__(None, None, None)
        self._reader.join()

    def _send(self, samples: bytes | None) -> None:
        try:
            if samples is None:
                self._socket.send_keep_alive()
            else:
                self._socket.send_media(samples)
        except (OSError, WebSocketException) as error:
            raise self._broken() from error
        self._sent = time.monotonic()

    def _read(self) -> None:
        try:
            for message in self._socket:
                kind = field_of(message, "type")
                if kind == RESULTS:
                    self._results.take(message)
                elif kind == METADATA:
                    self._complete = True
                elif kind == "Error":
                    self._error = text_of(field_of(message, "description"))
        except ConnectionClosed as error:
            self._error = self._error or (error.rcvd.reason if error.rcvd else "")
        except Exception as error:
            log.exception("deepgram.unreadable")
            self._error = type(error).__name__
        finally:
            self._ended.set()

    def _broken(self) -> TranscriptionUnavailable:
        why = f": {self._error[:200]}" if self._error else ""
        return TranscriptionUnavailable(f"The transcription service ended the stream{why}.")


class _Results:
    """Joins results: final ones stay, each newer one replaces the interim one before it."""

    def __init__(self, language: str | None, begun: Heard) -> None:
        self._lock = threading.Lock()
        self._begins = begun.settled_seconds
        self._asked = language
        self._language = begun.language
        self._words = begun.words[: begun.settled]
        self._texts = [begun.settled_text] if begun.settled_text else []
        self._settled_seconds = begun.settled_seconds
        self._interim: tuple[str, list[Word]] = ("", [])
        self._seconds = begun.settled_seconds
        self._new = False

    def take(self, message: Any) -> None:
        """Takes one result. What is not as documented is left out."""
        best = alternative_of(field_of(message, "channel"))
        text, said = text_of(field_of(best, "transcript")), field_of(best, "words")
        words = [word for each in (said if isinstance(said, list) else []) if (word := word_of(each)) is not None]
        for word in words:
            word["start"], word["end"] = (round(time_ + self._begins, 3) for time_ in (word["start"], word["end"]))
        ends = (positive(field_of(message, "start")) or 0) + (positive(field_of(message, "duration")) or 0)
        with self._lock:
            self._seconds = max(self._seconds, self._begins + ends)
            if field_of(message, "is_final") is True:
                self._interim = ("", [])
                self._settled_seconds = max(self._settled_seconds, self._begins + ends)
                self._words = [*self._words, *words]
                self._texts += [text] if text else []
                self._language = self._language or (tag_of(field_of(best, "languages")) if text else None)
                self._new = True
            else:
                self._new |= self._interim != (text, words)
                self._interim = (text, words)

    def news(self) -> Heard | None:
        """What was heard, if that has changed."""
        with self._lock:
            if not self._new:
                return None
            self._new = False
            return self._heard()

    def all(self) -> Heard:
        """What was heard in the end; an interim result that no final one has replaced counts."""
        with self._lock:
            text, words = self._interim
            self._interim = ("", [])
            self._words = [*self._words, *words]
            self._texts += [text] if text else []
            self._settled_seconds = self._seconds
            return self._heard()

    def _heard(self) -> Heard:
        text, words = self._interim
        settled = " ".join(self._texts)
        everything = [*self._words, *words]
        sure = [word["confidence"] for word in everything if word["confidence"] is not None]
        return Heard(
            text=" ".join(filter(None, (settled, text))),
            words=everything,
            settled=len(self._words),
            seconds=round(self._seconds, 3),
            settled_text=settled,
            settled_seconds=round(self._settled_seconds, 3),
            language=(self._asked or self._language) if everything else None,
            confidence=round(sum(sure) / len(sure), 4) if sure else None,
        )
