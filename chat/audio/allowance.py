"""How much one person may upload: requests at the same time and per hour, unsent bytes, and bytes in total.

Counted in Redis, atomically, before the body of a request is read. A recording that grows while it is made counts like
an upload, except that it is not bound to one request: what is reserved for it stays until it is ended. The total is
recomputed from MongoDB every `STORED_SECONDS`, so that a crash or a lost Redis does not distort it for long.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from redis.client import Pipeline

from chat.audio import chunks
from chat.errors import StorageFull, TooMany
from chat.store import keys, limits
from chat.store.connection import Stores
from chat.store.scripts import execute

LEASE_SECONDS = 900  # after this an upload no longer counts as running; its process may have died
STORED_SECONDS = 3_600
MAX_UNCLAIMED = 500  # recordings
RETRY_SECONDS = 3  # when too many run at the same time
GROWING_RETRY_SECONDS = 60  # when too many recordings are unfinished
_TOKEN = "#"  # noqa: S105 (the prefix that tells a running upload from a stored recording)


class _Kind(NamedTuple):
    """Uploads that run, or recordings that grow: where they are counted, and how many of them there may be at once."""

    running: str
    others: str
    at_once: int
    seconds: int
    refusal: TooMany


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
    at_once = stores.settings.uploads_at_once
    refusal = TooMany("uploads_at_once", RETRY_SECONDS, count=at_once)
    running, growing = keys.uploads_now_key(owner_id), keys.recordings_key(owner_id)
    _reserve(stores, owner_id, token, size, _Kind(running, growing, at_once, LEASE_SECONDS, refusal))
    taken = Upload()
    try:
        yield taken
    finally:
        _end(stores, running, owner_id, token, taken.stored)


def begin_recording(stores: Stores, owner_id: str, recording_id: str, size: int) -> None:
    """Reserves room for a recording that will grow to at most `size` bytes, until it is ended or expires.

    Raises the same as `upload`.
    """
    at_once, seconds = stores.settings.recordings_at_once, stores.settings.recording_ttl
    refusal = TooMany("recordings_at_once", GROWING_RETRY_SECONDS, count=at_once)
    growing, running = keys.recordings_key(owner_id), keys.uploads_now_key(owner_id)
    _reserve(stores, owner_id, recording_token(recording_id), size, _Kind(growing, running, at_once, seconds, refusal))


def end_recording(
    stores: Stores, owner_id: str, recording_id: str, stored: Sequence[tuple[str, int]], pipe: Pipeline
) -> None:
    """Gives back what was reserved for a recording, and counts what was stored instead. Safe to repeat."""
    _end(stores, keys.recordings_key(owner_id), owner_id, recording_token(recording_id), stored, pipe)


def recording_token(recording_id: str) -> str:
    """The member of `keys.recordings_key` for a recording."""
    return _TOKEN + recording_id


def growing(stores: Stores, owner_id: str) -> list[str]:
    """The ids of a person's growing recordings, and of some that have expired; those that expire first come first."""
    found = stores.redis.zrange(keys.recordings_key(owner_id), 0, -1)
    return [token.decode().removeprefix(_TOKEN) for token in found]


def unclaimed(stores: Stores, owner_id: str) -> list[str]:
    """The ids of a person's uploads that were not claimed when last checked, at most `MAX_UNCLAIMED`."""
    found = [raw.decode() for raw in stores.redis.hkeys(keys.uploads_unclaimed_key(owner_id))]
    return [upload_id for upload_id in found if not upload_id.startswith(_TOKEN)]


def released(stores: Stores, files: Sequence[Mapping[str, Any]]) -> None:
    """Stops counting deleted recordings; `files` are their GridFS documents."""
    if not files:
        return
    with stores.redis.pipeline(transaction=False) as pipe:
        for file in files:
            script_keys = _counts(file["metadata"]["owner"])
            stores.scripts.release_upload(keys=script_keys, args=[file["_id"], file["length"]], client=pipe)
        execute(pipe)


def forget(stores: Stores, owner_id: str) -> None:
    """Removes the counts of a deleted account. Raises RedisError."""
    running, growing = keys.uploads_now_key(owner_id), keys.recordings_key(owner_id)
    stores.redis.delete(running, growing, *_counts(owner_id))


def _reserve(stores: Stores, owner_id: str, token: str, size: int, kind: _Kind) -> None:
    settings = stores.settings
    windows = limits.windows(settings.limit_uploads, "upload", owner_id)
    script_keys = [kind.running, kind.others, *_counts(owner_id), *(window.key for window in windows)]
    stored: int | str = ""
    pruned = False
    while True:
        arguments: list[str | int] = [token, kind.seconds, size, kind.at_once]
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
            raise kind.refusal if what == "at_once" else _refusal(stores, what, details)


def _end(
    stores: Stores,
    running: str,
    owner_id: str,
    token: str,
    stored: Sequence[tuple[str, int]],
    pipe: Pipeline | None = None,
) -> None:
    arguments: list[str | int] = [token, _kept_seconds(stores)]
    arguments += [part for pair in stored for part in pair]
    stores.scripts.end_upload(keys=[running, *_counts(owner_id)], args=arguments, client=pipe)


def _refusal(stores: Stores, what: str, details: list[str]) -> Exception:
    settings = stores.settings
    if what == "limited":
        return TooMany("too_many_uploads", int(details[0]))
    if what == "unclaimed":
        limit = _size(settings.uploads_unclaimed_bytes)
        return TooMany("recordings_unsent", settings.upload_ttl, limit=limit)
    limit = _size(settings.uploads_all_bytes)
    return StorageFull("recordings_full", limit=limit)


def _prune(stores: Stores, owner_id: str) -> None:
    """Stops counting uploads as unsent that have been claimed or deleted since."""
    uploads = unclaimed(stores, owner_id)
    if not uploads:
        return
    with stores.redis.pipeline(transaction=False) as pipe:
        for upload_id in uploads:
            pipe.hmget(keys.upload_key(upload_id), "owner", "message")
        states = pipe.execute()
    gone = [upload_id for upload_id, (owner, message) in zip(uploads, states, strict=True) if not owner or message]
    if gone:
        stores.redis.hdel(keys.uploads_unclaimed_key(owner_id), *gone)


def _stored_bytes(stores: Stores, owner_id: str) -> int:
    """The bytes of all recordings of a person, from MongoDB."""
    steps: list[dict[str, Any]] = [
        {"$match": {"metadata.owner": owner_id}},
        {"$group": {"_id": None, "bytes": {"$sum": "$length"}}},
    ]
    return sum(row["bytes"] for row in stores.mongo[chunks.FILES].aggregate(steps))


def _kept_seconds(stores: Stores) -> int:
    """How long the list of unsent uploads is kept after the last one."""
    return max(stores.settings.upload_ttl, stores.settings.recording_ttl, LEASE_SECONDS)


def _counts(owner_id: str) -> list[str]:
    return [keys.uploads_unclaimed_key(owner_id), keys.uploads_stored_key(owner_id)]


def _size(size: int) -> str:
    return f"{size / 2**30:.3g} GB" if size >= 2**30 else f"{size / 2**20:.3g} MB"
