"""Turns text into search tokens that RediSearch takes literally, in the same way for messages and for queries.

Users' text never reaches RediSearch's query language or its tokenizer, since both give meaning to many characters.
`chat.text.words` says what the words are. Each token begins with a letter that is not part of the text: `w` before a
word of letters and digits (so that `the` is not a stop word), `d` before a word that a dictionary found in a script
without blanks, `x` before the hexadecimal UTF-8 of anything else (so that `c++` and `$5` are words, and a prefix of a
word is a prefix of its token).

The terms of a message are its words as they follow one another, so that words in a row can be searched for, and then
what else finds it.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import regex

from chat.text import words
from chat.text.words import Part

# What RediSearch takes as one word and, in an index of 16 bit letters, also searches by prefixes and errors.
_PLAIN = regex.compile(r"(?V1)[[\p{L}\p{M}\p{N}]&&[\u0000-\uffff]]+")
TOKEN_LIMIT = 40  # characters; the rest of a longer word is ignored
# How many different words of a message are indexed: some of any message, and more of longer ones, half of the words of
# a recording. Of English texts that is about every different word up to 1,500 characters, and two thirds of those in
# 4,000. A word that is new to the index takes 250 bytes of Redis, thirty times its size: without a limit, a message of
# made-up words takes 180 KB.
FREE_TERMS = 100
CHARACTERS_A_TERM = 40


class Asked(NamedTuple):
    """A part of a query: tokens that stand in a row, dictionary words among them, and what finds all of it as well."""

    row: tuple[str, ...]
    words: tuple[str, ...] = ()
    same: str = ""
    spaceless: bool = False


def fold(text: str) -> str:
    """The text without case, accents and Unicode compatibility differences."""
    return words.fold(text)


def query(text: str) -> list[Asked]:
    """The parts of a query, in order; a match must have them all."""
    asked = [_asked(part) for part in words.parts(text)]
    return [*asked, *(Asked((_token(word),)) for word in words.with_symbols(text))]


def tokens(text: str) -> Iterator[str]:
    """All tokens of a query, in order."""
    return chain.from_iterable(part.row for part in query(text))


def terms(text: str, limit: int | None = None) -> str:
    """The tokens that find a text, separated by spaces.

    Only the first `limit` different ones; by default as many as `FREE_TERMS` and the length of the text allow.
    """
    return " ".join(_within(_terms(text), FREE_TERMS + len(text) // CHARACTERS_A_TERM if limit is None else limit))


def of_message(document: Mapping[str, Any]) -> str:
    """The terms of a message: from its text and, for a voice message, its transcript. A deleted message has none."""
    if document.get("deletedAt"):
        return ""
    text, heard = document.get("text") or "", document.get("words") or []
    limit = FREE_TERMS + len(text) // CHARACTERS_A_TERM + len(heard) // 2
    found = list(_within(_terms(text), limit))
    known = set(found)
    spoken = _terms(" ".join(word["word"] for word in heard)) if heard else ()
    more = dict.fromkeys(token for token in spoken if token not in known)
    return " ".join([*found, *list(more)[: max(0, limit - len(known))]])


def is_one_letter(token: str) -> bool:
    """Whether the word is a single letter or digit. Too many words begin with it to search for those."""
    if not token.startswith("x"):
        return len(token) == 2
    word = bytes.fromhex(token[1:]).decode(errors="replace")
    return len(word) == 1 and word.isalnum()


def _terms(text: str) -> Iterator[str]:
    """The rows of a text one after the other, and then what else finds it."""
    found = list(words.parts(text))
    for part in found:
        yield from map(_token, part.row)
    for word in words.with_symbols(text):
        yield _token(word)
    for part in found:
        yield from (_token(word, "d" if part.spaceless else "w") for word in part.also)


def _within(found: Iterator[str], limit: int) -> Iterator[str]:
    """The tokens until they are more than `limit` different ones; after that, those that are among these."""
    known: set[str] = set()
    for token in found:
        if token not in known:
            if len(known) == limit:
                return
            known.add(token)
        yield token


def _asked(part: Part) -> Asked:
    row = tuple(map(_token, part.row))
    if part.spaceless:
        return Asked(row, tuple(_token(word, "d") for word in part.also), spaceless=True)
    return Asked(row, same=_token(part.same) if part.same else "")


def _token(word: str, kind: str = "w") -> str:
    word = word[:TOKEN_LIMIT]
    return f"{kind}{word}" if _PLAIN.fullmatch(word) else f"x{word.encode(errors='replace').hex()}"
