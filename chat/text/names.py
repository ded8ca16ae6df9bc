"""Which names people may have: those that others can see, tell apart and take for nobody else's.

What is refused follows Unicode Technical Standard 39: mixtures of scripts that have letters alike, digits of several
scripts, and piles of marks.
"""

import unicodedata
from functools import cache, lru_cache

import regex

from chat.text import characters, looks

DELETED_NAME = "Deleted account"
PRODUCT = "chattergram"

# Nobody may be called what people would take for the product or those who run it.
_RESERVED = (DELETED_NAME, "System", "Administrator", "Admin", "Moderator", "Support", "Security")

# The scripts in everyday use, by Unicode Standard Annex 31, table 5.
_RECOMMENDED = (
    *("Arab", "Armn", "Beng", "Bopo", "Cyrl", "Deva", "Ethi", "Geor", "Grek", "Gujr", "Guru", "Hang", "Hani", "Hebr"),
    *("Hira", "Kana", "Knda", "Khmr", "Laoo", "Latn", "Mlym", "Mymr", "Orya", "Sinh", "Taml", "Telu", "Thaa", "Thai"),
    *("Tibt",),
)
# Those for limited use, by table 7 of the same, and others with letters like those of Latin.
_LIMITED = (
    *("Adlm", "Aghb", "Bali", "Bamu", "Batk", "Cakm", "Cans", "Cari", "Cham", "Cher", "Copt", "Dsrt", "Goth", "Java"),
    *("Kali", "Lana", "Lepc", "Limb", "Lisu", "Lyci", "Lydi", "Mand", "Mong", "Mtei", "Newa", "Nkoo", "Olck", "Osge"),
    *("Osma", "Plrd", "Rohg", "Runr", "Saur", "Shaw", "Sund", "Sylo", "Syrc", "Tale", "Talu", "Tavt", "Tfng", "Vaii"),
    *("Wara", "Wcho", "Yiii"),
)
_SCRIPTS = {name: regex.compile(rf"\p{{scx={name}}}") for name in (*_RECOMMENDED, *_LIMITED)}
# What is written together: Japanese, Chinese and Korean, each with Latin letters.
_TOGETHER = ({"Latn", "Hani", "Hira", "Kana"}, {"Latn", "Hani", "Bopo"}, {"Latn", "Hani", "Hang"})
_LIKE_LATIN = {"Cyrl", "Grek", "Armn"}

_WORDS = regex.compile(r"[\p{L}\p{M}]+")
_COMMON = regex.compile(r"[\p{Common}\p{Inherited}]")
_BASE = regex.compile(r"[^\p{M}\p{Z}\p{C}]")
_PILED_MARKS = regex.compile(r"\p{Mn}{5,}|(\p{Mn})\1")


class Refused(ValueError):
    """A name nobody may have; `sentence` is the key of the reason among those of problems."""

    @property
    def sentence(self) -> str:
        return str(self)


def clean(name: str) -> str:
    """The name in Unicode's composed form, with single blanks and none around it."""
    return unicodedata.normalize("NFC", characters.with_single_blanks(name))


def check(name: str) -> None:
    """Raises Refused unless somebody may have this name, which is `clean`."""
    if characters.stray(name):
        raise Refused("username_invisible_characters")
    if characters.is_blank(name) or not _BASE.search(unicodedata.normalize("NFKD", name)):
        raise Refused("username_not_visible")
    if name in (".", ".."):  # browsers remove these segments from paths, however they are escaped
        raise Refused("username_dots")
    if _PILED_MARKS.search(unicodedata.normalize("NFD", name)):
        raise Refused("username_piled_marks")
    if not all(_may_stand_together(word) for word in _WORDS.findall(name)) or _has_mixed_digits(name):
        raise Refused("username_mixed_scripts")
    if is_reserved(name):
        raise Refused("username_reserved")


def is_reserved(name: str) -> bool:
    """Whether the name looks like the product's own, or like those of the people who run it."""
    for key in looks.keys(name):
        letters = _letters(key)
        if letters in _reserved() or any(product in letters for product in _product()):
            return True
    return False


@cache
def _reserved() -> frozenset[str]:
    return frozenset(_letters(key) for name in _RESERVED for form in _forms(name) for key in looks.keys(form))


@cache
def _product() -> frozenset[str]:
    return frozenset(_letters(key) for form in _forms(PRODUCT) for key in looks.keys(form))


def _forms(name: str) -> set[str]:
    """As it is written, and in capital letters, which look like others than small ones do."""
    return {name, name.upper()}


def _letters(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFD", text) if each.isalnum())


def _may_stand_together(word: str) -> bool:
    """Whether the letters of a word are of one script, or of scripts that are written together.

    That is UTS 39's level "moderately restrictive", except that Armenian does not mix with Latin either.
    """
    sets = [scripts for scripts in map(_scripts, word) if scripts]
    if not sets or frozenset.intersection(*sets):
        return True
    if any(all(scripts & together for scripts in sets) for together in _TOGETHER):
        return True
    others = set(_RECOMMENDED) - _LIKE_LATIN - {"Latn"}
    return any(all(scripts & {"Latn", other} for scripts in sets) for other in others)


@lru_cache(maxsize=4_096)
def _scripts(character: str) -> frozenset[str]:
    """The scripts a letter is used in; none for a letter of all."""
    found = frozenset(name for name, pattern in _SCRIPTS.items() if pattern.match(character))
    if found or _COMMON.match(character):
        return found
    return frozenset({"other"})


def _has_mixed_digits(name: str) -> bool:
    zeros = {ord(each) - unicodedata.decimal(each) for each in name if unicodedata.decimal(each, None) is not None}
    return len(zeros) > 1
