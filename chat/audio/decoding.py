"""Decodes a recording of any container to what a recogniser hears: 16 kHz, mono, signed 16 bit."""

import io
from collections.abc import Iterator

import av
from av.error import FFmpegError

from chat.audio.containers import container_of
from chat.errors import UnsupportedMedia

RATE = 16_000  # samples a second
SAMPLE_BYTES = 2


def speech(audio: bytes, most_seconds: float) -> Iterator[bytes]:
    """The samples of a recording, piece by piece, at most `most_seconds` of them.

    One that breaks off gives what there was.

    Raises:
        UnsupportedMedia: there is no audio in it that can be decoded.
    """
    left = int(most_seconds * RATE) * SAMPLE_BYTES
    found = False
    for piece in _samples(audio):
        found = True
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
    if not found:
        raise UnsupportedMedia("The recording cannot be decoded.")


def _samples(audio: bytes) -> Iterator[bytes]:
    container = container_of(audio)
    if container is None:
        return
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    try:
        with av.open(io.BytesIO(audio), mode="r", format=container.demuxer, options=container.options) as opened:
            for frame in opened.decode(audio=0):
                for resampled in resampler.resample(frame):
                    yield bytes(resampled.planes[0])[: resampled.samples * SAMPLE_BYTES]
            for resampled in resampler.resample(None):
                yield bytes(resampled.planes[0])[: resampled.samples * SAMPLE_BYTES]
    except (FFmpegError, IndexError, ValueError):
        return  # what came before it broke off is used
