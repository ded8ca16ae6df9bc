"""Measures, converts and decodes recordings in processes of their own, so that a bug in FFmpeg costs one recording.

Each process that needs this has one fork server (`chat.media.forkserver`), which it starts once. It works with threads
and with greenlets, because it waits only for sockets and locks.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import orjson
import structlog

from chat.errors import Unavailable
from chat.media import outcomes, pieces
from chat.media.growing import Growing
from chat.media.outcomes import RETRY_SECONDS

log = structlog.get_logger(__name__)

MEMORY_BYTES = 256 * 2**20  # on top of what the fork server has; the longest recordings need a tenth of it
MEASURE_CPU_SECONDS = 20  # ten minutes of sound need 1 to 3
CPU_SECONDS = 60  # to convert or decode; converting ten minutes of stereo needs 8
PREPARE_SECONDS = 120.0  # of wall time, since a busy machine gives a process only part of a CPU
SPEECH_SECONDS = 900.0  # of wall time: as long as a task may take, since a recogniser reads at its own pace
GROWING_SECONDS = 7_200.0  # of wall time: people pause while they record
CONVERTED_BYTES_A_SECOND = 20_000  # Opus in WebM takes up to 15,000
MIN_CONVERTED_BYTES = 256 * 1024
MORE_CUT_BYTES = 256 * 1024  # that the tables of a new file may be larger; those of ten minutes take up to 150 KB
START_SECONDS = 30.0  # a fork server may take to start; usually 0.3
SILENCE_SECONDS = 10.0  # the fork server may take to report a deadline
WAIT_SECONDS = 10.0  # for a place; then 503

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recording as it is to be stored. `duration` is in seconds; `peaks`: see `chat.media.loudness`."""

    mimetype: str
    duration: float
    peaks: list[int]
    converted: bool


class _Places:
    """A bounded number of places, with a bounded queue for them."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(at_once)
        self._limit = at_once + waiting
        self.taken = 0  # including those that wait

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Takes a place. Raises Unavailable if the queue is full or the wait too long."""
        with self._lock:
            if self.taken >= self._limit:
                raise Unavailable("busy", RETRY_SECONDS)
            self.taken += 1
        try:
            if not self._free.acquire(timeout=WAIT_SECONDS):
                raise Unavailable("busy", RETRY_SECONDS)
            try:
                yield
            finally:
                self._free.release()
        finally:
            with self._lock:
                self.taken -= 1


