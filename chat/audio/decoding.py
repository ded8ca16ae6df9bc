"""Decodes a recording to what a recogniser hears: 16 kHz, mono, signed 16 bit.

That happens in a process of its own (`chat.media.sandbox`), and as the samples are taken, so it holds little memory.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import BinaryIO, cast

from chat.errors import TooLarge, Unavailable, UnsupportedMedia
from chat.media.pieces import RATE, SAMPLE_BYTES
from chat.media.sandbox import Sandbox

__all__ = ["RATE", "SAMPLE_BYTES", "speech", "tracks"]

ANY_SECONDS = 24 * 3_600.0


def speech(audio: bytes, most_seconds: float, track: int = 0) -> Iterator[bytes]:
    """The samples of a recording, piece by piece, at most `most_seconds` of them.

    One that breaks off gives what there was.

    Raises:
        UnsupportedMedia: there is no audio in it that can be decoded.
        Unavailable: the machine is too busy, or its disk full.
    """
    heard = False
    with _refusing(), _file(audio) as file:
        for piece in _sandbox().speech(file, most_seconds, track):
            heard = True
            yield piece
    if not heard:
        raise UnsupportedMedia("The recording cannot be decoded.")


def tracks(audio: bytes) -> int:
    """How many tracks with sound there are; 0 when the file cannot be read.

    Raises:
        Unavailable: the machine is too busy, or its disk full.
    """
    try:
        with _refusing(), _file(audio) as file:
            return _sandbox().tracks(file, ANY_SECONDS)
    except UnsupportedMedia:
        return 0


@lru_cache(maxsize=1)
def _sandbox() -> Sandbox:
    """This process's. It takes no place: no more are decoded at once than are transcribed."""
    return Sandbox()


@contextmanager
def _file(audio: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(prefix="chattergram-speech-") as file:
        file.write(audio)
        file.flush()
        yield cast("BinaryIO", file)


@contextmanager
def _refusing() -> Iterator[None]:
    """Two answers are enough for who transcribes: never, and not now."""
    try:
        yield
    except TooLarge as error:
        raise UnsupportedMedia(error.detail) from error
    except OSError as error:
        raise Unavailable("The recording cannot be decoded just now.") from error
