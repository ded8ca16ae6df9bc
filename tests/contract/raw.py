"""HTTP and WebSocket by hand, for sending what no proper client would send."""

import socket
import struct
import time
from typing import Any, Self
from urllib.parse import urlsplit

from tests.client import Person

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CONTINUATION = 0
TIMEOUT = 10.0


def connection(url: str, receive_buffer: int | None = None) -> socket.socket:
    opened = socket.socket()
    opened.settimeout(TIMEOUT)
    if receive_buffer is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    parts = urlsplit(url)
    opened.connect((parts.hostname or "", parts.port or 80))
    return opened


def exchange(url: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Sends these bytes, however wrong. Returns the response's status, headers and body."""
    with connection(url) as opened:
        opened.sendall(request)
        return read_answer(opened)


def read_answer(opened: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Reads one HTTP response with a Content-Length.

    Raises:
        AssertionError: the connection ended first.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(opened)
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _some(opened)
    return int(first.split()[1]), headers, body


def _some(opened: socket.socket) -> bytes:
    piece = opened.recv(65_536)
    assert piece, "the connection ended before the response"
    return piece


class RawSocket:
    """A WebSocket of which we control every byte. Reads only when told to."""

    def __init__(self, url: str, path: str, more: str = "", receive_buffer: int | None = None) -> None:
        self.socket = connection(url, receive_buffer)
        parts = urlsplit(url)
        self.socket.sendall(HANDSHAKE.format(path=path, host=parts.netloc, more=more).encode())
        self.head = self._until(b"\r\n\r\n").decode()
        assert " 101 " in self.head.split("\r\n")[0] + " ", self.head

    @classmethod
    def of(cls, person: Person, **options: Any) -> Self:
        """Opens one with somebody's token."""
        return cls(person.client.url, f"/ws/?token={person.token}", **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def send(self, payload: bytes, code: int = TEXT, final: bool = True, masked: bool = True) -> None:
        length, mask = len(payload), 0x80 if masked else 0
        head = bytes([(0x80 if final else 0) | code])
        if length < 126:
            head += bytes([mask | length])
        elif length < 65_536:
            head += bytes([mask | 126]) + struct.pack(">H", length)
        else:
            head += bytes([mask | 127]) + struct.pack(">Q", length)
        # A mask of zeros leaves the payload as it is.
        self.socket.sendall(head + (bytes(4) if masked else b"") + payload)

    def receive(self) -> tuple[int, bytes]:
        """Returns the next frame's opcode and payload."""
        code, length = (value & 0x7F for value in self._exactly(2))
        if length == 126:
            length = struct.unpack(">H", self._exactly(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._exactly(8))[0]
        return code & 0x0F, self._exactly(length)

    def close_code(self, seconds: float = TIMEOUT) -> int:
        """Waits until the server closes it, whatever comes before, and returns the code.

        Raises:
            AssertionError: the server does not close it.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.socket.settimeout(max(0.01, until - time.monotonic()))
            code, payload = self.receive()
            if code == CLOSE:
                return int(struct.unpack(">H", payload[:2])[0]) if payload else 1005
        raise AssertionError("still open")

    def answers(self) -> bool:
        """Whether the server still answers a ping."""
        self.send(b"still there?", PING)
        while True:
            code, payload = self.receive()
            if code == CLOSE:
                return False
            if (code, payload) == (PONG, b"still there?"):
                return True

    def _exactly(self, length: int) -> bytes:
        received = bytearray()
        while len(received) < length:
            piece = self.socket.recv(length - len(received))
            assert piece, "the connection ended without a close"
            received += piece
        return bytes(received)

    def _until(self, end: bytes) -> bytes:
        received = b""
        while not received.endswith(end):
            received += self._exactly(1)
        return received
