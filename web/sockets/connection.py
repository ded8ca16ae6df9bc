"""One WebSocket: reads in the greenlet of its request, writes at once or through one bounded queue.

simple-websocket does the protocol, but writes with `send` (which may write half a frame) and from whichever greenlet
comes along, and reads in a thread of its own. Here a frame the kernel has room for goes at once; what it has no room
for goes through a queue that one writer empties with `sendall`. The writer lives only while there is something to
write, so that a socket costs one greenlet and a frame to one that reads costs none.
"""

import contextlib
import os
import socket
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import gevent
from simple_websocket import Server
from simple_websocket.errors import ConnectionClosed
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    Pong,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import (
    MAX_PAYLOAD_NORMAL,
    MAX_PAYLOAD_TWO_BYTE,
    PAYLOAD_LENGTH_EIGHT_BYTE,
    PAYLOAD_LENGTH_TWO_BYTE,
    FrameProtocol,
    Opcode,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from web.client_socket import ClientSocket
from web.sockets.budget import Budget, Rates
from web.sockets.heartbeat import is_heartbeat
from web.sockets.held import Held

FINAL_TEXT = 0x80 | Opcode.TEXT  # the only frame of its message
PING = bytes(FrameProtocol(client=False, extensions=[]).ping())
MAX_FRAME_BYTES = 64 * 1024  # of what clients send
READ_BYTES = 4_096
WRITE_BYTES = 64 * 1024  # given to the kernel at once, so that a time limit means the same for every queue
EVENTS_AT_ONCE = 16  # frames a socket may have handled before others have their turn
MAX_PAUSE = 0.5  # seconds; a pause in reading looks again that often
GOODBYE_SECONDS = 3.0  # the other side has to answer a close

NORMAL = 1000
ABUSED = 1008
GOING = 1012  # the server restarts: come back
TOO_LARGE = 1009
FAILED = 1011
TOO_SLOW = 1013
REFUSED = 4401


def encode(text: bytes) -> bytes:
    """A whole text frame of this UTF-8 text as it goes over the wire, the same for every socket."""
    length = len(text)
    if length <= MAX_PAYLOAD_NORMAL:
        return bytes((FINAL_TEXT, length)) + text
    if length <= MAX_PAYLOAD_TWO_BYTE:
        return struct.pack("!BBH", FINAL_TEXT, PAYLOAD_LENGTH_TWO_BYTE, length) + text
    return struct.pack("!BBQ", FINAL_TEXT, PAYLOAD_LENGTH_EIGHT_BYTE, length) + text


class _NoThread:
    """Stands in for the thread simple-websocket would read in; see `Connection.texts`."""

    name = ""

    def __init__(self, target: Any) -> None:
        """`target` is not run."""

    def start(self) -> None:
        """Does nothing."""


class QueuedBytes:
    """What waits to be written to all sockets of this process together, and how much that may be."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one socket may send and hold up, from the settings of the process."""

    rates: Rates
    queue_frames: int  # that wait to be written
    queue_bytes: int  # likewise
    queued: QueuedBytes
    send_seconds: float  # that `WRITE_BYTES` may take to be written


class Connection(Server):
    """A socket whose handshake is done. `user_id` is '' until it has proved whose it is."""

    def __init__(self, environ: dict[str, Any], limits: SocketLimits, **_: Any) -> None:
        self._limits = limits
        self._budget = Budget(limits.rates)
        self.user_id = ""
        self.token = ""
        self.token_id = ""
        self.issued_ms = 0
        self.expires = 0.0  # Unix seconds
        self.heard = _now()  # when the client last sent anything, or took some of what was waiting for it
        self.pinged = 0.0
        self.held: Held | None = None  # frames that wait while it resumes
        self.closing = 0
        self._queue: deque[bytes] = deque()
        self._queued = 0  # bytes in it, and in what is being written
        self._rest = memoryview(
            b""
        )  # of a frame the kernel has taken a part of: it goes out, whatever becomes of the queue
        self._writer: gevent.Greenlet | None = None
        self._ended = False
        self._assembling = 0  # bytes of the message that is coming in
        self._abused = False
        self._handled = 0  # frames since others last had their turn
        super().__init__(environ, receive_bytes=READ_BYTES, thread_class=_NoThread, event_class=object)

    @property
    def is_slow(self) -> bool:
        """Whether the client has not taken yet what it was sent before."""
        return self._writer is not None

    def push(self, data: bytes) -> bool:
        """Send encoded frames, as one item. Closes a socket whose queue is full; returns whether they were taken."""
        if self.closing or self._ended:
            return False
        if self._writer is not None and self._is_full(len(data)):
            self.end(TOO_SLOW, "too slow")
            return False
        self._write(data)
        return True

    def send(self, data: str) -> None:
        self.push(encode(data.encode()))

    def flush(self) -> bool:
        """Waits until the client has taken what is queued. Returns whether it did so in time and is still there."""
        if self._writer is not None:
            self._writer.join()
        return not (self.closing or self._ended)

    def end(self, code: int, reason: str = "") -> None:
        """Close with a code. What is queued still goes out first, unless there is too much of it."""
        if self.closing or self._ended:
            return
        self.closing = code
        if code in (TOO_SLOW, ABUSED):
            self._drop_queue()
        with contextlib.suppress(LocalProtocolError):
            self._write(self.ws.send(CloseConnection(code, reason)))
        gevent.spawn_later(GOODBYE_SECONDS + (self._limits.send_seconds if self._writer else 0), self.cut)

    def close(self, reason: int | None = None, message: str | None = None) -> None:
        """What flask-sock calls when the handler is done."""
        self.end(reason or NORMAL, message or "")

    def cut(self) -> None:
        """Drop the connection without a word; the reader ends."""
        if not self._ended:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def ping(self) -> None:
        """Ask a silent client whether it lives."""
        if not (self.closing or self._ended or self._writer):
            self._write(PING)

    def texts(self) -> Iterator[str]:
        """What the client sends but for heartbeats, text by text, until either side closes. Binary messages are ''."""
        try:
            yield from self._received_texts()
            while not self._ended and (data := self.sock.recv(READ_BYTES)):
                if self._abused:
                    gevent.sleep(MAX_PAUSE)  # nothing it sends matters any more; it is about to be cut off
                    continue
                self.heard = _now()
                self._budget.read(len(data), self.heard)
                if is_heartbeat(data, self.token):
                    self._budget.frame(self.heard)
                else:
                    self.ws.receive_data(data)
                    yield from self._received_texts()
                self._keep_pace()
        except (OSError, RemoteProtocolError, ConnectionClosed):
            return
        finally:
            self._ended = True
            self.connected = False
            self._drop_queue()

    def _keep_pace(self) -> None:
        """Slows a sender that is ahead of its budget by not reading, and closes the socket for abuse."""
        if self._budget.is_abused(_now()):
            self._abused = True
            self.end(ABUSED, "too many frames, bytes or pings")
        while not (self._ended or self._abused) and (pause := self._budget.ahead(_now())):
            gevent.sleep(min(pause, MAX_PAUSE))

    def _handle_events(self) -> bool:
        """The handshake: simple-websocket calls this once. No compression: it costs 100 KB a socket."""
        if isinstance(self.sock, ClientSocket):
            self.sock.await_frames()
        for event in self.ws.events():
            if isinstance(event, Request):
                self.sock.sendall(self.ws.send(AcceptConnection()))
        return True

    def _received_texts(self) -> Iterable[str]:
        for event in self.ws.events():
            self._give_turn()
            if isinstance(event, TextMessage | BytesMessage):
                if event.frame_finished:
                    self._budget.frame(self.heard)
                if (text := self._assembled(event)) is not None:
                    yield text
            elif isinstance(event, Ping):
                self._budget.ping(self.heard)
                if not self.closing:  # nothing may follow a close
                    self._write(self.ws.send(event.response()))
            elif isinstance(event, CloseConnection):
                self._answer_close(event)
                return
            elif isinstance(event, Pong):
                self._budget.ping(self.heard)

    def _give_turn(self) -> None:
        self._handled += 1
        if self._handled >= EVENTS_AT_ONCE:
            self._handled = 0
            gevent.sleep(0)

    def _assembled(self, event: "Message[Any]") -> str | None:
        """The whole text once its last part is there."""
        if self.closing:
            return None
        self._assembling += len(event.data) if isinstance(event.data, bytes) else len(event.data.encode())
        if self._assembling > MAX_FRAME_BYTES:
            self.input_buffer.clear()
            self.end(TOO_LARGE, "frame too large")
            return None
        if isinstance(event.data, str):
            self.input_buffer.append(event.data)
        if not event.message_finished:
            return None
        text = "".join(self.input_buffer)
        self.input_buffer.clear()
        self._assembling = 0
        return text

    def _answer_close(self, event: CloseConnection) -> None:
        if not self.closing:
            with contextlib.suppress(LocalProtocolError):
                self._drop_queue()
                self._write(self.ws.send(event.response()))
            gevent.sleep(0)  # where the kernel has no room, the writer tries once before the connection goes
        self._ended = True

    def _is_full(self, more: int) -> bool:
        """Returns whether `more` bytes are too many for this socket or for all. Only a slow client has a queue."""
        limits = self._limits
        return (
            len(self._queue) >= limits.queue_frames
            or self._queued + more > limits.queue_bytes
            or limits.queued.total + more > limits.queued.limit
        )

    def _drop_queue(self) -> None:
        dropped = sum(map(len, self._queue))
        self._queue.clear()
        self._count(-dropped)

    def _count(self, length: int) -> None:
        self._queued += length
        self._limits.queued.total += length

    def _write(self, data: bytes) -> None:
        if self._writer is not None:
            self._queue.append(bytes(data))
            self._count(len(data))
        elif rest := memoryview(bytes(data))[self._written_at_once(data) :]:
            self._rest = rest
            self._count(len(rest))
            self._writer = gevent.spawn(self._empty_queue)
            if self._limits.queued.total > self._limits.queued.limit:
                self.closing = self.closing or TOO_SLOW
                self.cut()

    def _written_at_once(self, data: bytes) -> int:
        """How many bytes the kernel had room for."""
        try:
            return os.write(self.sock.fileno(), data)  # gevent's sockets do not block
        except BlockingIOError:
            return 0
        except OSError:
            self.cut()
            return len(data)

    def _empty_queue(self) -> None:
        """The writer: whatever is queued, piece by piece, until nothing is."""
        try:
            while self._rest or self._queue:
                self._write_next()
        except gevent.Timeout:
            self.closing = self.closing or TOO_SLOW
            self.cut()
        except OSError:
            self.cut()
        finally:
            self._count(-len(self._rest))
            self._rest = memoryview(b"")
            self._writer = None

    def _write_next(self) -> None:
        """Writes one piece of what is queued. Raises Timeout if the client does not take it in time."""
        parts: list[bytes | memoryview] = [self._rest]
        length = len(self._rest)
        while self._queue and length < WRITE_BYTES:
            parts.append(self._queue.popleft())
            length += len(parts[-1])
        if len(parts) > 1:
            self._rest = memoryview(b"".join(parts))
        piece = self._rest[:WRITE_BYTES]
        with gevent.Timeout(self._limits.send_seconds):
            self.sock.sendall(piece)
        self._rest = self._rest[len(piece) :]
        self._count(-len(piece))
        self.heard = _now()


def _now() -> float:
    """Seconds of the loop's clock, which costs no system call."""
    return float(gevent.get_hub().loop.now())
