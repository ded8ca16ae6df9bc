"""Checks how many samples an MP4 file declares, before FFmpeg allocates memory for them.

Two kilobytes can declare billions. The file is walked box by box, so that a title or a comment may contain "trun" or
"cmov". The structure of boxes: ISO/IEC 14496-12.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

MAX_BOXES = 200_000  # far more than the longest fragmented recording has
MAX_EDITS = 32
TABLE_HEAD_BYTES = 32
NOTICED_SECONDS = 0.25  # an edit that skips less than this is the encoder's delay

_PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf"})
_COUNT_AT = {  # the offset of the number of entries in a table's body
    b"stsz": 8,
    b"stz2": 8,
    b"stts": 4,
    b"ctts": 4,
    b"stsc": 4,
    b"stco": 4,
    b"co64": 4,
    b"stss": 4,
    b"sbgp": 8,
    b"trun": 4,
    b"elst": 4,
}
_TABLES = frozenset(_COUNT_AT) | {b"cmov", b"trak", b"mdhd"}


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...
    def seek(self, offset: int, whence: int = ..., /) -> int: ...


@dataclass(slots=True)
class _Track:
    """What is needed to count the samples of a track."""

    timescale: int = 1
    ticks_a_sample: int = 0  # if all have the same; 1 is uncompressed sound, which FFmpeg reads in chunks
    samples: int = 0
    begins: int = 0  # the start of its first edit, in ticks; -1 is silence


@dataclass(slots=True)
class Tables:
    """What an MP4 file declares. `compressed`: its tables are compressed, and cannot be counted."""

    longest: int = 0  # the entries of the longest table, or of all fragments together
    edits: int = 0
    edited: bool = False  # an edit skips or repeats something audible
    compressed: bool = False
    boxes: int = 0
    fragments: int = 0
    track: _Track = field(default_factory=_Track)

    def exceed(self, samples: int) -> bool:
        """Whether it declares more than a file of so many samples needs."""
        return self.compressed or self.boxes > MAX_BOXES or self.edits > MAX_EDITS or self.longest > samples


def read(file: Readable) -> Tables:
    """Reads the tables of an MP4 file."""
    tables = Tables()
    for name, start, size in _boxes(file, file.seek(0, io.SEEK_END)):
        tables.boxes += 1
        if tables.boxes > MAX_BOXES or tables.compressed:
            break
        if name in _TABLES:
            file.seek(start)
            _note(tables, name, file.read(min(size, TABLE_HEAD_BYTES)))
    _end_track(tables)
    return tables


def _boxes(file: Readable, length: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields the name of each box, and the offset and length of its body; parents before children."""
    levels = [(0, length)]
    while levels:
        at, end = levels.pop()
        if at + 8 > end:
            continue
        file.seek(at)
        head = file.read(16)
        size, name, header = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        if size < header:  # 0 means up to the end; anything else is broken, and there is no next one
            size = end - at
        box_end = min(at + size, end)
        levels.append((box_end, end))
        yield name, at + header, max(0, box_end - at - header)
        if name in _PARENTS:
            levels.append((at + header, box_end))


def _note(tables: Tables, name: bytes, body: bytes) -> None:
    track = tables.track
    count = _number(body, _COUNT_AT.get(name, 0))
    if name == b"cmov":
        tables.compressed = True
    elif name == b"trak":
        _end_track(tables)
    elif name == b"mdhd":
        track.timescale = _number(body, 20 if body[:1] == b"\1" else 12) or 1
    elif name == b"trun":
        tables.fragments += count
        tables.longest = max(tables.longest, tables.fragments)
    elif name in (b"stsz", b"stz2"):
        track.samples = count
    elif name == b"elst":
        tables.edits = max(tables.edits, count)
        tables.edited |= count > 1
        track.begins = _media_time(body) if count else 0
    else:
        if name == b"stts" and count == 1:
            track.ticks_a_sample = _number(body, 12)
        tables.longest = max(tables.longest, count)


def _end_track(tables: Tables) -> None:
    track = tables.track
    if track.ticks_a_sample != 1:
        tables.longest = max(tables.longest, track.samples)
    tables.edited |= not 0 <= track.begins <= NOTICED_SECONDS * track.timescale
    tables.track = _Track()


def _media_time(body: bytes) -> int:
    """The start of the first edit, in ticks."""
    at, size = (16, 8) if body[:1] == b"\1" else (12, 4)
    return int.from_bytes(body[at : at + size], "big", signed=True)


def _number(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 4], "big")
