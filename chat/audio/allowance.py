"""How much somebody may upload: requests at once and an hour, bytes that no message uses yet, and bytes in all.

Counted in Redis, atomically and before the body of a request is read. What MongoDB knows better is taken from there:
the bytes in all are added up anew every `STORED_SECONDS`, so that neither a crash nor a lost Redis counts for long.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from limits import parse_many

from chat.audio import chunks
from chat.errors import StorageFull, TooMany
from chat.store import keys
from chat.store.connection import Stores

LEASE_SECONDS = 900  # an upload that takes longer does not count as one at the same time
STORED_SECONDS = 3_600
UNCLAIMED_MOST = 500  # recordings
WAIT_SECONDS = 3  # for one of those at the same time to end
_TOKEN = "#"  # noqa: S105 (the beginning of an upload's own mark among ids of recordings)


class Upload:
    """One that was let in; note what was stored."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, int]] = []  # id and bytes


@contextmanager
def upload(stores: Stores, owner_id: str, size: int) -> Iterator[Upload]:
    """Around one upload of at most `size` bytes.

    Raises:
        TooMany: too many at once, in this time, or too much that was uploaded and not sent.
        StorageFull: this person's recordings take up all the room they may have.
        RedisError, PyMongoError: a store is away.
    """
    token = _TOKEN + secrets.token_hex(8)
    _take(stores, owner_id, token, size)
    taken = Upload()
    try:
        yield taken
    finally:
        arguments: list[str | int] = [token, _kept_seconds(stores)]
        arguments += [part for pair in taken.stored for part in pair]
        stores.scripts.end_upload(keys=_keys(owner_id), args=arguments)


def released(stores: Stores, files: Sequence[Mapping[str, Any]]) -> None:
    """Count recordings no longer that are gone; `files` are their entries in GridFS."""
    if not files:
        return
    with stores.redis.pipeline(transaction=False) as pipe:
        for file in files:
            _, *script_keys = _keys(file["metadata"]["owner"])
            stores.scripts.release_upload(keys=script_keys, args=[file["_id"], file["length"]], client=pipe)
        pipe.execute()


def forget(stores: Stores, owner_id: str) -> None:
    """Count nothing of this person any longer. Raises RedisError."""
    stores.redis.delete(*_keys(owner_id))


def _take(stores: Stores, owner_id: str, token: str, size: int) -> None:
    settings = stores.settings
    limits = [(each.amount, each.get_expiry()) for each in parse_many(settings.limit_uploads)]
    script_keys = [*_keys(owner_id), *(keys.upload_limit_key(owner_id, seconds) for _, seconds in limits)]
    stored: int | str = ""
    pruned = False
    while True:
        now = int(time.time())
        arguments: list[str | int] = [token, now, now + LEASE_SECONDS, size, settings.uploads_at_once]
        arguments += [settings.uploads_unclaimed_bytes, UNCLAIMED_MOST, settings.uploads_all_bytes]
        arguments += [stored, STORED_SECONDS, _kept_seconds(stores), *(part for limit in limits for part in limit)]
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
        return TooMany(f"Only {at_once} of your uploads may be under way at the same time. Wait for one.", WAIT_SECONDS)
    if what == "limited":
        return TooMany("Too many uploads. Wait a while.", int(details[0]))
    if what == "unclaimed":
        most = _size(settings.uploads_unclaimed_bytes)
        return TooMany(
            f"At most {most} of recordings may wait to be sent. Send those you have uploaded, or wait.",
            settings.upload_ttl,
        )
    most = _size(settings.uploads_all_bytes)
    return StorageFull(f"Your recordings take up all of the {most} you have. Delete voice messages to make room.")


def _prune(stores: Stores, owner_id: str) -> None:
    """Forget unclaimed uploads that were claimed meanwhile, or have gone."""
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
    """The bytes of all recordings of this person."""
    steps: list[dict[str, Any]] = [
        {"$match": {"metadata.owner": owner_id}},
        {"$group": {"_id": None, "bytes": {"$sum": "$length"}}},
    ]
    return sum(row["bytes"] for row in stores.mongo[chunks.FILES].aggregate(steps))


def _kept_seconds(stores: Stores) -> int:
    """How long it is known what is unclaimed, from the last upload on."""
    return max(stores.settings.upload_ttl, LEASE_SECONDS)


def _keys(owner_id: str) -> list[str]:
    return [keys.uploads_now_key(owner_id), keys.uploads_unclaimed_key(owner_id), keys.uploads_stored_key(owner_id)]


def _size(size: int) -> str:
    return f"{size / 2**30:.3g} GB" if size >= 2**30 else f"{size / 2**20:.3g} MB"
