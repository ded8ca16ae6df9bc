"""Decodes a recording into what recognisers accept: 16 kHz, mono, signed 16 bit.

It is decoded in a process of its own (`chat.media.sandbox`), as the samples are read, so it takes little memory.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import BinaryIO, cast

from chat.errors import TooLarge, Unavailable, UnsupportedMedia
from chat.media.growing import Growing
from chat.media.pieces import RATE, SAMPLE_BYTES
from chat.media.sandbox import Sandbox

__all__ = ["RATE", "SAMPLE_BYTES", "Growing", "growing", "speech", "tracks"]

ANY_SECONDS = 24 * 3_600.0


def speech(audio: bytes, max_seconds: float, track: int = 0) -> Iterator[bytes]:
    """Yields the samples of a recording, at most `max_seconds` of them. A truncated one yields what there is.

    Raises:
        UnsupportedMedia: it contains no audio that can be decoded.
        Unavailable: the machine is too busy, or its disk is full.
    """
    heard = False
    with _refusing(), _file(audio) as file:
        for piece in _sandbox().speech(file, max_seconds, track):
            heard = True
            yield piece
    if not heard:
        raise UnsupportedMedia("recording_damaged")


@contextmanager
def growing(max_seconds: float) -> Iterator[Growing]:
    """Decodes a recording while it is made, at most `max_seconds` of it: WebM, Ogg or MP4, as browsers record them.

    Raises:
        UnsupportedMedia: it cannot be decoded as it comes; perhaps when it is complete.
        Unavailable: the machine is too busy.
    """
    with _refusing(), _sandbox().growing(max_seconds) as opened:
        yield opened


def tracks(audio: bytes) -> int:
    """Counts the audio tracks of a recording; 0 if it cannot be read.

    Raises:
        Unavailable: the machine is too busy, or its disk is full.
    """
    try:
        with _refusing(), _file(audio) as file:
            return _sandbox().tracks(file, ANY_SECONDS)
    except UnsupportedMedia:
        return 0


@lru_cache(maxsize=1)
def _sandbox() -> Sandbox:
    """This process's sandbox. Decoding needs no limit of its own: no more is decoded at once than is transcribed."""
    return Sandbox()


@contextmanager
def _file(audio: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(prefix="chattergram-speech-") as file:
        file.write(audio)
        file.flush()
        yield cast("BinaryIO", file)


@contextmanager
def _refusing() -> Iterator[None]:
    """Reduces errors to the two that matter to a recogniser: never, and not now."""
    try:
        yield
    except TooLarge as error:
        raise UnsupportedMedia(error.code, sentence=error.sentence, **error.values) from error
    except OSError as error:
        raise Unavailable("busy") from error
