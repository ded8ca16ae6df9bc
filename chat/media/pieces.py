"""The format of a confined process's answer: pieces, each with its kind and length, over a socket."""

import os
import socket
import struct
from collections.abc import Iterator

HEADER = struct.Struct("!cI")
MAX_PIECE_BYTES = 1024 * 1024
RATE = 16_000  # samples a second, as recognisers take them
SAMPLE_BYTES = 2

DATA = b"d"  # samples: mono, signed 16 bit, little-endian, `RATE` a second
DONE = b"r"  # the result, JSON; the last piece
REFUSED = b"e"  # why the recording is refused, JSON: [name of the error, code, values]; the last piece
DIED = b"x"  # the process ended before it was done, JSON: [why, how], see `chat.media.forkserver`; the last piece


def pack(kind: bytes, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body


def write(descriptor: int, kind: bytes, body: bytes) -> None:
    """Writes one piece. Raises OSError if nobody reads it any longer."""
    write_all(descriptor, pack(kind, body))


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of `data`, however little the system takes at once. Raises OSError."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def read(connection: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """Yields the pieces as they arrive. Ends early, without a last piece, if the other end is gone."""
    while True:
        header = _exactly(connection, HEADER.size)
        if header is None:
            return
        kind, length = HEADER.unpack(header)
        body = _exactly(connection, length) if length <= MAX_PIECE_BYTES else None
        if body is None:
            return
        yield kind, body


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    """Exactly `size` bytes, or None if the other end closes first."""
    found = bytearray()
    while len(found) < size:
        piece = connection.recv(min(size - len(found), 256 * 1024))
        if not piece:
            return None
        found += piece
    return bytes(found)
