"""Has recordings measured, converted and decoded in processes of their own: a fault in FFmpeg costs one recording.

Each process that needs it has one `ForkServer`, a program of its own that is started once and forks for each recording.
It works in threads as in greenlets: all that is waited for are sockets.

Limits: a process has `MEMORY_BYTES` beside what it begins with, `CPU_SECONDS` of processor time (to measure
`MEASURE_CPU_SECONDS`), and a deadline.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import structlog

from chat import errors
from chat.errors import TooLarge, Unavailable, UnsupportedMedia
from chat.media import pieces
from chat.media.refusals import BUSY, DAMAGED, TOO_MUCH

log = structlog.get_logger(__name__)

MEMORY_BYTES = 256 * 2**20  # an hour of stereo takes a tenth of it
MEASURE_CPU_SECONDS = 20  # ten minutes take 1 to 3
CPU_SECONDS = 60  # ten minutes take 8 to convert
PREPARE_SECONDS = 120.0  # by the clock: a crowded machine gives a process half of it
SPEECH_SECONDS = 900.0  # as long as a task may take; a recogniser reads as slowly as it understands
CONVERTED_BYTES_A_SECOND = 20_000  # of sound; Opus in WebM has at most 15,000
CONVERTED_BYTES_LEAST = 256 * 1024
START_SECONDS = 30.0  # for a fork server to load what it needs, mostly 0.3
SILENCE_SECONDS = 10.0  # after its deadline the fork server has this time to say so
WAIT_SECONDS = 10.0  # for a place
RETRY_SECONDS = 5

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recording as it is to be stored: type, seconds, and `peaks` for its picture (`chat.media.loudness`)."""

    mimetype: str
    duration: float
    peaks: list[int]
    converted: bool


