"""The streaming socket of Deepgram's stand-in: says one word for every so much of sound, as Deepgram's own would.

It tells interim and final results, when somebody pauses (`speech_final`), metadata at the end, errors, and the close
codes of Deepgram's documentation: 1011 with NET-0001 where it hears nothing for 10 seconds.
"""

import array
import json
import math
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

RATE = 16_000
WORD_SECONDS = 0.4  # of sound for each word
INTERIM_SECONDS = 0.5  # of sound between two results
FINAL_WORDS = 8  # after which a result is final without a pause
PAUSE_SECONDS = 0.5  # that ends an utterance
QUIET = 300  # a block whose loudness (of 32,768) is less counts as a pause
IDLE_SECONDS = 10.0
GOODBYE_SECONDS = 2.0
MODEL = {"name": "general-nova-3", "version": "2025-04-17.21547", "arch": "nova-3"}
QUERY = {"model", "language", "language_hint", "encoding", "sample_rate", "channels", "interim_results", "smart_format"}
QUERY |= {"keyterm", "redact", "profanity_filter"}  # what we have reason to send

Json = dict[str, Any]


@dataclass(frozen=True)
class Break:
    """How a stream ends too early: after so many seconds of sound, with a code, or without one where that is 0."""

    after: float = 1.0
    code: int = 1011
    reason: str = "NET-0000"


@dataclass
class Spoken:
    """One stream as the stand-in saw it: its query, the seconds of sound, and the texts it was sent."""

    query: Json
    texts: list[str] = field(default_factory=list)
    seconds: float = 0.0
    close_code: int | None = None


