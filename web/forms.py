"""Writes the files of a multipart form to disk as they arrive.

This uses Werkzeug's decoder but not its form parser, which treats a part without a file name as text, keeps it in
memory and limits it to half a megabyte; some clients send recordings that way.
"""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

import structlog
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from chat import audio
from chat.errors import StorageFull, Unavailable
from chat.media.containers import find
from chat.media.pieces import write_all
from web.services import stores

log = structlog.get_logger(__name__)

MAX_PARTS = 20
PIECE_BYTES = 64 * 1024
MAX_HEADER_BYTES = 2 * PIECE_BYTES  # of one part
# ENOENT: Python finds no temporary folder if all of them were full when it first looked.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.ENOENT)


@dataclass(frozen=True, slots=True)
class Part:
    """A file, and its name if it has one."""

    file: BinaryIO
    name: str | None


def new_file() -> BinaryIO:
    """Creates an empty temporary file, which disappears when it is closed.

    Raises:
        StorageFull, Unavailable: see `disk`.
    """
    with disk():
        return cast("BinaryIO", tempfile.TemporaryFile(prefix="chattergram-upload-", buffering=0))


@contextmanager
def disk() -> Iterator[None]:
    """Translates the errors of writing temporary files.

    Raises:
        StorageFull: the disk is full.
        Unavailable: they cannot be written for another reason.
    """
    try:
        yield
    except OSError as error:
        log.warning("uploads.no_room", error=error.strerror)
        if error.errno in FULL:
            raise StorageFull("no_room", sentence="no_room_for_recordings") from error
        raise Unavailable("busy") from error


def files(closing: ExitStack) -> list[Part]:
    """The files of the request's form, without its text fields; empty if the body is not a form.

    Raises:
        RequestEntityTooLarge: there are too many parts.
        TooLarge: the body is larger than the request may be.
        StorageFull, Unavailable: see `disk`.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary or not boundary.isascii():
        return []
    decoder = MultipartDecoder(boundary.encode(), MAX_HEADER_BYTES, max_parts=MAX_PARTS)
    try:
        return [part for part in _parts(decoder, closing) if part.name is not None or find(part.file)]
    except ValueError:  # not a form
        return []


def _parts(decoder: MultipartDecoder, closing: ExitStack) -> list[Part]:
    parts: list[Part] = []
    while True:
        event = decoder.next_event()
        if isinstance(event, NeedData):
            decoder.receive_data(_read())
        elif isinstance(event, File | Field):
            parts.append(Part(closing.enter_context(new_file()), event.filename if isinstance(event, File) else None))
        elif isinstance(event, Data):
            _write(parts[-1].file, event.data)
        elif isinstance(event, Epilogue):
            return parts


def _read() -> bytes | None:
    """The next piece of the body, or None at its end."""
    try:
        return request.stream.read(PIECE_BYTES) or None
    except RequestEntityTooLarge:  # it did not state its length beforehand
        raise audio.too_large(stores()) from None


def _write(file: BinaryIO, data: bytes) -> None:
    with disk():
        write_all(file.fileno(), data)