class Sandbox:
    """A fork server, and a bounded number of places. One per process.

    Measures `at_once` recordings at the same time and converts half as many: conversions take longer, and must not
    block uploads that need none. For each of the two, `waiting` more may wait.
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
        """Starts the fork server ahead of the first recording."""
        with self._lock:
            if self._control is None:
                self._start()

    def stop(self) -> None:
        """Ends the fork server and everything it runs."""
        with self._lock:
            self._stop()

    def prepare(self, source: BinaryIO, target: BinaryIO, max_seconds: float) -> Prepared:
        """Measures a recording, and converts it into `target`, which must be empty, unless every browser plays it.

        Both files need descriptors. Their positions are undefined afterwards.

        Raises:
            UnsupportedMedia: it is no audio of a kind we know, or it is damaged.
            TooLarge: it lasts longer than `max_seconds`, or takes too much CPU time or memory to read.
            StorageFull: the disk is full.
            Unavailable: all places are taken, or the machine is too slow.
        """
        options = {"max_seconds": max_seconds}
        limits = _limits(PREPARE_SECONDS, MEASURE_CPU_SECONDS)
        with self.measuring.one(), self._job("measure", [source], options, limits) as answer:
            found = outcomes.result(answer)
        converted = not found.pop("playable")
        if converted:
            file_bytes = max(MIN_CONVERTED_BYTES, int(max_seconds * CONVERTED_BYTES_A_SECOND))
            limits = _limits(PREPARE_SECONDS, CPU_SECONDS, file_bytes)
            with self.converting.one(), self._job("convert", [source, target], options, limits) as answer:
                found |= outcomes.result(answer)
        return Prepared(**found, converted=converted)

    def cut(self, source: BinaryIO, target: BinaryIO, seconds: float, max_seconds: float) -> None:
        """Copies the first `seconds` of a recording into `target`, which must be empty; see `chat.media.cutting`.

        Raises the same as `prepare`.
        """
        options = {"seconds": seconds, "max_seconds": max_seconds}
        file_bytes = os.fstat(source.fileno()).st_size + MORE_CUT_BYTES
        limits = _limits(PREPARE_SECONDS, MEASURE_CPU_SECONDS, file_bytes)
        with self.measuring.one(), self._job("cut", [source, target], options, limits) as answer:
            outcomes.result(answer)

    def speech(self, source: BinaryIO, max_seconds: float, track: int = 0) -> Iterator[bytes]:
        """Yields the samples of a recording, decoded as they are read; see `chat.media.decoding.speech`.

        Raises:
            UnsupportedMedia, TooLarge: it cannot be decoded, or only part of it.
            Unavailable: the machine is too slow.
        """
        options = {"max_seconds": max_seconds, "track": track}
        with self._job("speech", [source], options, _limits(SPEECH_SECONDS, CPU_SECONDS)) as answer:
            for kind, body in answer:
                if kind != pieces.DATA:
                    outcomes.end(kind, body)
                    return
                yield body
            raise outcomes.died("gone", "")

    def tracks(self, source: BinaryIO, max_seconds: float) -> int:
        """Counts the audio tracks of a recording. Raises the same as `speech`."""
        limits = _limits(PREPARE_SECONDS, MEASURE_CPU_SECONDS)
        with self._job("tracks", [source], {"max_seconds": max_seconds}, limits) as answer:
            return int(outcomes.result(answer))

    @contextlib.contextmanager
    def growing(self, max_seconds: float) -> Iterator[Growing]:
        """Decodes a recording while it is made; see `Growing` and `chat.media.decoding.growing_speech`.

        Leaving the block ends it. Raises Unavailable if the machine cannot.
        """
        theirs, ours = os.pipe()
        limits = _limits(GROWING_SECONDS, CPU_SECONDS)
        with contextlib.ExitStack() as ends:
            target = ends.enter_context(os.fdopen(ours, "wb", buffering=0))
            with os.fdopen(theirs, "rb", buffering=0) as source:
                options = {"max_seconds": max_seconds}
                answer = ends.enter_context(self._connected("growing", [source], options, limits))
            yield Growing(target, answer)

    @contextlib.contextmanager
    def _job(
        self, name: str, files: list[BinaryIO], options: dict[str, Any], limits: dict[str, float]
    ) -> Iterator[Iterator[tuple[bytes, bytes]]]:
        """Runs a job; yields the pieces of its answer. Leaving the block ends the job."""
        with self._connected(name, files, options, limits) as ours:
            ours.settimeout(limits["seconds"] + SILENCE_SECONDS)
            try:
                yield pieces.read(ours)
            except TimeoutError:
                raise outcomes.died("time", "silent") from None

    @contextlib.contextmanager
    def _connected(
        self, name: str, files: Sequence[IO[bytes]], options: dict[str, Any], limits: dict[str, float]
    ) -> Iterator[socket.socket]:
        """Starts a job; yields our end of the socket it answers over, and ends the job with the block."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                request = orjson.dumps([name, options, limits])
                self._send(request, [theirs.fileno(), *(file.fileno() for file in files)])
            yield ours

    def _send(self, request: bytes, descriptors: list[int]) -> None:
        """Hands a job to the fork server; to a new one if that has died."""
        with self._lock:
            for last in (False, True):
                try:
                    socket.send_fds(self._ready(), [request], descriptors)
                except OSError as error:
                    log.warning("recordings.fork_server_died", error=type(error).__name__)
                    self._stop()
                    if last:
                        raise Unavailable("busy", RETRY_SECONDS) from error
                else:
                    return

    def _ready(self) -> socket.socket:
        """The control socket of a fork server that is ready."""
        if self._owner != os.getpid():  # this process was forked: the fork server belongs to its parent
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
        # SOCK_SEQPACKET keeps requests apart.
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
    """The limits of a job; `seconds` is wall time."""
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "memory_bytes": MEMORY_BYTES,
        "file_bytes": file_bytes,
    }


def _environment() -> dict[str, str]:
    """The environment of the fork server: without our settings, which contain secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
