"""A local server that responds like Deepgram, to recordings and to streams, for tests and load runs.

It enforces Deepgram's rules (path, key, query, body) and responds in Deepgram's format. `then` sets its next responses,
including failures. To run it alone: `python -m tests.deepgram_stand_in 9999 --delay 0.3`.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests import deepgram_socket
from tests.deepgram_socket import Break, Spoken

KEY = "stand-in-key"
SENTENCE = "Had he married a more amiable woman, he might have been made still more respectable than he was."
CONFIDENCE = 0.9876
MODEL_ID = "1abfe86b-e047-4eed-858a-35e5625b41ee"
KNOWN_QUERY = {"model", "smart_format", "detect_language", "language", "language_hint", "keyterm", "redact"}
KNOWN_QUERY |= {"profanity_filter"}  # what we have reason to send
MANY = ("language_hint", "keyterm", "redact")  # may come several times
HINTS = {"en", "de", "fr", "es", "ja", "ar"}  # of the languages `multi` takes hints for
NO_DETECTION = "Bad Request: language detection is not supported for this model"
LONGEST_SILENCE = 30.0  # seconds an answer that never comes is held

Json = dict[str, Any]


@dataclass(frozen=True)
class Received:
    path: str
    query: dict[str, Any]  # text, or a list of those that may come several times
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """A response; `cut` breaks the connection within the body, `silent` never responds."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    silent: bool = False


def spoken(text: str = SENTENCE, language: str | None = "en", seconds: float = 6.0) -> Answer:
    """A transcript in Deepgram's format, with the words spread evenly over the time."""
    return Answer(body=json.dumps(response(text, language, seconds)).encode())


def response(text: str, language: str | None, seconds: float) -> Json:
    said = text.split()
    step = seconds / max(len(said), 1)
    words = [
        {
            "word": word.strip(".,!?").lower(),
            "start": i * step,
            "end": i * step + step * 0.9,
            "confidence": 0.99,
            "punctuated_word": word,
        }
        for i, word in enumerate(said)
    ]
    channel: Json = {"alternatives": [{"transcript": text, "confidence": CONFIDENCE if said else 0, "words": words}]}
    if language is not None:
        channel |= {"detected_language": language, "language_confidence": 0.97}
    return {
        "metadata": {
            "transaction_key": "deprecated",
            "request_id": str(uuid.uuid4()),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "created": "2026-01-01T00:00:00.000Z",
            "duration": seconds,
            "channels": 1,
            "models": [MODEL_ID],
            "model_info": {MODEL_ID: {"name": "general-nova-3", "version": "2025-04-17.21547", "arch": "nova-3"}},
        },
        "results": {"channels": [channel]},
    }


def spoken_mixed(text: str = SENTENCE, languages: Sequence[str] = ("en",), hints: Sequence[str] = ()) -> Answer:
    """A transcript as `language=multi` gives it: the languages in order of their words, and one for each word."""
    shaped = response(text, None, 6.0)
    (best,) = shaped["results"]["channels"][0]["alternatives"]
    best |= {"languages": list(languages), "languages_hinted": list(hints)}
    for word in best["words"]:
        word["language"] = languages[0]
    return Answer(body=json.dumps(shaped).encode())


