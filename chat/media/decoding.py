"""Decodes a recording to what recognisers take: 16 kHz, mono, signed 16 bit."""

from collections.abc import Generator, Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from chat.media import opening
from chat.media.measuring import Measure, Measured
from chat.media.opening import Opened
from chat.media.pieces import RATE, SAMPLE_BYTES
from chat.media.resampling import resampled

PIECE_BYTES = 32_000  # sent at once
GROWING_PIECE_BYTES = 3_200  # the same for a recording that is being made: a tenth of a second
SPARE_SECONDS = 1.0  # beyond the longest recording, so that it is measured, and refused, rather than cut off
MAX_TRACKS = 8  # of one file; further tracks are ignored
REMEMBERED = 0.9  # of how channels went together, from one frame to the next


def speech(file: BinaryIO, max_seconds: float, track: int) -> Iterator[bytes]:
    """Yields the samples of a recording, at most `max_seconds` of them. A truncated one yields what there is.

    Raises:
        UnsupportedMedia: it contains no sound that can be decoded.
        TooLarge: its tables declare more samples than `max_seconds` can hold.
    """
    with opening.opened(file, max_seconds, track) as recording:
        yield from _samples(opening.sound(recording), max_seconds, PIECE_BYTES)


def growing_speech(file: BinaryIO, max_seconds: float) -> Generator[bytes, None, Measured]:
    """Yields the samples of a recording that is still being made, as they come; `file` is the end of a pipe.

    Returns what it measured meanwhile: by the end of a long recording nobody wants to wait until it is decoded again.

    Raises:
        UnsupportedMedia: as `speech`, or it is of a kind that cannot be decoded as it comes.
        TooLarge: it lasts longer than `max_seconds`.
    """
    with opening.growing(file) as recording:
        measure = Measure(recording, max_seconds)
        yield from _samples(_measured(recording, measure), max_seconds + SPARE_SECONDS, GROWING_PIECE_BYTES)
        return measure.result()


def _measured(recording: Opened, measure: Measure) -> Iterator[AudioFrame]:
    for frame in opening.sound(recording):
        measure.add(frame)
        yield frame


def _samples(frames: Iterable[AudioFrame], max_seconds: float, piece_bytes: int) -> Iterator[bytes]:
    left = int(max_seconds * RATE) * SAMPLE_BYTES
    piece = bytearray()
    downmix = _Downmix()
    for frame in resampled(frames, kind="s16p", layout=None, rate=RATE):
        piece += downmix.mix(frame.to_ndarray())
        if len(piece) >= min(piece_bytes, left):
            yield bytes(piece[:left])
            left -= len(piece)
            piece.clear()
        if left <= 0:
            return
    if piece:
        yield bytes(piece)


def tracks(file: BinaryIO, max_seconds: float) -> int:
    """Counts the audio tracks, up to `MAX_TRACKS`.

    Raises:
        UnsupportedMedia, TooLarge: as `speech`.
    """
    with opening.opened(file, max_seconds) as recording:
        return min(MAX_TRACKS, len(recording.input.streams.audio))


class _Downmix:
    """Makes one channel of several.

    Their mean, but a channel that goes against the loudest one is turned round before: a voice whose channels are in
    antiphase, as a wrongly wired microphone makes them, would cancel out.
    """

    def __init__(self) -> None:
        self._together: npt.NDArray[np.float32] = np.zeros((1, 1), np.float32)  # how each went with each other lately

    def mix(self, samples: npt.NDArray[Any]) -> bytes:
        """`samples` are planar: a row for each channel."""
        channels = len(samples)
        if channels == 1:
            return samples.tobytes()
        wide = samples.astype(np.float32)
        if len(self._together) != channels:  # the recording changes on its way
            self._together = np.zeros((channels, channels), np.float32)
        self._together = REMEMBERED * self._together + wide @ wide.T
        loudest = self._together.diagonal().argmax()
        signs = np.where(self._together[loudest] < 0, -1, 1).astype(np.float32)
        mixed: npt.NDArray[np.int16] = (signs @ wide / channels).astype(np.int16)
        return mixed.tobytes()
