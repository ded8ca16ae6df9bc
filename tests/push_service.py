"""A local push service (RFC 8030), and the browsers that subscribe to it.

It refuses what a real one refuses: a signature that is not of the key the browser subscribed with, or for another
service (RFC 8292), and a body that the browser cannot decrypt (RFC 8291).
"""

import base64
import json
import os
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dev.processes import LOOPBACK

VAPID_PRIVATE_KEY = "dgvXPFUwQF1nKxeRGAr-7aJpgBU_ASmAG4Vn7jGyzpI"
WAIT_SECONDS = 20.0
MAX_CONTENT = 4_096  # bytes, as push services have it
MAX_EXPIRY = 86_400  # seconds


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Browser:
    """A browser's subscription: `path` is its part of the endpoint, `key` the one it subscribed with."""

    endpoint: str
    key: str = ""
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def subscription(self) -> dict[str, Any]:
        """What `PushSubscription.toJSON()` gives."""
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "keys": {"p256dh": encode(point), "auth": encode(self.secret)}}

    def read(self, body: bytes) -> dict[str, Any]:
        content = http_ece.decrypt(body, private_key=self.private, auth_secret=self.secret, version="aes128gcm")
        found: dict[str, Any] = json.loads(content)
        return found


@dataclass(frozen=True)
class Received:
    """A notification it took."""

    browser: Browser
    content: dict[str, Any]
    headers: dict[str, str]
    claims: dict[str, Any]


class PushService:
    """Takes notifications while it is open; `then` has the statuses of its next responses, before 201 again.

    It responds only while `responds` is set.
    """

    def __init__(self) -> None:
        self.browsers: dict[str, Browser] = {}
        self.then: list[tuple[int, dict[str, str]]] = []
        self.refused: list[str] = []
        self.responds = threading.Event()
        self.responds.set()
        self._received: queue.Queue[Received] = queue.Queue()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def subscribe(self, key: str) -> Browser:
        """A new browser, which subscribed with our public key."""
        path = f"/push/{uuid.uuid4()}"
        self.browsers[path] = Browser(f"{self.url}{path}", key)
        return self.browsers[path]

    def next(self) -> Received:
        """Waits for the next notification."""
        return self._received.get(timeout=WAIT_SECONDS)

    @property
    def is_quiet(self) -> bool:
        """Whether it has taken nothing but what `next` returned."""
        return self._received.empty()

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        browser = self.browsers[path]
        scheme, _, parts = headers["authorization"].partition(" ")
        signature = dict(each.strip().split("=", 1) for each in parts.split(","))
        assert scheme == "vapid"
        assert signature["k"].rstrip("=") == browser.key, "another key"
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(signature["k"]))
        claims = jwt.decode(signature["t"], point, algorithms=["ES256"], audience=self.url)
        assert claims["exp"] <= time.time() + MAX_EXPIRY
        assert claims["sub"].startswith(("mailto:", "https://"))
        assert headers["content-encoding"] == "aes128gcm"
        assert len(body) <= MAX_CONTENT
        assert int(headers["ttl"]) > 0
        self._received.put(Received(browser, browser.read(body), headers, claims))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if service.then:
                    self._respond(*service.then.pop(0))
                    return
                try:
                    service._take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                except Exception as error:  # noqa: BLE001 (whatever is wrong, the sender is told)
                    service.refused.append(repr(error))
                    self._respond(400, {})
                    return
                self._respond(201, {})

            def _respond(self, status: int, headers: dict[str, str]) -> None:
                service.responds.wait(WAIT_SECONDS)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing, so that tests print little."""

        return Handler