def failed(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    """An error in Deepgram's format."""
    body = {"err_code": code, "err_msg": message, "request_id": str(uuid.uuid4())}
    return Answer(status, json.dumps(body).encode(), headers=headers or {})


NO_CHANNELS = Answer(body=json.dumps({"metadata": {}, "results": {"channels": []}}).encode())
NO_ALTERNATIVES = Answer(body=json.dumps({"metadata": {}, "results": {"channels": [{"alternatives": []}]}}).encode())
CORRUPT = failed(400, "Bad Request", "Bad Request: failed to process audio: corrupt or unsupported data")
BAD_KEY = failed(401, "INVALID_AUTH", "Invalid credentials.")
NO_MONEY = failed(402, "ASR_PAYMENT_REQUIRED", "Project does not have enough credits for an ASR request.")
TOO_LARGE = failed(413, "Payload Too Large", "The request body is too large.")
BUSY = failed(429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later", {"Retry-After": "7"})
NOT_DETECTED = failed(400, "Bad Request", NO_DETECTION)
NO_MULTI = failed(400, "Bad Request", "Bad Request: No such model/language/tier combination found.")
BROKEN = failed(500, "INTERNAL_SERVER_ERROR", "Internal server error.")
HTML = Answer(body=b"<html><body>Welcome to the hotel's network</body></html>", content_type="text/html")
HALF = Answer(body=spoken().body[:300])
OTHER_JSON = Answer(body=b'{"hello": "world"}')
CUT = Answer(body=spoken().body, cut=True)
SILENT = Answer(silent=True)


class DeepgramStandIn:
    """Serves from a thread of its own until it is closed. `received` has all calls so far, valid or not."""

    def __init__(self, port: int = 0, delay: float = 0.0) -> None:
        self.received: list[Received] = []
        self.delay = delay
        self.on_call: Callable[[Received], None] | None = None  # called before each response
        self.streams: list[Spoken] = []
        self.idle_seconds = deepgram_socket.IDLE_SECONDS
        self._next: deque[Answer] = deque()
        self._next_streams: deque[Answer | Break] = deque()
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def then(self, *answers: Answer) -> None:
        """Sets the responses to the next valid calls, one each; after that every response is `spoken()` again."""
        with self._lock:
            self._next.extend(answers)

    def then_stream(self, *how: Answer | Break) -> None:
        """Sets how the next valid streams end too early, or what they are refused with."""
        with self._lock:
            self._next_streams.extend(how)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def answer(self, received: Received) -> Answer:
        """The response Deepgram would give; an invalid call is told what is wrong with it."""
        if self.on_call is not None:
            self.on_call(received)
        with self._lock:
            self.received.append(received)
            wrong = self._objection(received)
            if wrong is not None:
                return wrong
            if self._next:
                return self._next.popleft()
        if received.query.get("language") == "multi":
            return spoken_mixed(hints=received.query.get("language_hint", []))
        return spoken(language=None if "language" in received.query else "en")

    def stream(self, received: Received) -> tuple[Answer | None, Break | None]:
        """What a stream is refused with, and how it ends too early, if it does."""
        with self._lock:
            if (wrong := self._objection_to_stream(received)) is not None:
                return wrong, None
            how = self._next_streams.popleft() if self._next_streams else None
        return (how, None) if isinstance(how, Answer) else (None, how)

    @staticmethod
    def _objection_to_stream(received: Received) -> Answer | None:
        query = received.query
        if received.path != "/v1/listen":
            return failed(404, "Not Found", f"No such path: {received.path}")
        if received.headers.get("authorization") != f"Token {KEY}":
            return BAD_KEY
        sound = (query.get("encoding"), query.get("sample_rate"), query.get("channels"))
        if query.keys() - deepgram_socket.QUERY or sound != ("linear16", "16000", "1") or not query.get("model"):
            return failed(400, "Bad Request", f"Unexpected query: {query}")
        if query.get("interim_results") != "true" or query.get("smart_format") != "true" or not query.get("language"):
            return failed(400, "Bad Request", f"Unexpected query: {query}")
        if {hint.partition("-")[0] for hint in query.get("language_hint", [])} - HINTS:
            return failed(400, "Bad Request", "Bad Request: unsupported language_hint")
        return None

    @staticmethod
    def _objection(received: Received) -> Answer | None:
        if received.path != "/v1/listen":
            return failed(404, "Not Found", f"No such path: {received.path}")
        if received.headers.get("authorization") != f"Token {KEY}":
            return BAD_KEY
        if unknown := received.query.keys() - KNOWN_QUERY:
            return failed(400, "Bad Request", f"Unexpected query: {sorted(unknown)}")
        if not received.query.get("model"):
            return failed(400, "Bad Request", "No model.")
        if ("language" in received.query) == (received.query.get("detect_language") == "true"):
            return failed(400, "Bad Request", "Give a language, or have it detected.")
        if unknown := {hint.partition("-")[0] for hint in received.query.get("language_hint", [])} - HINTS:
            return failed(400, "Bad Request", f"Bad Request: unsupported language_hint: {sorted(unknown)}")
        if not received.headers.get("content-type", "").startswith("audio/") or not received.body:
            return CORRUPT
        return None


def _handler(stand_in: DeepgramStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """A stream: the handshake, then `deepgram_socket`."""
            received = self._received()
            self.close_connection = True
            refusal, breaks = stand_in.stream(received)
            if refusal is not None:
                self._respond(refusal)
                return
            key = received.headers.get("sec-websocket-key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest()).decode()
            self.send_response(101)
            for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.flush()
            spoken = Spoken(received.query)
            stand_in.streams.append(spoken)
            how = (spoken, SENTENCE, stand_in.delay, breaks, stand_in.idle_seconds)
            deepgram_socket.Stream(self.connection, *how).run()

        def do_POST(self) -> None:
            self._respond(stand_in.answer(self._received()))

        def _received(self) -> Received:
            parts = urlsplit(self.path)
            return Received(
                path=parts.path,
                query={name: values if name in MANY else values[-1] for name, values in parse_qs(parts.query).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
            )

        def _respond(self, answer: Answer) -> None:
            stand_in.closing.wait(LONGEST_SILENCE if answer.silent else stand_in.delay)
            if answer.silent:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.content_type, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the caller has given up
                self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
            self.close_connection = self.close_connection or answer.cut

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
            """Logs nothing."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds each answer takes")
    options = parser.parse_args()
    with DeepgramStandIn(options.port, options.delay) as stand_in:
        print(f"DEEPGRAM_BASE_URL={stand_in.url} DEEPGRAM_API_KEY={KEY}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


if __name__ == "__main__":
    main()
