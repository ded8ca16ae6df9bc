"""Gives the archive what only Redis has, step by step and page by page; `chat.upkeep.comparing` says when.

Each step takes where it is ('' at the beginning) and returns where it goes on, '' when it is done. Every page may be
brought twice.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import structlog
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from chat import ids
from chat.audio import chunks
from chat.messages import storing
from chat.people import accounts
from chat.store import counters, hot, keys, partitions
from chat.store.cluster import scan
from chat.store.connection import Document, Stores
from chat.upkeep import erasure

log = structlog.get_logger(__name__)

PAGE = 500
FLUSH_PAGES = 10
TO_ARCHIVE, TO_REDIS, PEOPLE, ERASED, RECORDINGS = "to_archive", "to_redis", "people", "erased", "recordings_lost"
BROUGHT = (TO_ARCHIVE, TO_REDIS, PEOPLE, ERASED, RECORDINGS)
JSON_TYPE = "ReJSON-RL"


def count(stores: Stores, what: str, number: int) -> None:
    """Adds to what was brought; see `brought`."""
    if number:
        counters.count("sync_brought", what, by=number)
        stores.redis.hincrby(keys.SYNC_BROUGHT, what, number)


def brought(stores: Stores) -> dict[str, int]:
    """What comparisons and rebuilds have brought so far, all of them together, by the names in `BROUGHT`."""
    found = stores.redis.hmget(keys.SYNC_BROUGHT, BROUGHT)
    return {name: int(number or 0) for name, number in zip(BROUGHT, found, strict=True)}


def _scan(stores: Stores, at: str, pattern: str, kind: str) -> tuple[list[str], str]:
    """A page of keys, without those of deleted kinds, and where the next one begins; '' after the last."""
    page, following = scan(stores.redis, at, match=pattern, count=PAGE, _type=kind)
    return [raw.decode() for raw in page], following


def _bring_erased(stores: Stores, at: str) -> str:
    """Gives the archive who deleted their accounts."""
    cursor, page = stores.redis.zscan(keys.ERASED, int(at or 0), count=PAGE)
    writes = [
        UpdateOne({"_id": raw.decode()}, {"$setOnInsert": {"at": datetime.fromtimestamp(when, UTC)}}, upsert=True)
        for raw, when in page
    ]
    if writes:
        stores.mongo.erased.bulk_write(writes, ordered=False)
    return str(cursor) if cursor else ""


def _erase_again(stores: Stores, at: str) -> str:
    """Erases deleted accounts that either store has brought back, and tells Redis who they are."""
    page = list(stores.mongo.erased.find({"_id": {"$gt": at}}).sort("_id", 1).limit(PAGE))
    gone = [each["_id"] for each in page]
    if not gone:
        return ""
    stores.redis.zadd(keys.ERASED, {each["_id"]: int(each["at"].timestamp()) for each in page}, nx=True)
    back = {user["_id"] for user in stores.mongo.users.find({"_id": {"$in": gone}}, {"_id": 1})}
    found = hot.read_json(stores.redis, [keys.user_key(user_id) for user_id in gone])
    back |= {user_id for user_id, user in zip(gone, found, strict=True) if user is not None}
    for user_id in back:
        erasure.begin_again(stores, user_id)
    count(stores, ERASED, len(back))
    return gone[-1] if len(gone) == PAGE else ""


def _bring_people(stores: Stores, at: str) -> str:
    """Gives the archive people it lacks, or has in an older revision."""
    names, following = _scan(stores, at, keys.user_key("*"), JSON_TYPE)
    people = {user["pk"]: user for user in hot.read_json(stores.redis, names) if user is not None}
    if not people:
        return following
    wanted = list(people)
    archived = {
        each["_id"]: each.get("revision", 1)
        for each in stores.mongo.users.find({"_id": {"$in": wanted}}, {"revision": 1})
    }
    erased = stores.redis.zmscore(keys.ERASED, wanted)
    number = 0
    for user_id, when in zip(wanted, erased, strict=True):
        if when is None and archived.get(user_id, 0) < people[user_id].get("revision", 1):
            number += _bring_person(stores, people[user_id])
    count(stores, PEOPLE, number)
    return following


def _bring_person(stores: Stores, user: Document) -> bool:
    try:
        accounts.archive(stores, user)
    except DuplicateKeyError:
        # Somebody else has taken the name or the email since the archive was restored. Only an operator can decide.
        log.warning("sync.person_not_archived", user_id=user["pk"], reason="their name or email is another's now")
        return False
    return True


def _bring_messages(stores: Stores, at: str) -> str:
    """Puts messages into the outbox that the archive lacks, or has in an older revision."""
    names, following = _scan(stores, at, keys.EVERY_MESSAGE, JSON_TYPE)
    hot_ones = _revisions(stores, names)
    if not hot_ones:
        return following
    wanted = {"_id": {"$in": list(hot_ones)}}
    fields = {"revision": 1, "deletedAt": 1, "audioFileId": 1}
    archived = {each["_id"]: each for each in stores.mongo.messages.find(wanted, fields)}
    lacking = {
        message_id: revision
        for message_id, (revision, deleted) in hot_ones.items()
        if _is_newer(revision, deleted, archived.get(message_id))
    }
    if lacking:
        count(stores, TO_ARCHIVE, _into_outboxes(stores, names, lacking))
        _erase_recordings(stores, [archived[each] for each in lacking if each in archived and hot_ones[each][1]])
        count(stores, RECORDINGS, _lost_recordings(stores, [each for each in lacking if each not in archived]))
        storing.flush(stores, FLUSH_PAGES)
    _drop_outdated(stores, {each for each, found in archived.items() if found.get("revision", 1) > hot_ones[each][0]})
    return following


def _into_outboxes(stores: Stores, names: list[str], lacking: dict[str, int]) -> int:
    """Puts revisions of messages into the outboxes of their partitions. Returns how many were not there."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition, message_id in map(keys.named, names):
            if message_id in lacking:
                pipe.zadd(keys.outbox_key(partition), {message_id: lacking[message_id]}, nx=True)
        return sum(pipe.execute())