class Stream:
    """Serves one socket, from its handshake on, until it closes."""

    def __init__(
        self, sock: socket.socket, spoken: Spoken, sentence: str, delay: float, breaks: Break | None, idle: float
    ) -> None:
        self._socket = sock
        self._spoken = spoken
        self._said = sentence.split()
        self._delay = delay
        self._breaks = breaks
        self._idle = idle
        self._connection = Connection(ConnectionType.SERVER)
        self._request_id = str(uuid.uuid4())
        self._rest = b""
        self._loud = 0.0  # seconds of speech
        self._quiet = 0.0  # seconds since the last of it
        self._settled = 0  # words
        self._from = 0.0  # where the current result begins
        self._told = 0.0
        self._times: list[tuple[float, float]] = []
        self._heard = time.monotonic()
        self._late: list[tuple[float, Json]] = []  # what is to be sent, and when

    def run(self) -> None:
        try:
            self._serve()
            # Closing while something comes would reset the connection, and what was sent last would be lost.
            self._socket.settimeout(GOODBYE_SECONDS)
            self._socket.shutdown(socket.SHUT_WR)
            while self._socket.recv(65_536):
                pass
        except (OSError, LocalProtocolError, RemoteProtocolError):
            return

    def _serve(self) -> None:
        while self._spoken.close_code is None:
            self._socket.settimeout(self._patience())
            try:
                data = self._socket.recv(65_536)
            except TimeoutError:
                data = None
            self._send_due()
            if data == b"":
                return
            if data is not None:
                self._connection.receive_data(data)
                for event in self._connection.events():
                    self._handle(event)
            if time.monotonic() - self._heard > self._idle:
                reason = "Deepgram did not receive audio data or a text message within the timeout window."
                self._close(1011, f"NET-0001: {reason}")

    def _patience(self) -> float:
        due = [self._heard + self._idle, *(at for at, _ in self._late)]
        return max(0.01, min(due) - time.monotonic() + 0.005)

    def _handle(self, event: Event) -> None:
        if isinstance(event, BytesMessage):
            self._heard = time.monotonic()
            self._hear(bytes(event.data))
        elif isinstance(event, TextMessage):
            self._heard = time.monotonic()
            self._spoken.texts.append(event.data)
            self._obey(event.data)
        elif isinstance(event, Ping):
            self._socket.sendall(self._connection.send(event.response()))
        elif isinstance(event, CloseConnection):
            self._spoken.close_code = self._spoken.close_code or event.code
            self._socket.sendall(self._connection.send(event.response()))

    def _obey(self, text: str) -> None:
        try:
            kind = json.loads(text).get("type")
        except (ValueError, AttributeError):
            kind = None
        if kind == "CloseStream":
            time.sleep(self._delay)
            self._send_due(everything=True)
            self._tell(final=True, pause=False, finalize=False, late=0)
            self._send(self._metadata())
            self._close(1000, "")
        elif kind == "Finalize":
            self._tell(final=True, pause=False, finalize=True)
        elif kind != "KeepAlive":
            self._send({"type": "Error", "variant": "SchemaError", "description": "Unknown message", "message": text})

    def _hear(self, sound: bytes) -> None:
        self._rest += sound
        block = RATE // 10 * 2
        while len(self._rest) >= block:
            samples, self._rest = array.array("h", self._rest[:block]), self._rest[block:]
            self._hear_block(math.sqrt(sum(each * each for each in samples[::16]) / (len(samples) / 16)))
            if self._breaks is not None and self._spoken.seconds >= self._breaks.after:
                self._break(self._breaks)
                return

    def _hear_block(self, loudness: float) -> None:
        self._spoken.seconds = round(self._spoken.seconds + 0.1, 1)
        now = self._spoken.seconds
        if loudness > QUIET:
            self._loud, self._quiet = round(self._loud + 0.1, 1), 0.0
            while (len(self._times) + 1) * WORD_SECONDS <= self._loud + 1e-6:
                self._times.append((round(now - WORD_SECONDS, 2), now))
        else:
            self._quiet = round(self._quiet + 0.1, 1)
        waiting = len(self._times) - self._settled
        if waiting and self._quiet >= PAUSE_SECONDS:
            self._tell(final=True, pause=True)
        elif waiting >= FINAL_WORDS:
            self._tell(final=True, pause=False)
        elif now - self._told >= INTERIM_SECONDS:
            self._tell(final=False, pause=False)

    def _tell(self, *, final: bool, pause: bool, finalize: bool = False, late: float | None = None) -> None:
        now = self._spoken.seconds
        result = self._result(final=final, pause=pause, finalize=finalize)
        self._told = now
        if final:
            self._settled, self._from = len(self._times), now
        if late == 0:
            self._send(result)
        else:
            self._late.append((time.monotonic() + self._delay, result))

    def _result(self, *, final: bool, pause: bool, finalize: bool) -> Json:
        words = [
            {
                "word": self._word(number).strip(".,!?").lower(),
                "start": start,
                "end": end,
                "confidence": 0.99 if final else 0.8,
                "punctuated_word": self._word(number),
                "language": "en",
            }
            for number, (start, end) in enumerate(self._times)
            if number >= self._settled
        ]
        text = " ".join(str(word["punctuated_word"]) for word in words)
        confidence = 0.99 if words else 0.0
        best: Json = {"transcript": text, "confidence": confidence, "words": words, "languages_hinted": []}
        if words:
            best["languages"] = ["en"]
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": round(self._spoken.seconds - self._from, 2),
            "start": self._from,
            "is_final": final,
            "speech_final": final and pause,
            "channel": {"alternatives": [best]},
            "metadata": {"request_id": self._request_id, "model_info": MODEL, "model_uuid": str(uuid.uuid4())},
            "from_finalize": finalize,
        }

    def _word(self, number: int) -> str:
        return self._said[number % len(self._said)]

    def _metadata(self) -> Json:
        return {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self._request_id,
            "sha256": "0" * 64,
            "created": "2026-01-01T00:00:00.000Z",
            "duration": self._spoken.seconds,
            "channels": 1,
        }

    def _send_due(self, *, everything: bool = False) -> None:
        while self._late and (everything or self._late[0][0] <= time.monotonic()):
            self._send(self._late.pop(0)[1])

    def _send(self, message: Json) -> None:
        self._socket.sendall(self._connection.send(TextMessage(json.dumps(message))))

    def _break(self, how: Break) -> None:
        if how.code:
            self._close(how.code, how.reason)
        else:
            self._spoken.close_code = 0
            self._socket.shutdown(socket.SHUT_RDWR)

    def _close(self, code: int, reason: str) -> None:
        self._spoken.close_code = code
        self._socket.sendall(self._connection.send(CloseConnection(code, reason)))


def sentence_of(said: str, seconds: float) -> list[str]:
    """The words the stand-in says in so many seconds of sound without a pause."""
    words: Sequence[str] = said.split()
    return [words[number % len(words)] for number in range(int(seconds / WORD_SECONDS + 1e-6))]
