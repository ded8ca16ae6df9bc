"""The sound of a recording that is being made: a thread fetches its pieces from Redis and decodes them as they come."""

import enum
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import structlog
from redis import RedisError

from chat.audio import decoding
from chat.audio import heard as hearing
from chat.audio.decoding import RATE, SAMPLE_BYTES, Growing
from chat.errors import UnsupportedMedia
from chat.store.connection import Stores
from chat.voice import recordings
from chat.voice.recordings import Recording

log = structlog.get_logger(__name__)

READ_BYTES = 64 * 1024  # of a recording, at a time
LOOK_SECONDS = 0.05  # between two looks for a piece
RENEW_SECONDS = 0.75
REST_SECONDS = 60.0  # without a piece, after which there is nobody to listen to
BUFFER_BYTES = 60 * RATE * SAMPLE_BYTES  # of decoded sound that the recogniser has not taken


class Ended(enum.Enum):
    """Why no more sound comes."""

    COMPLETE = "finished"
    RESTING = "rest"  # nobody has sent any for a while
    GONE = "gone"  # it was discarded or has expired
    STOPPED = "pass"
    LOST = "lost"  # another follower has taken over, or the recording is to be left


class Pieces:
    """Use it as a context manager, from one thread.

    `skipped` is how many seconds of the beginning are left out. `renew` is called every `RENEW_SECONDS` from another
    thread; it says why to end, if it is time to.
    """

    def __init__(self, stores: Stores, recording: Recording, skipped: float, renew: Callable[[], Ended | None]) -> None:
        self._stores = stores
        self._recording = recording
        self._skip = int(skipped * RATE) * SAMPLE_BYTES
        self._renew = renew
        self._changed = threading.Condition()
        self._samples = bytearray()
        self._ended: Ended | None = None
        self._error: BaseException | None = None
        self._closed = False
        self._renewed = self._looked = time.monotonic()
        self._came = time.monotonic()  # the last piece
        self.offset = 0  # bytes of the recording that were read
        self.paused = False  # its speaker has stopped behind these, and may go on
        self.ending = False  # its speaker has stopped behind these, whether for good or not
        self._thread = threading.Thread(target=self._run, name=f"pieces-{recording.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def full(self) -> bool:
        """Whether more sound waits than the recogniser should let wait."""
        return len(self._samples) >= BUFFER_BYTES

    def wait(self) -> Ended | None:
        """Waits for the first sound. Returns why none comes, if none does."""
        with self._changed:
            self._changed.wait_for(lambda: self._samples or self._ended or self._error)
            self._raise()
            return None if self._samples else self._ended

    def take(self, seconds: float) -> tuple[bytes, Ended | None]:
        """Returns the sound that has come, waiting at most that long for some, and why no more will come.

        Raises:
            UnsupportedMedia, Unavailable: it cannot be decoded.
            RedisError: Redis is away.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._samples or self._ended or self._error, seconds)
            self._raise()
            samples = bytes(self._samples)
            self._samples.clear()
            self._changed.notify_all()
            return samples, self._ended

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            with decoding.growing(self._stores.settings.audio_max_seconds) as growing:
                ended = self._pump(growing)
        except BaseException as error:  # noqa: BLE001 (it is raised where the sound is taken)
            with self._changed:
                self._error = error
                self._changed.notify_all()
        else:
            with self._changed:
                self._ended = ended
                self._changed.notify_all()
            self._keep_renewing()

    def _keep_renewing(self) -> None:
        """Renews until the block ends: the recogniser may take a while for the last words."""
        with suppress(RedisError), self._changed:  # then the lease runs out
            while not self._changed.wait_for(lambda: self._closed, RENEW_SECONDS):
                self._renew()

    def _pump(self, growing: Growing) -> Ended | None:
        complete = False
        while not self._closed:
            now = time.monotonic()
            if now - self._renewed >= RENEW_SECONDS:
                self._renewed = now
                if (why := self._renew()) is not None:
                    return why
            if self.full:
                with self._changed:
                    self._changed.wait_for(lambda: not self.full or self._closed, LOOK_SECONDS)
                continue
            if not complete and growing.wants_more and (now - self._looked >= LOOK_SECONDS or not self.offset):
                self._looked = now
                found = recordings.find(self._stores, self._recording.id)
                if found is None:
                    return Ended.GONE
                complete = self._fetch(growing, found)
                if not complete and now - self._came > REST_SECONDS:
                    return Ended.RESTING
            samples = growing.read(LOOK_SECONDS)
            if samples is None:
                if not complete:
                    raise UnsupportedMedia("recording_damaged")
                hearing.note_measured(self._stores, self._recording.id, self.offset, growing.measured)
                return Ended.COMPLETE
            self._add(samples)
        return None

    def _fetch(self, growing: Growing, found: Recording) -> bool:
        """Gives the next bytes to the decoder. Returns whether they were the last."""
        if found.offset > self.offset:
            data = recordings.read(self._stores, found.id, self.offset, READ_BYTES)
            if not data:  # stored long ago
                raise UnsupportedMedia("recording_damaged")
            self.offset += len(data)
            self._came = time.monotonic()
            growing.write(data)
            if self.offset < found.offset:
                self._looked = 0.0
        has_all = self.offset >= found.offset
        self.paused = found.paused and has_all
        complete = found.complete and has_all
        self.ending = self.paused or complete
        if complete:
            growing.end()
        return complete

    def _add(self, samples: bytes) -> None:
        skipped = min(self._skip, len(samples))
        self._skip -= skipped
        if skipped < len(samples):
            with self._changed:
                self._samples += samples[skipped:]
                self._changed.notify_all()
