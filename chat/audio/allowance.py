"""How much one person may upload: requests at the same time and per hour, unsent bytes, and bytes in total.

Counted in Redis, atomically, before the body of a request is read. The total is recomputed from MongoDB every
`STORED_SECONDS`, so that a crash or a lost Redis does not distort it for long.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from chat.audio import chunks
from chat.errors import StorageFull, TooMany
from chat.store import keys, limits
from chat.store.connection import Stores

LEASE_SECONDS = 900  # after this an upload no longer counts as running; its process may have died
STORED_SECONDS = 3_600
MAX_UNCLAIMED = 500  # recordings
RETRY_SECONDS = 3  # when too many run at the same time
_TOKEN = "#"  # noqa: S105 (the prefix that tells a running upload from a stored recording)


class Upload:
    """A running upload."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, int]] = []  # the id and bytes of each recording; set by the caller


@contextmanager
def upload(stores: Stores, owner_id: str, size: int) -> Iterator[Upload]:
    """Reserves room for an upload of at most `size` bytes; afterwards what was stored counts instead.

    Raises:
        TooMany: too many uploads at the same time or per hour, or too many unsent bytes.
        StorageFull: this person's recordings fill the room they may use.
        RedisError, PyMongoError: a store is unavailable.
    """
    token = _TOKEN + secrets.token_hex(8)
    _reserve(stores, owner_id, token, size)
    taken = Upload()
    try:
        yield taken
    finally:
        arguments: list[str | int] = [token, _kept_seconds(stores)]
        arguments += [part for pair in taken.stored for part in pair]
        stores.scripts.end_upload(keys=_keys(owner_id), args=arguments)


def released(stores: Stores, files: Sequence[Mapping[str, Any]]) -> None:
    """Stops counting deleted recordings; `files` are their GridFS documents."""
    if not files:
        return
    with stores.redis.pipeline(transaction=False) as pipe:
        for file in files:
            _, *script_keys = _keys(file["metadata"]["owner"])
            stores.scripts.release_upload(keys=script_keys, args=[file["_id"], file["length"]], client=pipe)
        pipe.execute()


def forget(stores: Stores, owner_id: str) -> None:
    """Removes the counts of a deleted account. Raises RedisError."""
    stores.redis.delete(*_keys(owner_id))


def _reserve(stores: Stores, owner_id: str, token: str, size: int) -> None:
    settings = stores.settings
    windows = limits.windows(settings.limit_uploads, "upload", owner_id)
    script_keys = [*_keys(owner_id), *(window.key for window in windows)]
    stored: int | str = ""
    pruned = False
    while True:
        now = int(time.time())
        arguments: list[str | int] = [token, now, now + LEASE_SECONDS, size, settings.uploads_at_once]
        arguments += [settings.uploads_unclaimed_bytes, MAX_UNCLAIMED, settings.uploads_all_bytes]
        arguments += [stored, STORED_SECONDS, _kept_seconds(stores)]
        arguments += [part for window in windows for part in (window.max, window.seconds)]
        what, *details = (part.decode() for part in stores.scripts.take_upload(keys=script_keys, args=arguments))
        if what == "taken":
            return
        if what == "stored":
            stored = _stored_bytes(stores, owner_id)
        elif what == "unclaimed" and not pruned:
            pruned = True
            _prune(stores, owner_id)
        else:
            raise _refusal(stores, what, details)


def _refusal(stores: Stores, what: str, details: list[str]) -> Exception:
    settings = stores.settings
    if what == "at_once":
        at_once = settings.uploads_at_once
        return TooMany("uploads_at_once", RETRY_SECONDS, count=at_once)
    if what == "limited":
        return TooMany("too_many_uploads", int(details[0]))
    if what == "unclaimed":
        limit = _size(settings.uploads_unclaimed_bytes)
        return TooMany("recordings_unsent", settings.upload_ttl, limit=limit)
    limit = _size(settings.uploads_all_bytes)
    return StorageFull("recordings_full", limit=limit)


def _prune(stores: Stores, owner_id: str) -> None:
    """Stops counting uploads as unsent that have been claimed or deleted since."""
    _, unclaimed, _ = _keys(owner_id)
    found = [raw.decode() for raw in stores.redis.hkeys(unclaimed)]
    uploads = [upload_id for upload_id in found if not upload_id.startswith(_TOKEN)]
    if not uploads:
        return
    with stores.redis.pipeline(transaction=False) as pipe:
        for upload_id in uploads:
            pipe.hmget(keys.upload_key(upload_id), "owner", "message")
        states = pipe.execute()
    gone = [upload_id for upload_id, (owner, message) in zip(uploads, states, strict=True) if not owner or message]
    if gone:
        stores.redis.hdel(unclaimed, *gone)


def _stored_bytes(stores: Stores, owner_id: str) -> int:
    """The bytes of all recordings of a person, from MongoDB."""
    steps: list[dict[str, Any]] = [
        {"$match": {"metadata.owner": owner_id}},
        {"$group": {"_id": None, "bytes": {"$sum": "$length"}}},
    ]
    return sum(row["bytes"] for row in stores.mongo[chunks.FILES].aggregate(steps))


def _kept_seconds(stores: Stores) -> int:
    """How long the list of unsent uploads is kept after the last one."""
    return max(stores.settings.upload_ttl, LEASE_SECONDS)


def _keys(owner_id: str) -> list[str]:
    return [keys.uploads_now_key(owner_id), keys.uploads_unclaimed_key(owner_id), keys.uploads_stored_key(owner_id)]


def _size(size: int) -> str:
    return f"{size / 2**30:.3g} GB" if size >= 2**30 else f"{size / 2**20:.3g} MB"