def _revisions(stores: Stores, names: list[str]) -> dict[str, tuple[int, bool]]:
    """The revision of each message that is still there, and whether it was deleted. One round trip."""
    if not names:
        return {}
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.execute_command("JSON.MGET", *names, "$.revision")
        pipe.execute_command("JSON.MGET", *names, "$.deletedAt")
        revisions, deleted = pipe.execute()
    return {
        keys.named(name).name: (int(revision.strip(b"[]") or 1), when != b"[]")
        for name, revision, when in zip(names, revisions, deleted, strict=True)
        if revision is not None
    }


def _is_newer(revision: int, deleted: bool, archived: Document | None) -> bool:
    if archived is None:
        return True
    return "deletedAt" not in archived and (deleted or archived.get("revision", 1) < revision)


def _erase_recordings(stores: Stores, deleted: Iterable[Document]) -> None:
    """Erases the recordings of messages that were deleted after the archive's copy was made."""
    if recordings := {each["audioFileId"]: 0 for each in deleted if each.get("audioFileId")}:
        stores.redis.zadd(keys.UPLOADS_PENDING_DELETION, recordings)


def _lost_recordings(stores: Stores, message_ids: list[str]) -> int:
    """The number of these messages whose recording the archive lacks: nothing else has recordings."""
    found = hot.read_messages(stores, message_ids)
    wanted = {each["audioFileId"] for each in found if each is not None and each["audioFileId"]}
    return len(wanted) - stores.mongo[chunks.FILES].count_documents({"_id": {"$in": list(wanted)}}) if wanted else 0


def _drop_outdated(stores: Stores, message_ids: set[str]) -> None:
    """Removes older copies of messages that were loaded into Redis only for a while; the rebuild renews the others."""
    for found in hot.read_messages(stores, list(message_ids)):
        if found is None:
            continue
        partition = partitions.of(stores, found)
        key = keys.message_key(partition, found["_id"])
        if stores.redis.ttl(key) > 0:
            conversation = ids.conversation_id(found["senderId"], found["receiverId"])
            script_keys = [keys.outbox_key(partition), keys.conversation_key(partition, conversation), key]
            stores.scripts.drop_aged(keys=script_keys, args=[found["_id"]])


def _bring_cursors(stores: Stores, at: str) -> str:
    names, following = _scan(stores, at, keys.EVERY_CURSORS, "hash")
    with stores.redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(name)
        found = pipe.execute()
    rows: dict[int, list[tuple[str, bytes]]] = {}
    for (partition, conversation), cursors in zip(map(keys.named, names), found, strict=True):
        own = rows.setdefault(partition, [])
        own += [(ids.cursor_id(conversation, reader.decode()), up_to) for reader, up_to in cursors.items()]
    for partition, own in rows.items():
        _note(stores, keys.cursors_outbox_key(partition), own)
    return following


def _bring_seen(stores: Stores, at: str) -> str:
    cursor, page = stores.redis.hscan(keys.PRESENCE_SEEN, int(at or 0), count=PAGE)
    _note(stores, keys.SEEN_OUTBOX, page.items())
    return str(cursor) if cursor else ""


def _bring_ended_sessions(pattern: str) -> Callable[[Stores, str], str]:
    def bring(stores: Stores, at: str) -> str:
        names, following = _scan(stores, at, pattern, "string")
        with stores.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.get(name)
                pipe.expiretime(name)
            found = pipe.execute()
        rows = [
            (name, f"{value.decode()} {until}")
            for name, value, until in zip(names, found[::2], found[1::2], strict=True)
            if value is not None and until > 0
        ]
        _note(stores, keys.SESSIONS_OUTBOX, rows)
        return following

    return bring


def _note(stores: Stores, outbox: str, rows: Iterable[tuple[Any, Any]]) -> None:
    """Puts fields into an outbox's hash, unless it has a newer value."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for field, value in rows:
            pipe.hsetnx(outbox, field, value)
        pipe.execute()


STEPS: dict[str, Callable[[Stores, str], str]] = {
    "erased": _bring_erased,
    "erase": _erase_again,
    "people": _bring_people,
    "messages": _bring_messages,
    "cursors": _bring_cursors,
    "revoked": _bring_ended_sessions(keys.revoked_key("*")),
    "sessions": _bring_ended_sessions(keys.sessions_key("*")),
    "seen": _bring_seen,
}
