"""Turns text into search tokens that RediSearch takes literally, in the same way for messages and for queries.

Users' text never reaches RediSearch's query language or its tokenizer, since both give meaning to many characters.
Case and accents are ignored. Each token begins with a letter that is not part of the text: `w` before a plain word (so
that `the` is not a stop word), `x` before the hexadecimal UTF-8 of anything else (so that `c++` and `$5` are words, and
a prefix of a word is a prefix of its token). In scripts written without spaces, each character is a token.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"[a-z0-9]+\Z")
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3100-\u312f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_WORD = re.compile(r"[^\W_]+")
_SENTENCE_MARKS = ".,;:!?¿¡…'\"`´‘’“”„«»‹›()[]{}<>*_~-–—/\\|、。，．！？：；（）「」『』"
TOKEN_LIMIT = 40  # characters; the rest of a longer word is ignored
# How many different words of a message are indexed: some of any message, and more of longer ones, half of the words of
# a recording. Of English texts that is about every different word up to 1,500 characters, and two thirds of those in
# 4,000. A word that is new to the index takes 250 bytes of Redis, thirty times its size: without a limit, a message of
# made-up words takes 180 KB.
FREE_TERMS = 100
CHARACTERS_A_TERM = 40


def fold(text: str) -> str:
    """The text without case, accents and Unicode compatibility differences."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def tokens(text: str) -> Iterator[str]:
    """The tokens of a query, in order; a match must have them all."""
    for chunk in fold(text).split():
        core = chunk.strip(_SENTENCE_MARKS)
        words = _words(core)
        if core and not _is_words(core):
            yield _token(core)
        else:
            yield from words


def terms(text: str, limit: int | None = None) -> str:
    """The tokens that find a text, separated by spaces: those of `tokens`, and the words inside mixed chunks.

    Only the first `limit` different ones; by default as many as `FREE_TERMS` and the length of the text allow.
    """
    limit = FREE_TERMS + len(text) // CHARACTERS_A_TERM if limit is None else limit
    found: dict[str, None] = {}
    for chunk in fold(text).split():
        core = chunk.strip(_SENTENCE_MARKS)
        found.update(dict.fromkeys(_words(core)))
        if core and not _is_words(core):
            found[_token(core)] = None
        if len(found) >= limit:
            break
    return " ".join(list(found)[:limit])


def of_message(document: Mapping[str, Any]) -> str:
    """The terms of a message: from its text and, for a voice message, its transcript. A deleted message has none."""
    if document.get("deletedAt"):
        return ""
    text, words = document.get("text") or "", document.get("words") or []
    limit = FREE_TERMS + len(text) // CHARACTERS_A_TERM + len(words) // 2
    return terms(f"{text} {' '.join(word['word'] for word in words)}", limit)


def is_one_letter(token: str) -> bool:
    """Whether the word is a single letter or digit. Too many words begin with it to search for those."""
    if token.startswith("w"):
        return len(token) == 2
    word = bytes.fromhex(token[1:]).decode(errors="replace")
    return len(word) == 1 and word.isalnum()


def _words(chunk: str) -> list[str]:
    found: list[str] = []
    for word in _WORD.findall(chunk):
        start = 0
        for match in _SPACELESS.finditer(word):
            if match.start() > start:
                found.append(_token(word[start : match.start()]))
            found.append(_token(match.group()))
            start = match.end()
        if start < len(word):
            found.append(_token(word[start:]))
    return found


def _is_words(chunk: str) -> bool:
    """Whether a chunk is just words joined by punctuation (`well-known`), unlike `c++` or `$5`."""
    return all(character.isalnum() or character in _SENTENCE_MARKS for character in chunk)


def _token(word: str) -> str:
    word = word[:TOKEN_LIMIT]
    return f"w{word}" if _PLAIN.match(word) else f"x{word.encode(errors='replace').hex()}"
