"""How a process that handles a recording tells what it finds: pieces over a socket, each with its kind and length."""

import os
import socket
import struct
from collections.abc import Iterator

HEADER = struct.Struct("!cI")
PIECE_MOST = 1024 * 1024
RATE = 16_000  # what recognisers hear
SAMPLE_BYTES = 2

DATA = b"d"  # samples: mono, signed 16 bit, little-endian, `RATE` a second
DONE = b"r"  # the result, JSON; the last piece
REFUSED = b"e"  # what is wrong with the recording: [name of the error, detail], JSON; the last piece
DIED = b"x"  # the process has ended before it was done, and why (`chat.media.forkserver`); the last piece


def pack(kind: bytes, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body


def write(descriptor: int, kind: bytes, body: bytes) -> None:
    """Write one piece. Raises OSError when nobody reads any longer."""
    left = memoryview(pack(kind, body))
    while left:
        left = left[os.write(descriptor, left) :]


def read(connection: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """The pieces, as they come; ends without a last piece where everybody at the other end is gone."""
    while True:
        header = _exactly(connection, HEADER.size)
        if header is None:
            return
        kind, length = HEADER.unpack(header)
        body = _exactly(connection, length) if length <= PIECE_MOST else None
        if body is None:
            return
        yield kind, body


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    """So many bytes, None when there are not so many."""
    found = bytearray()
    while len(found) < size:
        piece = connection.recv(min(size - len(found), 256 * 1024))
        if not piece:
            return None
        found += piece
    return bytes(found)
