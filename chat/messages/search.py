"""Searches people's names and the user's own messages with RediSearch.

Every query is built from tokens made by `chat.store.search_terms`, so nothing a user types is read as query syntax.
All words must match. A word matches exactly; the last one also as a prefix, since it may not be complete yet; and words
that begin with four letters also with one typing error. What is searched for in a script without blanks must stand in a
row.

The best matches come first, in ranks: the words in a row as they were typed, all words exactly, then the last one as a
prefix, then with errors. Of a rank the newest message is first.

Messages are searched in the partitions of the person's own conversations, one after the other, and merged by their ids.

Redis serves nobody else while it searches, so a search must be short. What makes it long are prefixes and errors, for
which it looks through the words of all people: so a prefix has at least two letters, only the longest
`FUZZY_WORDS` may have errors, numbers may not, and after `TIMEOUT_MS` for all ranks together Redis gives up.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson
from redis import ResponseError

from chat import ids
from chat.errors import Invalid
from chat.store import hot, keys, partitions, search_terms
from chat.store.connection import Stores
from chat.store.search_terms import Asked
from chat.wire import StoredMessage, Word

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_OFFSET = 10_000
MAX_TOKENS = 16  # different words of a query; what follows them is ignored
MAX_LENGTH = 64  # words of a query in all, repeated ones included: "a a a …" 2,000 times took Redis 100 ms
FUZZY_FROM = 4  # only tokens longer than this, their first letter included, match with an error
FUZZY_WORDS = 4
TIMEOUT_MS = 100
_NEWEST_FIRST = ("SORTBY", "pk", "DESC")

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


class _Part(NamedTuple):
    """A part of a query with its words; `asked` says how they belong together."""

    words: list[_Word]
    asked: Asked


class _Page(NamedTuple):
    total: int
    documents: list[dict[str, Any]]


Find = Callable[[Stores, str, int, int], _Page]
"""Runs a query and returns a page of its hits, by offset and limit. Raises Invalid if it takes too long."""


def search(
    stores: Stores, user_id: str, text: str, limit: int, offset: int, partner_id: str | None = None
) -> list[Hit]:
    """Returns people first, then the user's own messages, each best match first. A text without words finds nothing.

    With a partner, it returns only messages of the conversation with them.

    Raises:
        Invalid: the search takes too long; with longer or rarer words it would not. Or the partner is no person's id.
    """
    if partner_id is not None and not ids.is_id(partner_id):
        raise Invalid("partnerId", "not_a_person_id")
    parts = _parts(text)
    if not parts:
        return []
    ranks, until = _ranks(parts), time.monotonic() + TIMEOUT_MS / 1_000
    words = [word for part in parts for word in part.words]
    if partner_id is not None:
        one, other = (f"@senderId:{{{a}}} @receiverId:{{{b}}}" for a, b in _both_ways(user_id, partner_id))
        within = [f"(({one}) | ({other})) {rank}" for rank in ranks]
        theirs = _messages([partitions.of_people(stores, user_id, partner_id)], until)
        return _chat_hits(user_id, words, _ranked(stores, theirs, within, offset, limit))
    people = _ranked(stores, _people(until), ranks, offset, limit)
    hits = [_person_hit(document) for document in people.documents]
    if len(hits) < limit:
        own = [f"(@senderId:{{{user_id}}} | @receiverId:{{{user_id}}}) {rank}" for rank in ranks]
        start = max(0, offset - people.total)
        found = _ranked(stores, _messages(_own(stores, user_id), until), own, start, limit - len(hits))
        hits += _chat_hits(user_id, words, found)
    return hits


def _own(stores: Stores, user_id: str) -> list[int]:
    """The partitions of somebody's conversations."""
    partners = stores.redis.zrange(keys.conversations_key(user_id), 0, -1)
    return sorted({partitions.of_people(stores, user_id, partner.decode()) for partner in partners})


