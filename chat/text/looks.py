"""Which texts look alike: the skeletons of Unicode Technical Standard 39, section 4."""

import unicodedata
from functools import cache
from pathlib import Path

from chat.text import characters

DATA = Path(__file__).with_name("confusables.txt")
# Grows with every change to what `keys` returns, data included, so that those of existing names are made anew.
VERSION = 1


def skeleton(text: str) -> str:
    """A text that is the same for all texts that look like this one, and not meant to be read."""
    shapes = _shapes()
    plain = characters.without_ignorables(unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFD", "".join(shapes.get(character, character) for character in plain))


def keys(name: str) -> list[str]:
    """What two names must not have in common: how each looks, as it is written and in small letters.

    So `paypaI` with a capital i is `paypal`, and `PAYPAL` is `paypal` as well.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return sorted({_fold(skeleton(name)), _fold(skeleton(folded))})


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.casefold().split()))


@cache
def _shapes() -> dict[str, str]:
    """The prototype of each character that looks like another."""
    rows = (line.split(";") for line in DATA.read_text().splitlines() if line and not line.startswith("#"))
    return {chr(int(one, 16)): "".join(chr(int(each, 16)) for each in other.split()) for one, other in rows}
