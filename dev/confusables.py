"""Generates chat/text/confusables.txt from the data of ICU: `python -m dev.confusables`.

It needs PyICU (`pip install pyicu-wheels`), which is no requirement, since the file rarely changes. Raise `VERSION` in
chat/text/looks.py afterwards, so that the looks of existing names are made anew.
"""

import sys
from importlib import import_module
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "chat" / "text" / "confusables.txt"
icu = import_module("icu")
SURROGATES = range(0xD800, 0xE000)
HEADER = """\
# Characters and what they look like: <code point>;<code points of the prototype>, hexadecimal.
#
# From the data of Unicode Technical Standard 39 (confusables.txt), Unicode {unicode}, in ICU {icu}: its skeleton of
# every character that has no canonical decomposition and is not a default ignorable, where that is another one.
# `dev/confusables.py` makes this file. Copyright 1991-2024 Unicode, Inc., under the Unicode License V3
# (https://www.unicode.org/license.txt).
"""


def rows() -> list[str]:
    """A line for each character that looks like another."""
    checker, nfd = icu.SpoofChecker(), icu.Normalizer2.getNFDInstance()
    found = []
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if code in SURROGATES or not nfd.isNormalized(character):
            continue
        prototype = checker.getSkeleton(0, character)
        if prototype not in ("", character):
            found.append(f"{code:04X};{' '.join(f'{ord(each):04X}' for each in prototype)}\n")
    return found


if __name__ == "__main__":
    FILE.write_text(HEADER.format(unicode=icu.UNICODE_VERSION, icu=icu.ICU_VERSION) + "".join(rows()))
