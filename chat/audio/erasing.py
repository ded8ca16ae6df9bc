"""Erases recordings: those of deleted messages, unclaimed uploads, and what dead processes left half written."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from pymongo.errors import PyMongoError

from chat.audio import allowance, chunks
from chat.store import keys, partitions
from chat.store.connection import Stores
from chat.store.scripts import execute

log = structlog.get_logger(__name__)

PAGE = 100
PAGES = 50  # then the sweep ends; the next one continues
GRACE_SECONDS = 60  # longer than any request that may still claim an upload


def delete(stores: Stores, upload_ids: Sequence[str]) -> None:
    """Erases recordings for good; from now on nobody can claim them. If MongoDB is away, the sweep does it later."""
    if not upload_ids:
        return
    _mark_for_deletion(stores, upload_ids)
    with _erased_later(upload_ids):
        _erase(stores, upload_ids)


def delete_unclaimed(stores: Stores, upload_ids: Sequence[str]) -> None:
    """Erases those uploads that no message has claimed. If MongoDB is away, the sweep does it later."""
    with _erased_later(upload_ids):
        _erase(stores, _drop_unclaimed(stores, upload_ids))


def delete_owned(stores: Stores, owner_id: str) -> bool:
    """Erases a page of a person's recordings, claimed or not. Returns whether there may be more.

    Raises:
        PyMongoError: MongoDB is away; call again.
    """
    found = stores.mongo[chunks.FILES].find({"metadata.owner": owner_id}, {"_id": 1}).limit(PAGE)
    upload_ids = [file["_id"] for file in found]
    if upload_ids:
        _mark_for_deletion(stores, upload_ids)
        _erase(stores, upload_ids)
    if len(upload_ids) == PAGE:
        return True
    allowance.forget(stores, owner_id)
    return False


def sweep_unclaimed(stores: Stores) -> int:
    """Erases uploads that no message claimed in time, and whatever else is due. Returns how many.

    Raises:
        PyMongoError, RedisError: a store is away. No claimed recording was touched.
    """
    _mark_doomed(stores)
    return _sweep_pending(stores) + _sweep_expired(stores)


@contextmanager
def _erased_later(upload_ids: Sequence[str]) -> Iterator[None]:
    """Around erasing what is marked for deletion: the sweep erases it if MongoDB is away."""
    try:
        yield
    except PyMongoError as error:
        log.warning("audio.erased_later", count=len(upload_ids), error=type(error).__name__)


def _mark_for_deletion(stores: Stores, upload_ids: Sequence[str]) -> None:
    """Has them erased. What Redis has of them goes at once, also of one that travelled while it was made."""
    names = (keys.upload_key, keys.recording_key, keys.recording_bytes_key)
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.zadd(keys.UPLOADS_PENDING_DELETION, dict.fromkeys(upload_ids, int(time.time())))
        for upload_id in upload_ids:
            pipe.delete(*[name(upload_id) for name in names])
        pipe.execute()


def _mark_doomed(stores: Stores) -> None:
    """Marks the recordings of deleted messages that nobody has marked: whoever deleted them died before."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition in partitions.every(stores):
            pipe.srandmember(keys.doomed_key(partition), PAGE)
        found = pipe.execute()
    for partition, page in enumerate(found):
        if page:
            _mark_for_deletion(stores, [raw.decode() for raw in page])
            stores.redis.srem(keys.doomed_key(partition), *page)


def _sweep_pending(stores: Stores) -> int:
    erased = 0
    for _ in range(PAGES):
        due = stores.redis.zrange(
            keys.UPLOADS_PENDING_DELETION, "-inf", int(time.time()), byscore=True, offset=0, num=PAGE
        )
        if not due:
            break
        _erase(stores, [raw.decode() for raw in due])
        erased += len(due)
    return erased


def _sweep_expired(stores: Stores) -> int:
    """Marks expired uploads without a claim in GridFS, unless Redis has one: its message is not archived yet."""
    expired = datetime.now(UTC) - timedelta(seconds=stores.settings.upload_ttl + GRACE_SECONDS)
    erased, after = 0, ""
    for _ in range(PAGES):
        query = {"metadata.messageId": None, "uploadDate": {"$lt": expired}, "_id": {"$gt": after}}
        found = [file["_id"] for file in stores.mongo[chunks.FILES].find(query, {"_id": 1}).sort("_id").limit(PAGE)]
        if not found:
            break
        after = found[-1]
        dropped = _drop_unclaimed(stores, found)
        _erase(stores, dropped)
        erased += len(dropped)
    return erased


def _drop_unclaimed(stores: Stores, upload_ids: Sequence[str]) -> list[str]:
    """Marks those that no message has claimed for deletion, and returns them."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for upload_id in upload_ids:
            stores.scripts.drop_unclaimed_upload(keys=[keys.upload_key(upload_id)], client=pipe)
        replies = execute(pipe)
    dropped = [upload_id for upload_id, is_dropped in zip(upload_ids, replies, strict=True) if is_dropped]
    if dropped:  # should this be lost, they are found in GridFS once they have expired
        stores.redis.zadd(keys.UPLOADS_PENDING_DELETION, dict.fromkeys(dropped, int(time.time())))
    return dropped


def _erase(stores: Stores, upload_ids: Sequence[str]) -> None:
    """Erases the file's entry last: while it exists, an interrupted erasure can be found and continued."""
    if upload_ids:
        chosen = {"_id": {"$in": list(upload_ids)}}
        files = list(stores.mongo[chunks.FILES].find(chosen, {"length": 1, "metadata.owner": 1}))
        stores.mongo[chunks.CHUNKS].delete_many({"files_id": {"$in": list(upload_ids)}})
        stores.mongo[chunks.FILES].delete_many(chosen)
        allowance.released(stores, files)
        stores.redis.zrem(keys.UPLOADS_PENDING_DELETION, *upload_ids)
