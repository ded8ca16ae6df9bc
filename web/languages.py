"""What people are told, in their language: the catalogues in web/static/languages/, one per language.

Each has two parts: `page` is what the page says (`base/sentences.js` reads it), `problems` what the API says. Both are
in ICU's MessageFormat, so plurals follow CLDR. A request's language is the best of its `Accept-Language`, else English.
"""

import json
from functools import cache, lru_cache
from typing import NamedTuple

from flask import has_request_context, request
from icu4py.locale import Locale
from icu4py.messageformat import MessageFormat
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from chat.errors import Value
from web.built import STATIC

FOLDER = STATIC / "languages"
ENGLISH = "en"
MAX_HEADER = 200  # characters of Accept-Language that are read; browsers send less
MAX_HEADERS_KEPT = 1_000  # whose language is remembered: parsing one costs more than what is told


class Language(NamedTuple):
    """A language, and the sentences of problems in it."""

    tag: str
    sentences: dict[str, str]

    def say(self, key: str, **values: Value) -> str:
        """The sentence with this key, with its placeholders filled. Raises KeyError if there is none."""
        return _pattern(self.tag, self.sentences[key]).format({**values})


@cache
def languages() -> dict[str, Language]:
    """All languages there are by tag, read once."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    return {tag: Language(tag, catalogue["problems"]) for tag, catalogue in found.items()}


def english() -> Language:
    return languages()[ENGLISH]


def current() -> Language:
    """The language of whoever sent the current request; outside of one, English."""
    header = request.headers.get("Accept-Language", "") if has_request_context() else ""
    return languages()[_best(header[:MAX_HEADER])]


@lru_cache(maxsize=MAX_HEADERS_KEPT)
def _best(header: str) -> str:
    """The tag of the language to tell things in. As the page chooses its own: the first of which there is a kind.

    Werkzeug's `best_match` prefers a language of less quality whose whole tag it has.
    """
    for tag, quality in parse_accept_header(header, LanguageAccept):
        primary = tag.lower().partition("-")[0]
        if quality > 0 and primary in languages():
            return primary
    return ENGLISH


@cache
def _pattern(tag: str, sentence: str) -> MessageFormat:
    """A sentence as ICU compiled it. There are as many as the catalogues have."""
    return MessageFormat(sentence, Locale(tag))