class _Places:
    """So many may be taken at once, so many more waited for. It works in threads as in greenlets."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(at_once)
        self._most = at_once + waiting
        self.taken = 0  # those who wait included

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """A place. Raises Unavailable where too many wait, or one has to wait too long."""
        with self._lock:
            if self.taken >= self._most:
                raise Unavailable(BUSY, RETRY_SECONDS)
            self.taken += 1
        try:
            if not self._free.acquire(timeout=WAIT_SECONDS):
                raise Unavailable(BUSY, RETRY_SECONDS)
            try:
                yield
            finally:
                self._free.release()
        finally:
            with self._lock:
                self.taken -= 1


class Sandbox:
    """A fork server with places in front of it. One for each process; whoever forks from that needs another.

    `at_once` recordings are measured and half as many converted, which takes longer and must not hold up the others.
    Of each kind `waiting` more may wait.
    """

    program = ("-m", "chat.media.forkserver")

    def __init__(self, at_once: int = 4, waiting: int = 16) -> None:
        self.measuring = _Places(at_once, waiting)
        self.converting = _Places(max(1, at_once // 2), waiting)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._heard = False
        self._owner = 0

    def start(self) -> None:
        """Start the fork server, if it does not run; the first recording does it otherwise."""
        with self._lock:
            if self._control is None:
                self._start()

    def stop(self) -> None:
        """End it, with all it is doing."""
        with self._lock:
            self._stop()

    def prepare(self, source: BinaryIO, target: BinaryIO, most_seconds: float) -> Prepared:
        """What a recording is. If not every browser plays it, it is converted into `target`, which must be empty.

        Both need descriptors; where they stand afterwards is undefined.

        Raises:
            UnsupportedMedia: it is no audio of a kind we know, or is damaged.
            TooLarge: it lasts longer than `most_seconds`, or takes too much to read.
            StorageFull: the disk is.
            Unavailable: too many are being prepared, or the machine was too slow.
        """
        options = {"most_seconds": most_seconds}
        limits = _limits(PREPARE_SECONDS, MEASURE_CPU_SECONDS)
        with self.measuring.one(), self._job("measure", [source], options, limits) as answer:
            found = _result(answer)
        converted = not found.pop("playable")
        if converted:
            file_bytes = max(CONVERTED_BYTES_LEAST, int(most_seconds * CONVERTED_BYTES_A_SECOND))
            limits = _limits(PREPARE_SECONDS, CPU_SECONDS, file_bytes)
            with self.converting.one(), self._job("convert", [source, target], options, limits) as answer:
                found |= _result(answer)
        return Prepared(**found, converted=converted)

    def speech(self, source: BinaryIO, most_seconds: float, track: int = 0) -> Iterator[bytes]:
        """The samples of a recording, see `chat.media.decoding.speech`; they are decoded as they are taken.

        Raises:
            UnsupportedMedia, TooLarge: it cannot be decoded, or only in part.
            Unavailable: the machine was too slow.
        """
        options = {"most_seconds": most_seconds, "track": track}
        with self._job("speech", [source], options, _limits(SPEECH_SECONDS, CPU_SECONDS)) as answer:
            for kind, body in answer:
                if kind != pieces.DATA:
                    _end(kind, body)
                    return
                yield body
            raise _died("gone", "")

    def tracks(self, source: BinaryIO, most_seconds: float) -> int:
        """How many tracks with sound a recording has. Raises as `speech`."""
        limits = _limits(PREPARE_SECONDS, MEASURE_CPU_SECONDS)
        with self._job("tracks", [source], {"most_seconds": most_seconds}, limits) as answer:
            return int(_result(answer))

    @contextlib.contextmanager
    def _job(
        self, name: str, files: list[BinaryIO], options: dict[str, Any], limits: dict[str, float]
    ) -> Iterator[Iterator[tuple[bytes, bytes]]]:
        """The pieces of a job's answer. Leaving this ends the job."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                request = orjson.dumps([name, options, limits])
                self._send(request, [theirs.fileno(), *(file.fileno() for file in files)])
            ours.settimeout(limits["seconds"] + SILENCE_SECONDS)
            try:
                yield pieces.read(ours)
            except TimeoutError:
                raise _died("time", "silent") from None

    def _send(self, request: bytes, descriptors: list[int]) -> None:
        """Hand a job to the fork server, and to a new one if that has died."""
        with self._lock:
            for last in (False, True):
                try:
                    socket.send_fds(self._ready(), [request], descriptors)
                except OSError as error:
                    log.warning("recordings.fork_server_died", error=type(error).__name__)
                    self._stop()
                    if last:
                        raise Unavailable(BUSY, RETRY_SECONDS) from error
                else:
                    return

    def _ready(self) -> socket.socket:
        """The control socket of a fork server that has said that it is ready."""
        if self._owner != os.getpid():  # we were forked; that fork server is our parent's
            self._control = self._process = None
        control = self._control or self._start()
        if not self._heard:
            said = control.recv(64)
            if not said:
                raise ConnectionResetError("the fork server ended at its start")
            if not orjson.loads(said):
                log.warning("recordings.unconfined", reason="no seccomp: limits alone guard against a fault in FFmpeg")
            self._heard = True
        return control

    def _start(self) -> socket.socket:
        # Packets: a request is read whole or not at all.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *self.program],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_environment(),
                cwd="/",
            )
        ours.settimeout(START_SECONDS)
        self._control, self._heard, self._owner = ours, False, os.getpid()
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(SILENCE_SECONDS)
            self._process = None


def _limits(seconds: float, cpu_seconds: int, file_bytes: int = 0) -> dict[str, float]:
    """What a job may take; `seconds` by the clock."""
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "memory_bytes": MEMORY_BYTES,
        "file_bytes": file_bytes,
    }


def _environment() -> dict[str, str]:
    """Nothing of ours: it holds secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _result(answer: Iterator[tuple[bytes, bytes]]) -> Any:
    for kind, body in answer:
        return _end(kind, body)
    raise _died("gone", "")


def _end(kind: bytes, body: bytes) -> Any:
    """The result in a last piece, or what is wrong raised."""
    found = orjson.loads(body)
    if kind == pieces.DONE:
        return found
    if kind == pieces.REFUSED:
        refusal, detail = found
        raise getattr(errors, refusal)(detail)
    raise _died(*found)


def _died(why: str, how: str) -> errors.ChatError:
    """What a recording is told whose process has ended before it was done."""
    log.warning("recordings.process_ended", why=why, how=how)
    if why == "cpu":
        return TooLarge(TOO_MUCH)
    if why in ("time", "gone"):
        return Unavailable(BUSY, RETRY_SECONDS)
    return UnsupportedMedia(DAMAGED)
