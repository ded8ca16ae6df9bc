"""A lean WebSocket client on asyncio: thousands of them use little of the load's core."""

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from urllib.parse import urlsplit

OnFrame = Callable[[bytes], None]


class Socket(asyncio.Protocol):
    """An open WebSocket; `on_frame` gets each text frame's bytes."""

    def __init__(self, on_frame: OnFrame, request: bytes) -> None:
        self._on_frame = on_frame
        self._request = request
        self._buffer = bytearray()
        self._open = False
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self.opened.done() and not self._open:
            return  # the rest of a refusal
        self._buffer += data
        if not self._open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(ConnectionError(bytes(self._buffer[:200]).decode(errors="replace")))
                return
            del self._buffer[: end + 4]
            self._open = True
            self.opened.set_result(None)
        self._read_frames()

    def _read_frames(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            length, start = buffer[at + 1], at + 2
            if length == 126:
                if len(buffer) - at < 4:
                    break
                length, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                if len(buffer) - at < 10:
                    break
                length, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if len(buffer) < start + length:
                break
            if buffer[at] == 0x81:
                self._on_frame(bytes(buffer[start : start + length]))
            elif buffer[at] == 0x89:
                self._write(0x8A, bytes(buffer[start : start + length]))
            at = start + length
        del buffer[:at]

    def connection_lost(self, exception: Exception | None) -> None:
        self.closed = True
        if not self.opened.done():
            self.opened.set_exception(exception or ConnectionError("closed during the handshake"))

    def send(self, text: bytes) -> None:
        self._write(0x81, text)

    def _write(self, first: int, payload: bytes) -> None:
        assert self._transport is not None
        length = len(payload)
        head = struct.pack("!BB", first, 0x80 | length) if length < 126 else struct.pack("!BBH", first, 0xFE, length)
        self._transport.write(head + b"\0\0\0\0" + payload)  # masked with zeros, which is legal and free

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def connect(url: str, token: str, on_frame: OnFrame) -> Socket:
    """Opens a socket with a token, on the server at this HTTP address."""
    parts = urlsplit(url)
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET /ws/?token={token} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(
        lambda: Socket(on_frame, request.encode()), parts.hostname or "", parts.port or 80
    )
    await asyncio.wait_for(socket.opened, 30)
    return socket
