"""The words of a text, as search compares them: without case, accents and what only the way of writing differs in.

Words end where Unicode's text segmentation (UAX 29) ends them. Scripts that put no blanks between words are cut twice:
into grapheme clusters, since what somebody looks for may be part of a word that a dictionary knows as one, and into
words by ICU's dictionaries, so that whole words can come first.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import regex
from anyascii import anyascii
from icu4py.breakers import WordBreaker

from chat.text import characters


class Part(NamedTuple):
    """A stretch of a text.

    `row` has its words as they follow one another; `also` what else finds it. Where it was written in another way than
    `row`, as `+49 170 1234567` for 491701234567, `same` is what stands for all of it.
    """

    row: tuple[str, ...]
    also: tuple[str, ...] = ()
    same: str = ""
    spaceless: bool = False


# Letters that people type for one another: the Arabic ones of Lucene's ArabicNormalizer and PersianNormalizer.
_ARABIC = {
    **dict.fromkeys("\u06a9\u06aa", "\u0643"),  # kaf
    **dict.fromkeys("\u06cc\u0649\u06d2", "\u064a"),  # ya
    **dict.fromkeys("\u0629\u06c1\u06d5\u06be", "\u0647"),  # ha
    "\u0671": "\u0627",  # alef
}
_APOSTROPHES = str.maketrans(
    dict.fromkeys("'\u2019\u2018\u201b\u02bc\u02bb\u02b9\u02bd\u02c8\u2032\u00b4`\uff07\ua78c\u055a\u05f3\u05f4", "'")
)
_TATWEEL = "\u0640"
_LATIN = regex.compile(r"\p{Latin}")
_SKIN_TONE = regex.compile(r"\p{Emoji_Modifier}")
# Combining classes of marks that people leave out: nuktas, Hebrew and Arabic points, Syriac ones, accents.
_LEFT_OUT = {7, *range(10, 37), *range(202, 241)}

_SPACELESS = (
    r"[[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}"
    r"\p{Tai_Tham}\u30fc]&&[\p{L}\p{M}\p{Nl}]]"
)
_LETTER = rf"[[\p{{L}}\p{{N}}\p{{M}}]--{_SPACELESS}]"
_PHONE = r"\+?\(?[0-9](?:[ ().\-/\u00a0]{0,2}[0-9]){6,14}(?![0-9])"
_PARTS = regex.compile(
    rf"""(?V1)(?P<phone>(?<![\p{{L}}\p{{N}}.,:]){_PHONE}(?![\p{{L}}\p{{N}}]|[.,:]\p{{N}}))
    |(?P<number>[0-9]+(?:[.,:][0-9]+)+)
    |(?P<emoji>\p{{RI}}\p{{RI}}|\p{{Extended_Pictographic}})
    |(?P<run>(?:{_SPACELESS}\p{{M}}*)+)
    |(?P<prefix>[\p{{L}}\p{{M}}]+)(?=[0-9]+[.,:][0-9])
    |(?P<word>{_LETTER}+(?:'{_LETTER}+)*)""",
    regex.VERBOSE,
)
# Symbols make another word of the one they stand at (c++, $5, 100%), except a plus before a number.
_SYMBOL = r"[[\p{S}#%]--\p{Extended_Pictographic}]"
_BESIDE = regex.compile(r"(?V1)[[\p{L}\p{N}\p{M}\p{S}#%]--\p{Extended_Pictographic}]+")
_MEANT = regex.compile(rf"(?V1){_SYMBOL}(?<!\+(?=[0-9]))")
_CLUSTER = regex.compile(r"\X")
_GROUPED = regex.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*")
_DIGITS = regex.compile(r"[0-9]+")


def fold(text: str) -> str:
    """The text as it is compared: NFKD and case folded, without ignorable characters and what people leave out."""
    plain = text.translate(_APOSTROPHES).casefold()  # before NFKD, which makes a blank of some
    if plain.isascii():
        return plain
    decomposed = unicodedata.normalize("NFKD", characters.without_ignorables(plain))
    return "".join(map(_fold, decomposed)).casefold()


def parts(text: str) -> Iterator[Part]:
    """The parts of a text, in order."""
    folded = fold(text)
    for match in _PARTS.finditer(folded):
        kind, found = str(match.lastgroup), match.group()
        if kind == "phone":
            yield _phone(found)
        elif kind == "number":
            yield _number(found)
        elif kind == "run":
            yield _run(found)
        elif "'" in found:
            yield Part((found.replace("'", ""),), tuple(found.split("'")))
        else:
            yield Part((found,))


def with_symbols(text: str) -> Iterator[str]:
    """The words of a text that have symbols: c++, $5, 100%."""
    # Two patterns: one for both would look for a symbol from every letter of a long word to its end.
    for match in _BESIDE.finditer(fold(text)):
        if _MEANT.search(match.group()):
            yield match.group()


def _phone(found: str) -> Part:
    row = tuple(_DIGITS.findall(found))
    joined = "".join(row)
    return Part(row, (joined,) if len(row) > 1 else (), joined)


def _number(found: str) -> Part:
    same = "".join(_DIGITS.findall(found)) if _GROUPED.fullmatch(found) else ""
    also = (*_DIGITS.findall(found), same) if same else tuple(_DIGITS.findall(found))
    return Part((found,), also, same)


def _run(found: str) -> Part:
    clusters = tuple(_CLUSTER.findall(found))
    single = set(clusters)
    words = tuple(word for word in WordBreaker(found, "en") if word not in single)
    return Part(clusters, words, spaceless=True)


@lru_cache(maxsize=8_192)
def _fold(character: str) -> str:
    if character == _TATWEEL or unicodedata.combining(character) in _LEFT_OUT or _SKIN_TONE.match(character):
        return ""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if not character.isascii() and _LATIN.match(character):
        return anyascii(character) or character
    return _ARABIC.get(character, character)