def _both_ways(one: str, other: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (one, other), (other, one)


def _chat_hits(user_id: str, words: list[_Word], page: _Page) -> list[Hit]:
    return [_chat_hit(hot.load_message(document), user_id, words) for document in page.documents]


def _parts(text: str) -> list[_Part]:
    asked = _first(search_terms.query(text))
    tokens = [token for part in asked for token in part.row]
    fuzzy = sorted(
        {token for part in asked if not part.spaceless for token in part.row if _may_have_errors(token)},
        key=lambda token: (-len(token), token),
    )[:FUZZY_WORDS]
    last = tokens[-1] if tokens and not search_terms.is_one_letter(tokens[-1]) else ""
    return [_Part([_Word(token, token == last, token in fuzzy) for token in part.row], part) for part in asked]


def _first(asked: list[Asked]) -> list[Asked]:
    """The parts until they have more than `MAX_TOKENS` different tokens or `MAX_LENGTH` in all."""
    known: set[str] = set()
    found: list[Asked] = []
    length = 0
    for part in asked:
        row = part.row
        for end, token in enumerate(row):
            if length == MAX_LENGTH or (token not in known and len(known) == MAX_TOKENS):
                cut = row[:end]
                return [*found, Asked(cut, spaceless=part.spaceless)] if cut else found
            known.add(token)
            length += 1
        found.append(part)
    return found


def _may_have_errors(token: str) -> bool:
    """Whether it is a word, perhaps with digits after it, rather than a number: with an error, that is another one."""
    return token.startswith("w") and len(token) > FUZZY_FROM and not any(map(str.isdecimal, token[1 : FUZZY_FROM + 1]))


def _ranks(parts: list[_Part]) -> list[str]:
    """The queries of all ranks, the best first; each finds all that those before it find.

    Tokens contain only letters, marks and digits, so there is nothing to escape.
    """
    row = " ".join(word.token for part in parts for word in part.words if not word.token.startswith("x"))
    symbols = [word.token for part in parts for word in part.words if word.token.startswith("x")]
    known = [word for part in parts for word in part.asked.words]
    best = " ".join([f'@terms_fts:"{row}"'] * bool(row) + [f"@terms_fts:{token}" for token in (*symbols, *known)])
    plain = [_Part([word._replace(prefix=False, fuzzy=False) for word in part.words], part.asked) for part in parts]
    complete = [_Part([word._replace(fuzzy=False) for word in part.words], part.asked) for part in parts]
    found = [best, *(" ".join(map(_clause, each)) for each in (plain, complete, parts))]
    return [f"({rank})" for rank in dict.fromkeys(found)]


def _clause(part: _Part) -> str:
    """The part of a query for one part of what was typed."""
    if part.asked.spaceless:
        row = " ".join(f"{word.token}*" if word.prefix else word.token for word in part.words)
        return f"(@terms_fts:({row}) => {{ $slop: 0; $inorder: true; }})"
    clause = " ".join(f"({' | '.join(_forms(word))})" for word in part.words)
    return f"(({clause}) | @terms_fts:{part.asked.same})" if part.asked.same else clause


def _forms(word: _Word) -> list[str]:
    forms = [f"@terms_fts:{word.token}"]
    if word.prefix:
        forms.append(f"@terms_fts:{word.token}*")
    if word.fuzzy:
        forms.append(f"@terms_fts:%{word.token}%")
    return forms


def _ranked(stores: Stores, find: Find, ranks: list[str], offset: int, limit: int) -> _Page:
    """A page of what all ranks find. Its total counts all hits only if the page is not full."""
    total, documents, before = 0, list[dict[str, Any]](), ""
    for rank in ranks:
        query = f"{rank} -({before})" if before else rank
        page = find(stores, query, max(0, offset - total), limit - len(documents))
        total, documents, before = total + page.total, documents + page.documents, rank
        if len(documents) == limit:
            break
    return _Page(total, documents)


def _people(until: float) -> Find:
    """Finds people, in no particular order."""

    def find(stores: Stores, query: str, offset: int, limit: int) -> _Page:
        answer = _run(stores, keys.USER_INDEX, query, until, "LIMIT", offset, limit, "RETURN", 1, "$")
        found = [row[b"extra_attributes"].get(b"$") for row in answer[b"results"]]
        return _Page(answer[b"total_results"], [orjson.loads(raw) for raw in found if raw is not None])

    return find


def _messages(of: Iterable[int], until: float) -> Find:
    """Finds messages of these partitions, the newest first. Their ids alone decide which are read."""

    def find(stores: Stores, query: str, offset: int, limit: int) -> _Page:
        total, names = 0, list[str]()
        for partition in of:
            page = ("LIMIT", 0, offset + limit, *_NEWEST_FIRST, "NOCONTENT")
            answer = _run(stores, keys.message_index(partition), query, until, *page)
            total += answer[b"total_results"]
            names += [row[b"id"].decode() for row in answer[b"results"]]
        names.sort(key=lambda name: keys.named(name).name, reverse=True)
        found = hot.read_json(stores.redis, names[offset : offset + limit])
        return _Page(total, [document for document in found if document is not None])

    return find


def _run(stores: Stores, index: str, query: str, until: float, *options: str | int) -> dict[bytes, Any]:
    left_ms = max(1, round((until - time.monotonic()) * 1_000))
    arguments = ("VERBATIM", *options, "TIMEOUT", left_ms, "DIALECT", 2)
    try:
        answer: dict[bytes, Any] = stores.redis.execute_command("FT.SEARCH", index, query, *arguments)
    except ResponseError as error:
        if not _says_timeout(str(error)):
            raise
        raise _too_broad() from None
    if any(_says_timeout(str(warning)) for warning in answer.get(b"warning", ())):
        raise _too_broad()  # a Redis that was not configured by us responds with what it has found so far
    return answer


def _says_timeout(text: str) -> bool:
    return "timeout" in text.lower()


def _too_broad() -> Invalid:
    return Invalid("q", "too_broad")


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
    return not hot.missing(stores)
