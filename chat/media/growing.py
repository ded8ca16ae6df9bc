"""Our end of a recording that a confined process decodes while it is made."""

import contextlib
import os
import select
import socket
import time
from typing import IO, Any

from chat.media import outcomes, pieces

WRITE_BYTES = 64 * 1024  # as much as a pipe holds
RECEIVE_BYTES = 256 * 1024


class Growing:
    """Takes the bytes of a recording as they come, and returns its samples. For one thread."""

    def __init__(self, target: IO[bytes], answer: socket.socket) -> None:
        self._target = target
        self._answer = answer
        self._unwritten = bytearray()
        self._received = bytearray()
        self._ending = False
        self._done = False
        self.measured: dict[str, Any] = {}  # at the end: the recording's fields of `chat.media.measuring.Measured`
        os.set_blocking(target.fileno(), False)
        answer.setblocking(False)
        self._poll = select.poll()
        self._poll.register(answer, select.POLLIN)

    @property
    def wants_more(self) -> bool:
        """Whether the process has taken most of what it was given."""
        return len(self._unwritten) < WRITE_BYTES

    def write(self, data: bytes) -> None:
        """Adds the next bytes. Nothing bounds them here: give more only if it `wants_more`."""
        if data and not self._unwritten:
            self._poll.register(self._target, select.POLLOUT)
        self._unwritten += data

    def end(self) -> None:
        """Says that there will be no more bytes."""
        self._ending = True
        self._close_when_written()

    def read(self, seconds: float) -> bytes | None:
        """Returns the samples decoded so far, waiting at most that long for the first; None at the end.

        Raises:
            UnsupportedMedia, TooLarge: it cannot be decoded, or only part of it.
            Unavailable: the machine is too slow, or the process was killed.
        """
        until = time.monotonic() + seconds
        while True:
            if samples := self._samples():
                return samples
            left = until - time.monotonic()
            if self._done or left <= 0:
                return None if self._done else b""
            for descriptor, _ in self._poll.poll(left * 1_000):
                if descriptor == self._answer.fileno():
                    self._receive()
                else:
                    self._write()

    def _write(self) -> None:
        try:
            written = os.write(self._target.fileno(), self._unwritten[:WRITE_BYTES])
        except BlockingIOError:
            return
        except BrokenPipeError:  # it has ended; its answer says why
            written = len(self._unwritten)
        del self._unwritten[:written]
        if not self._unwritten:
            self._poll.unregister(self._target)
            self._close_when_written()

    def _close_when_written(self) -> None:
        if self._ending and not self._unwritten:
            self._target.close()

    def _receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if not (data := self._answer.recv(RECEIVE_BYTES)):
                raise outcomes.died("gone", "")
            self._received += data

    def _samples(self) -> bytes:
        """Takes the samples out of what was received; raises the error that ended the process."""
        samples = bytearray()
        while len(self._received) >= pieces.HEADER.size:
            kind, length = pieces.HEADER.unpack_from(self._received)
            if length > pieces.MAX_PIECE_BYTES:
                raise outcomes.died("gone", "")
            stop = pieces.HEADER.size + length
            if len(self._received) < stop:
                break
            body = bytes(self._received[pieces.HEADER.size : stop])
            if kind != pieces.DATA:
                if samples:
                    break  # the end comes next time
                del self._received[:stop]
                self.measured = outcomes.end(kind, body)
                self._done = True
                break
            del self._received[:stop]
            samples += body
        return bytes(samples)
