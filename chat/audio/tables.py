"""Guards the MP4 demuxer: it makes room for as many samples as a file's tables declare, before it reads one.

Two kilobytes can so ask for gigabytes. The tables are therefore counted here first, wherever they stand outside
the samples themselves.
"""

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

_COUNTED = re.compile(rb"stsz|stz2|trun|cmov")
_COUNT_AT = {b"stsz": 12, b"stz2": 12, b"trun": 8}  # where the count stands, from the beginning of the name
TOP_BOXES = 100_000  # far above what the longest recording in fragments has


def declares_too_much(path: Path, most_samples: int) -> bool:
    """Whether an MP4 file declares more samples, or has its tables compressed, or is cut in absurdly many pieces."""
    samples = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for number, (start, end) in enumerate(_without_samples(content)):
            if number > TOP_BOXES:
                return True
            for found in _COUNTED.finditer(content, start, end):
                name = found.group()
                if name == b"cmov":
                    return True
                at = found.start() + _COUNT_AT[name]
                samples += int.from_bytes(content[at : at + 4], "big")
                if samples > most_samples:
                    return True
    return False


def _without_samples(content: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Where each top-level box but `mdat` begins and ends."""
    at = 0
    while at + 8 <= len(content):
        size, name, header = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        if size == 0 or size < header:  # up to the end; a broken one is scanned whole
            size = len(content) - at
            name = name if size >= header else b""
        end = min(at + size, len(content))
        # The header itself is part of what is scanned, so that no name can hide in one.
        yield at, (at + header if name == b"mdat" else end)
        at = end
