"""Rebuilds the search terms and indexes, for when the way terms are made has changed or an index is broken."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from redis import Redis

from chat.store import hot, keys, search_terms
from chat.store.connection import Stores
from chat.store.prepare import prepare
from chat.store.scripts import execute
from chat.upkeep.runs import Progress, ignore

PAGE = 200
INDEXING_SECONDS = 600.0
PAUSE_SECONDS = 0.1
JSON_TYPE = "ReJSON-RL"

Terms = Callable[[dict[str, Any]], str]


def _of_user(user: dict[str, Any]) -> str:
    return search_terms.terms(user["username"])


_KINDS: tuple[tuple[str, Terms], ...] = (
    (keys.user_key("*"), _of_user),
    (keys.EVERY_MESSAGE, search_terms.of_message),
)


def reindex(stores: Stores, on_progress: Progress = ignore) -> int:
    """Recomputes the terms of all people and messages in Redis, then rebuilds all indexes.

    Until it is done, search returns partial results; everything else works as usual. Safe to repeat. Returns the number
    of people and messages whose terms changed.

    Raises:
        TimeoutError: RediSearch is still indexing after ten minutes; it continues on its own.
    """
    changed = 0
    for pattern, terms in _KINDS:
        for page in _pages(stores, pattern):
            changed += _reterm(stores, page, terms)
            on_progress(len(page))
    indexes = [index.name for index in hot.indexes(stores)]
    for index in indexes:
        hot.drop_index(stores.redis, index)
    prepare(stores)
    for index in indexes:
        _wait(stores.redis, index)
    return changed


def _pages(stores: Stores, pattern: str) -> Iterator[list[str]]:
    page: list[str] = []
    for key in stores.redis.scan_iter(match=pattern, count=PAGE, _type=JSON_TYPE):
        page.append(key.decode())
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _reterm(stores: Stores, names: list[str], terms: Terms) -> int:
    rows = [
        (key, found.get("terms", ""), terms(found))
        for key, found in zip(names, hot.read_json(stores.redis, names), strict=True)
        if found is not None
    ]
    stale = [(key, before, now) for key, before, now in rows if before != now]
    if not stale:
        return 0
    # Quotes are enough to make JSON of terms, since they consist of letters, digits and spaces.
    with stores.redis.pipeline(transaction=False) as pipe:
        for key, before, now in stale:
            stores.scripts.replace_terms(keys=[key], args=[f'"{before}"', f'"{now}"'], client=pipe)
        return sum(execute(pipe))


def _wait(redis: Redis, index: str) -> None:
    until = time.monotonic() + INDEXING_SECONDS
    while int(redis.ft(index).info()["indexing"]):
        if time.monotonic() > until:
            raise TimeoutError(f"{index} is still being indexed")
        time.sleep(PAUSE_SECONDS)
