"""What the confined processes do: one job each, on files that are already open."""

import errno
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, BinaryIO, cast

import orjson
from av.error import FFmpegError

from chat.errors import ChatError, StorageFull, TooLarge, UnsupportedMedia
from chat.media import decoding, pieces
from chat.media.converting import MIMETYPE, convert
from chat.media.cutting import cut
from chat.media.measuring import measure

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

Options = dict[str, Any]
Files = Sequence[int]  # descriptors


def _measure(files: Files, options: Options, _: int) -> Options:
    """Measures a recording, see `Measured`."""
    return asdict(measure(_opened(files[0], "r"), options["max_seconds"]))


def _convert(files: Files, options: Options, _: int) -> Options:
    """Converts a recording into the second file; returns its new type and duration."""
    duration = convert(_opened(files[0], "r"), _opened(files[1], "r+"), options["max_seconds"])
    return {"mimetype": MIMETYPE, "duration": duration}


def _speech(files: Files, options: Options, answer: int) -> None:
    """Sends the samples of a recording, see `chat.media.decoding`."""
    for piece in decoding.speech(_opened(files[0], "r"), options["max_seconds"], options["track"]):
        pieces.write(answer, pieces.DATA, piece)


def _growing(files: Files, options: Options, answer: int) -> Options:
    """Sends the samples of a recording that is still being made; the file is the end of a pipe. Returns `Measured`."""
    decoded = decoding.growing_speech(_opened(files[0], "r"), options["max_seconds"])
    while True:
        try:
            piece = next(decoded)
        except StopIteration as end:
            return asdict(end.value)
        pieces.write(answer, pieces.DATA, piece)


def _cut(files: Files, options: Options, _: int) -> None:
    """Copies the beginning of a recording into the second file."""
    cut(_opened(files[0], "r"), _opened(files[1], "r+"), options["seconds"], options["max_seconds"])


def _tracks(files: Files, options: Options, _: int) -> int:
    return decoding.tracks(_opened(files[0], "r"), options["max_seconds"])


JOBS: dict[str, Callable[[Files, Options, int], Any]] = {
    "measure": _measure,
    "convert": _convert,
    "speech": _speech,
    "growing": _growing,
    "cut": _cut,
    "tracks": _tracks,
}


def run(name: str, files: Files, options: Options, answer: int) -> None:
    """Does a job and sends the result to the descriptor `answer`. Raises OSError if nobody reads it any longer."""
    try:
        kind, body = pieces.DONE, JOBS[name](files, options, answer)
    except ChatError as error:
        kind, body = pieces.REFUSED, [type(error).__name__, error.code, {"sentence": error.sentence, **error.values}]
    except MemoryError:
        kind, body = pieces.REFUSED, [TooLarge.__name__, "recording_too_demanding", {}]
    except (FFmpegError, OSError) as error:
        kind, body = pieces.REFUSED, _refusal(error)
    pieces.write(answer, kind, orjson.dumps(body))


def _refusal(error: FFmpegError | OSError) -> list[Any]:
    """The name of the error to raise, its code and its values. Raises errors that are not the recording's fault."""
    if error.errno in DISK_FULL:
        return [StorageFull.__name__, "no_room", {"sentence": "no_room_for_recordings"}]
    if error.errno == errno.EFBIG:
        return [TooLarge.__name__, "recording_too_demanding", {}]
    if isinstance(error, FFmpegError):
        return [UnsupportedMedia.__name__, "recording_damaged", {}]
    raise error


def _opened(descriptor: int, mode: str) -> BinaryIO:
    return cast("BinaryIO", io.FileIO(descriptor, mode))
