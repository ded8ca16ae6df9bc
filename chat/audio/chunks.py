"""Reads and writes the bytes of a GridFS file, a megabyte at a time.

The format is GridFS's, which all its tools can read. The driver's own classes buffer up to 32 MB before they write, and
fetch up to 16 MB for a range of one byte, which is too much with many uploads and seeking players.
See https://github.com/mongodb/specifications/blob/master/source/gridfs/gridfs-spec.md.
"""

from collections.abc import Iterator
from typing import BinaryIO

from bson import Binary
from pymongo.database import Database

from chat.errors import NotFound
from chat.store.archive import AUDIO_BUCKET
from chat.store.connection import Document

CHUNK_BYTES = (
    255 * 1024
)  # GridFS's default; a multiple of three, so that each chunk can be encoded as base64 separately
CHUNKS_A_WRITE = 4

FILES = f"{AUDIO_BUCKET}.files"
CHUNKS = f"{AUDIO_BUCKET}.chunks"


def write(mongo: "Database[Document]", file_id: str, source: BinaryIO) -> int:
    """Stores a file's chunks and returns its length. The file is invisible until its entry in `FILES` exists."""
    number = length = 0
    while True:
        pieces = [piece for _ in range(CHUNKS_A_WRITE) if (piece := source.read(CHUNK_BYTES))]
        if not pieces:
            return length
        mongo[CHUNKS].insert_many(
            [{"files_id": file_id, "n": number + i, "data": Binary(piece)} for i, piece in enumerate(pieces)]
        )
        number += len(pieces)
        length += sum(map(len, pieces))


def read(mongo: "Database[Document]", file_id: str, chunk_bytes: int, start: int, stop: int) -> Iterator[bytes]:
    """Yields the bytes from `start` up to but excluding `stop`, one chunk at a time, each fetched on demand.

    `chunk_bytes` is the file's own `chunkSize`: another tool, or another version of this one, may have written it.

    Raises:
        NotFound: the file was deleted in the meantime.
    """
    while start < stop:
        number, offset = divmod(start, chunk_bytes)
        chunk = mongo[CHUNKS].find_one({"files_id": file_id, "n": number}, {"data": 1})
        piece = bytes(chunk["data"])[offset : offset + stop - start] if chunk else b""
        if not piece:
            raise NotFound("no_such_file")
        yield piece
        start += len(piece)
