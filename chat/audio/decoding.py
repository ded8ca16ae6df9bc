"""Decodes a recording of any container to what a recogniser hears: 16 kHz, mono, signed 16 bit."""

import io
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from chat.audio.containers import container_of
from chat.errors import UnsupportedMedia

RATE = 16_000  # samples a second
SAMPLE_BYTES = 2
MOST_TRACKS = 8  # of one file; those beyond are not heard
REMEMBERED = 0.9  # of how channels went together, from one frame to the next


def speech(audio: bytes, most_seconds: float, track: int = 0) -> Iterator[bytes]:
    """The samples of a recording, piece by piece, at most `most_seconds` of them.

    One that breaks off gives what there was.

    Raises:
        UnsupportedMedia: there is no audio in it that can be decoded.
    """
    left = int(most_seconds * RATE) * SAMPLE_BYTES
    found = False
    for piece in _samples(audio, track):
        found = True
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
    if not found:
        raise UnsupportedMedia("The recording cannot be decoded.")


def tracks(audio: bytes) -> int:
    """How many tracks with sound there are, at most `MOST_TRACKS`; 0 when the file cannot be read."""
    container = container_of(audio)
    if container is None:
        return 0
    try:
        with av.open(io.BytesIO(audio), mode="r", format=container.demuxer, options=container.options) as opened:
            return min(MOST_TRACKS, len(opened.streams.audio))
    except (FFmpegError, IndexError, ValueError):
        return 0


def _samples(audio: bytes, track: int) -> Iterator[bytes]:
    container = container_of(audio)
    if container is None:
        return
    resampler, downmix = av.AudioResampler(format="s16p", rate=RATE), _Downmix()
    try:
        with av.open(io.BytesIO(audio), mode="r", format=container.demuxer, options=container.options) as opened:
            for frame in opened.decode(audio=track):
                for resampled in resampler.resample(frame):
                    yield downmix.mix(resampled.to_ndarray())
            for resampled in resampler.resample(None):
                yield downmix.mix(resampled.to_ndarray())
    except (FFmpegError, IndexError, ValueError):
        return  # what came before it broke off is used


class _Downmix:
    """Makes one channel of several.

    Their mean, but a channel that goes against the loudest one is turned round before: a voice whose channels are in
    antiphase, as a wrongly wired microphone makes them, would cancel out.
    """

    def __init__(self) -> None:
        self._together: npt.NDArray[Any] | float = 0.0  # how each channel has gone with each other lately

    def mix(self, samples: npt.NDArray[Any]) -> bytes:
        """`samples` are planar: a row for each channel."""
        if len(samples) == 1:
            return samples.tobytes()
        wide = samples.astype(np.float32)
        self._together = REMEMBERED * self._together + wide @ wide.T
        loudest = self._together.diagonal().argmax()
        signs = np.where(self._together[loudest] < 0, -1, 1).astype(np.float32)
        return (signs @ wide / len(wide)).astype(np.int16).tobytes()
