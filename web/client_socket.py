"""The connection of one HTTP client, which can neither block its process nor stay open for nothing.

gevent switches to other clients only when a read has to wait. A client that always has data waiting would keep the
process to itself, so reading also switches by count and by time. The headers and the body of a request each have a
deadline, however little arrives at a time.
"""

import contextlib
import errno
from dataclasses import dataclass
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gunicorn import util

READS_AT_ONCE = 8
SECONDS_AT_ONCE = 0.005  # after which others have their turn
MAX_HEAD_BYTES = 32 * 1024  # of one request's line and headers; gunicorn alone would take 490 KB


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds."""

    head_seconds: float
    body_seconds: float
    body_rate: int  # bytes of a body that earn it one more second
    write_seconds: float


class TooSlow(ConnectionResetError):
    """A client took too long or sent too many headers. gunicorn closes the connection without logging an error."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the client took too long")


class ClientSocket(socket.socket):  # type: ignore[misc]  # gevent has no types
    """Waits for a request, reads its headers within a fixed time, then its body within a time that grows with it."""

    __slots__ = ("_deadline", "_head_bytes", "_patience", "_reads", "_request", "_since", "_waiting", "late")

    def begin(self, patience: Patience) -> None:
        """Starts the clock, before anything is read. A new connection may not be idle: its headers are due."""
        self._patience = patience
        self._reads = 0
        self._since = monotonic()  # when others last had their turn
        self.late = False
        self.await_request()
        self._deadline: float | None = self._since + patience.head_seconds

    def await_request(self) -> None:
        """Expects the next request. gunicorn's keep-alive limits how long that may take."""
        self._waiting = True
        self._head_bytes = 0
        self._deadline = None

    def await_body(self, request: Any) -> None:
        """Expects the body of the request whose headers have arrived."""
        self._request = request
        self._waiting = False
        self._head_bytes = -1
        self._deadline = monotonic() + self._patience.body_seconds

    def end_with_response(self) -> None:
        """Has the response to this request say that the connection ends with it, or its client would use it again."""
        self._request.must_close = True

    def await_frames(self) -> None:
        """Lifts all deadlines: this has become a WebSocket, which has its own."""
        self._waiting = False
        self._head_bytes = -1
        self._deadline = None

    def recv(self, *arguments: Any) -> bytes:
        """Raises TooSlow."""
        if self._deadline is not None and monotonic() > self._deadline:
            raise self._refusal(408, "Request Timeout", "The request took too long to arrive.")
        try:
            data: bytes = self._sock.recv(*arguments)  # gevent's sockets do not block
        except BlockingIOError:
            data = self._recv_in_time(*arguments)
            self._reads, self._since = 0, monotonic()
        else:
            self._give_turn()
        self._note(len(data))
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Raises TooSlow where the client does not take it in time."""
        rest = memoryview(data)
        with contextlib.suppress(BlockingIOError):
            rest = rest[self._sock.send(rest, flags) :]
        if rest:
            with gevent.Timeout(self._patience.write_seconds, TooSlow()):
                super().sendall(rest, flags)

    def _give_turn(self) -> None:
        self._reads += 1
        if self._reads >= READS_AT_ONCE or monotonic() - self._since > SECONDS_AT_ONCE:
            gevent.sleep(0)
            self._reads, self._since = 0, monotonic()

    def _recv_in_time(self, *arguments: Any) -> bytes:
        if self._deadline is None:
            return bytes(super().recv(*arguments))
        own, left = self.timeout, max(0.001, self._deadline - monotonic())
        if own is not None and own <= left:
            return bytes(super().recv(*arguments))
        self.settimeout(left)
        try:
            return bytes(super().recv(*arguments))
        except TimeoutError:
            raise self._refusal(408, "Request Timeout", "The request took too long to arrive.") from None
        finally:
            with contextlib.suppress(OSError):
                self.settimeout(own)

    def _note(self, length: int) -> None:
        if self._waiting and length:
            self._waiting = False
            self._deadline = monotonic() + self._patience.head_seconds
        if self._head_bytes >= 0:
            self._head_bytes += length
            if self._head_bytes > MAX_HEAD_BYTES:
                raise self._refusal(431, "Request Header Fields Too Large", "The headers are too large.")
        elif self._deadline is not None:
            self._deadline += length / self._patience.body_rate

    def _refusal(self, status: int, reason: str, detail: str) -> TooSlow:
        """Returns the exception to raise. Responds first if the application has not seen the request and so cannot."""
        self.late = True
        if self._head_bytes > 0:
            with contextlib.suppress(OSError):
                util.write_error(self, status, reason, detail)
        return TooSlow()
