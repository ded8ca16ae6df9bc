"""Searches people's names and the user's own messages with RediSearch.

Every query is built from tokens made by `chat.store.search_terms`, so nothing a user types is read as query syntax.
All words must match. A word matches exactly, which ranks highest; the last one also as a prefix, since it may not be
complete yet; and words of at least four plain characters also with one typing error.

Redis serves nobody else while it searches, so a search must be short. What makes it long are prefixes and errors, for
which it looks through the words of all people: so a prefix has at least two letters, only the longest
`FUZZY_WORDS` may have errors, numbers may not, and after `TIMEOUT_MS` Redis gives up.
"""

from typing import Any, NamedTuple

import orjson
from redis import ResponseError

from chat import ids
from chat.errors import Invalid
from chat.store import hot, keys, search_terms
from chat.store.connection import Stores
from chat.wire import StoredMessage, Word

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_OFFSET = 10_000
MAX_TOKENS = 16  # further words of a query are ignored
FUZZY_FROM = 4  # only tokens longer than this, their first letter included, match with an error
FUZZY_WORDS = 4
TIMEOUT_MS = 100
_EXACT_WEIGHT = 4

Hit = dict[str, Any]


class _Word(NamedTuple):
    """A token of a query, and how else than exactly it matches."""

    token: str
    prefix: bool
    fuzzy: bool

    def matches(self, said: str) -> bool:
        if self.token == said or (self.prefix and said.startswith(self.token)):
            return True
        return self.fuzzy and _one_error(said, self.token)


class _Page(NamedTuple):
    total: int
    documents: list[dict[str, Any]]


def search(
    stores: Stores, user_id: str, text: str, limit: int, offset: int, partner_id: str | None = None
) -> list[Hit]:
    """Returns people first, then the user's own messages, each best match first. A text without words finds nothing.

    With a partner, it returns only messages of the conversation with them.

    Raises:
        Invalid: the search takes too long; with longer or rarer words it would not. Or the partner is no person's id.
    """
    if partner_id is not None and not ids.is_id(partner_id):
        raise Invalid("partnerId", "That is not a person's id.")
    words = _words(text)
    if not words:
        return []
    clauses = " ".join(_clause(word) for word in words)
    if partner_id is not None:
        one, other = (f"@senderId:{{{a}}} @receiverId:{{{b}}}" for a, b in _both_ways(user_id, partner_id))
        return _chat_hits(stores, user_id, words, f"(({one}) | ({other})) {clauses}", (offset, limit))
    people = _run(stores, keys.USER_INDEX, clauses, offset, limit)
    hits = [_person_hit(document) for document in people.documents]
    if len(hits) < limit:
        own = f"(@senderId:{{{user_id}}} | @receiverId:{{{user_id}}}) {clauses}"
        hits += _chat_hits(stores, user_id, words, own, (max(0, offset - people.total), limit - len(hits)))
    return hits


def _both_ways(one: str, other: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (one, other), (other, one)


def _chat_hits(stores: Stores, user_id: str, words: list[_Word], query: str, page: tuple[int, int]) -> list[Hit]:
    chats = _run(stores, keys.MESSAGE_INDEX, query, *page)
    return [_chat_hit(hot.load_message(document), user_id, words) for document in chats.documents]


def _words(text: str) -> list[_Word]:
    found = list(search_terms.tokens(text))
    tokens = list(dict.fromkeys(found))[:MAX_TOKENS]
    fuzzy = sorted(filter(_may_have_errors, tokens), key=len, reverse=True)[:FUZZY_WORDS]
    last = found[-1] if found and not search_terms.is_one_letter(found[-1]) else ""
    return [_Word(token, token == last, token in fuzzy) for token in tokens]


def _may_have_errors(token: str) -> bool:
    return token.startswith("w") and not token[1:].isdigit() and len(token) > FUZZY_FROM


def _clause(word: _Word) -> str:
    """The part of a query for one word. Tokens contain only `a-z0-9`, so there is nothing to escape."""
    forms = [f"(@terms_fts:{word.token}) => {{ $weight: {_EXACT_WEIGHT}; }}"]
    if word.prefix:
        forms.append(f"@terms_fts:{word.token}*")
    if word.fuzzy:
        forms.append(f"@terms_fts:%{word.token}%")
    return f"({' | '.join(forms)})"


def _run(stores: Stores, index: str, query: str, offset: int, limit: int) -> _Page:
    arguments = ["VERBATIM", "LIMIT", offset, limit, "TIMEOUT", TIMEOUT_MS, "DIALECT", 2, "RETURN", 1, "$"]
    try:
        answer = stores.redis.execute_command("FT.SEARCH", index, query, *arguments)
    except ResponseError as error:
        if not _says_timeout(str(error)):
            raise
        raise _too_broad() from None
    if any(_says_timeout(str(warning)) for warning in answer.get(b"warning", ())):
        raise _too_broad()  # a Redis that was not configured by us responds with what it has found so far
    found = [row[b"extra_attributes"].get(b"$") for row in answer[b"results"]]
    return _Page(answer[b"total_results"], [orjson.loads(raw) for raw in found if raw is not None])


def _says_timeout(text: str) -> bool:
    return "timeout" in text.lower()


def _too_broad() -> Invalid:
    return Invalid("q", "That search is too broad (too_broad). Give fewer, longer or rarer words.")


def _person_hit(user: dict[str, Any]) -> Hit:
    return {
        "type": "user",
        "_id": user["pk"],
        "text": user["username"],
        "partnerId": user["pk"],
        "dateSent": None,
        "audioFileId": None,
    }


def _chat_hit(message: StoredMessage, user_id: str, query: list[_Word]) -> Hit:
    partner = message["receiverId"] if message["senderId"] == user_id else message["senderId"]
    hit: Hit = {
        "type": "chat",
        "_id": message["_id"],
        "text": message["text"],
        "partnerId": partner,
        "dateSent": message["dateSent"],
        "audioFileId": message.get("audioFileId"),
    }
    if words := _heard(message, query):
        hit["words"] = words
    return hit


def _heard(message: StoredMessage, query: list[_Word]) -> list[Word]:
    """The matching words of a voice message, with their times, so that a client can jump to them."""
    return [
        word
        for word in message.get("words") or []
        if any(asked.matches(said) for said in search_terms.tokens(word["word"]) for asked in query)
    ]


def _one_error(one: str, other: str) -> bool:
    """Whether two tokens are a single insertion, deletion or substitution apart."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, other_rest = one[start:], other[start:]
    return rest[1:] == other_rest[1:] or rest[1:] == other_rest or rest == other_rest[1:]


def ready(stores: Stores) -> bool:
    """Whether the search indexes exist."""
    try:
        stores.redis.execute_command("FT.INFO", keys.MESSAGE_INDEX)
    except ResponseError:
        return False
    return True
