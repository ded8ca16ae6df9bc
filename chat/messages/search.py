"""Searches people's names and the user's own messages with RediSearch.

Every query is built from tokens made by `chat.store.search_terms`, so nothing a user types is read as query syntax.
A word matches exactly (which ranks highest), as a prefix, and, if it has at least four plain characters, with one
typing error. All words must match.
"""

from typing import Any, NamedTuple

import orjson
from redis import ResponseError

from chat.store import hot, keys, search_terms
from chat.store.connection import Stores
from chat.wire import StoredMessage, Word

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_OFFSET = 10_000
MAX_TOKENS = 16  # further words of a query are ignored
FUZZY_FROM = 4  # only tokens longer than this, their first letter included, match with an error
_EXACT_WEIGHT = 4
_TIMEOUT_MS = 1_000

Hit = dict[str, Any]


class _Page(NamedTuple):
    total: int
    documents: list[dict[str, Any]]


def search(stores: Stores, user_id: str, text: str, limit: int, offset: int) -> list[Hit]:
    """Returns people first, then the user's own messages, each best match first. A text without words finds nothing."""
    tokens = list(dict.fromkeys(search_terms.tokens(text)))[:MAX_TOKENS]
    if not tokens:
        return []
    words = " ".join(_clause(token) for token in tokens)
    people = _run(stores, keys.USER_INDEX, words, offset, limit)
    hits = [_person_hit(document) for document in people.documents]
    if len(hits) < limit:
        own = f"(@senderId:{{{user_id}}} | @receiverId:{{{user_id}}}) {words}"
        start = max(0, offset - people.total)
        chats = _run(stores, keys.MESSAGE_INDEX, own, start, limit - len(hits))
        hits += [_chat_hit(hot.load_message(document), user_id, tokens) for document in chats.documents]
    return hits


def _clause(token: str) -> str:
    """The part of a query for one word. Tokens contain only `a-z0-9`, so there is nothing to escape."""
    forms = [f"(@terms_fts:{token}) => {{ $weight: {_EXACT_WEIGHT}; }}", f"@terms_fts:{token}*"]
    if token.startswith("w") and len(token) > FUZZY_FROM:
        forms.append(f"@terms_fts:%{token}%")
    return f"({' | '.join(forms)})"


def _run(stores: Stores, index: str, query: str, offset: int, limit: int) -> _Page:
    arguments = ["VERBATIM", "LIMIT", offset, limit, "TIMEOUT", _TIMEOUT_MS, "DIALECT", 2, "RETURN", 1, "$"]
    answer = stores.redis.execute_command("FT.SEARCH", index, query, *arguments)
    found = [row[b"extra_attributes"].get(b"$") for row in answer[b"results"]]
    return _Page(answer[b"total_results"], [orjson.loads(raw) for raw in found if raw is not None])


def _person_hit(user: dict[str, Any]) -> Hit:
    return {
        "type": "user",
        "_id": user["pk"],
        "text": user["username"],
        "partnerId": user["pk"],
        "dateSent": None,
        "audioFileId": None,
    }


def _chat_hit(message: StoredMessage, user_id: str, tokens: list[str]) -> Hit:
    partner = message["receiverId"] if message["senderId"] == user_id else message["senderId"]
    hit: Hit = {
        "type": "chat",
        "_id": message["_id"],
        "text": message["text"],
        "partnerId": partner,
        "dateSent": message["dateSent"],
        "audioFileId": message.get("audioFileId"),
    }
    if words := _heard(message, tokens):
        hit["words"] = words
    return hit


def _heard(message: StoredMessage, tokens: list[str]) -> list[Word]:
    """The matching words of a voice message, with their times, so that a client can jump to them."""
    return [
        word
        for word in message.get("words") or []
        if any(
            said.startswith(token) or _one_error(said, token)
            for said in search_terms.tokens(word["word"])
            for token in tokens
        )
    ]


def _one_error(one: str, other: str) -> bool:
    """Whether two tokens are a single insertion, deletion or substitution apart."""
    if len(other) <= FUZZY_FROM or not other.startswith("w") or abs(len(one) - len(other)) > 1:
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
