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
from chat.voice.recognisers.protocol import TranscriptionRefused, TranscriptionUnavailable

__all__ = ["RATE", "SAMPLE_BYTES", "speech", "tracks"]

ANY_SECONDS = 24 * 3_600.0


def speech(audio: bytes, most_seconds: float, track: int = 0) -> Iterator[bytes]:
    """The samples of a recording, piece by piece, at most `most_seconds` of them.

    One that breaks off gives what there was.

    Raises:
        TranscriptionRefused: there is no audio in it that can be decoded.
        TranscriptionUnavailable: the machine is too busy, or its disk full.
    """
    heard = False
    with _translated(), _file(audio) as file:
        for piece in _sandbox().speech(file, most_seconds, track):
            heard = True
            yield piece
    if not heard:
        raise TranscriptionRefused("The recording cannot be decoded.")


def tracks(audio: bytes) -> int:
    """How many tracks with sound there are; 0 when the file cannot be read.

    Raises:
        TranscriptionUnavailable: the machine is too busy, or its disk full.
    """
    try:
        with _translated(), _file(audio) as file:
            return _sandbox().tracks(file, ANY_SECONDS)
    except TranscriptionRefused:
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
def _translated() -> Iterator[None]:
    try:
        yield
    except (UnsupportedMedia, TooLarge) as error:
        raise TranscriptionRefused(error.detail) from error
    except Unavailable as error:
        raise TranscriptionUnavailable(error.detail, error.retry_after) from error
    except OSError as error:
        raise TranscriptionUnavailable("The recording cannot be decoded just now.") from error
