"""Sizes of the stores and of what waits in them, for `/metrics` and `flask state`. All are cheap at any size."""

from typing import NamedTuple

from pymongo.errors import PyMongoError
from redis import RedisError, ResponseError

from chat import ids
from chat.audio import chunks
from chat.messages import log as accepted_log
from chat.store import clock, keys, partitions
from chat.store.connection import Stores
from chat.store.memory import Memory
from chat.upkeep import runs

DUE_SAMPLE = 100  # how many due voice messages to look at for the oldest
NEVER_SECONDS = 86_400.0  # shown for what never ran

FIGURES = {
    "redis_up": "Whether Redis answers.",
    "accepted_messages": "Accepted messages waiting to be stored.",
    "accepted_oldest_seconds": "How long the oldest of them has waited.",
    "accepted_refused_messages": "Accepted messages that were set aside because they could not be stored.",
    "transcriptions_waiting": "Voice messages waiting for a transcript or for another attempt.",
    "transcriptions_due": "Voice messages whose next attempt is due.",
    "transcriptions_oldest_seconds": "Age of the oldest of those that are due.",
    "recordings_growing": "Recordings that are being made, or were begun and neither completed nor discarded.",
    "outbox_messages": "New or changed messages that MongoDB has not confirmed.",
    "outbox_oldest_seconds": "Age of the oldest new message among them.",
    "outbox_cursors": "Read marks that MongoDB does not have yet.",
    "outbox_last_seen": "Last-seen times that MongoDB does not have yet.",
    "hot_messages": "Messages in Redis.",
    "hot_people": "People in Redis.",
    "hot_complete": "Whether Redis holds the whole hot window; 0 while it is being rebuilt.",
    "redis_memory_bytes": "Memory Redis uses.",
    "redis_memory_limit_bytes": "Memory Redis may use; 0 if unlimited.",
    "sweep_age_seconds": "Seconds since workers last swept up after lost tasks, by Redis's clock; a day if never.",
    "sync_age_seconds": "Seconds since the last round of the sync that reached both stores; a day if never.",
    "redis_memory_share": "Share of that limit used, or needed to store what was accepted; 0 if unlimited.",
    "redis_memory_short": "1 if that share is above `REDIS_MEMORY_WARNING`; 2 if messages are refused.",
    "people_online": "People with a socket on any web process.",
    "mongodb_up": "Whether MongoDB answers.",
    "archive_messages": "Messages in MongoDB.",
    "archive_people": "People in MongoDB.",
    "archive_recordings": "Recordings in MongoDB.",
    "archive_bytes": "Size of MongoDB's data and indexes.",
}


class _Raw(NamedTuple):
    """Redis's replies, in the order of the commands in `_of_redis`."""

    refused: int
    transcriptions: int
    transcriptions_due: int
    transcriptions_in_line: int
    due: list[bytes]
    in_line: list[bytes]
    recordings: int
    seen: int
    people: int
    complete: int
    online: int


def figures(stores: Stores) -> dict[str, float]:
    """Returns the figures by their names in `FIGURES`. For a store that is away there is only its `_up`."""
    found: dict[str, float] = {}
    try:
        found |= {"redis_up": 1, **_of_redis(stores), **_of_memory(stores)}
    except RedisError:
        found["redis_up"] = 0
    try:
        found |= {"mongodb_up": 1, **_of_mongodb(stores)}
    except PyMongoError:
        found["mongodb_up"] = 0
    return found


def _of_redis(stores: Stores) -> dict[str, float]:
    redis = stores.redis
    now = clock.now_ms(redis)  # which also gave the log its times
    with redis.pipeline(transaction=False) as pipe:
        pipe.xlen(keys.ACCEPTED_REFUSED)
        pipe.zcard(keys.TRANSCRIPTIONS)
        pipe.zcount(keys.TRANSCRIPTIONS, "-inf", now)
        pipe.zcount(keys.TRANSCRIPTIONS, "+inf", "+inf")
        pipe.zrange(keys.TRANSCRIPTIONS, "-inf", now, byscore=True, offset=0, num=DUE_SAMPLE)
        pipe.zrange(keys.TRANSCRIPTIONS, "+inf", "+inf", byscore=True, offset=0, num=DUE_SAMPLE)
        pipe.zcard(keys.RECORDINGS)
        pipe.hlen(keys.SEEN_OUTBOX)
        pipe.zcard(keys.NAMES)
        pipe.exists(keys.HOT_COMPLETE)
        pipe.scard(keys.PRESENCE_ONLINE)
        raw = _Raw(*pipe.execute())
    accepted, lacking = accepted_log.waiting(stores), _lacking(stores)
    return {
        "accepted_messages": accepted.entries,
        "accepted_oldest_seconds": max(0, now - accepted.oldest_ms) / 1_000 if accepted.entries else 0,
        "accepted_refused_messages": raw.refused,
        "transcriptions_waiting": raw.transcriptions,
        "transcriptions_due": raw.transcriptions_due + raw.transcriptions_in_line,
        "transcriptions_oldest_seconds": _age([*raw.due, *raw.in_line], now),
        "recordings_growing": raw.recordings,
        "outbox_messages": lacking.messages,
        "outbox_oldest_seconds": _age(lacking.oldest, now),
        "outbox_cursors": lacking.cursors,
        "outbox_last_seen": raw.seen,
        "hot_messages": _indexed(stores),
        "hot_people": raw.people,
        "hot_complete": raw.complete,
        "people_online": raw.online,
        **{f"{name}_age_seconds": min(age, NEVER_SECONDS) for name, age in runs.ages(redis).items()},
    }


class _Lacking(NamedTuple):
    """What MongoDB lacks: the numbers of messages and of cursors, and the oldest new message of each partition."""

    messages: int
    oldest: list[bytes]
    cursors: int


def _lacking(stores: Stores) -> _Lacking:
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition in partitions.every(stores):
            pipe.zcard(keys.outbox_key(partition))
            pipe.zrange(keys.outbox_key(partition), 1, 1, byscore=True, offset=0, num=1)
            pipe.hlen(keys.cursors_outbox_key(partition))
        found = pipe.execute()
    return _Lacking(sum(found[::3]), [raw for page in found[1::3] for raw in page], sum(found[2::3]))


def _of_memory(stores: Stores) -> dict[str, float]:
    settings = stores.settings
    memory = Memory(settings.redis_memory_warning, settings.redis_memory_full, settings.partitions)
    memory.sample(stores.redis)
    return {
        "redis_memory_bytes": memory.last.used,
        "redis_memory_limit_bytes": memory.last.limit,
        "redis_memory_share": memory.last.share,
        "redis_memory_short": memory.is_short + memory.is_full,
    }


def _indexed(stores: Stores) -> float:
    """The number of messages in Redis, as counted by its search indexes; 0 of those that do not exist."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition in partitions.every(stores):
            pipe.execute_command("FT.INFO", keys.message_index(partition))
        replies = pipe.execute(raise_on_error=False)
    found = 0.0
    for reply in replies:
        if isinstance(reply, dict):
            found += float(reply[b"num_docs"])
        elif not isinstance(reply, ResponseError):
            raise reply
    return found


def _of_mongodb(stores: Stores) -> dict[str, float]:
    mongo = stores.mongo
    size = mongo.command("dbStats")
    return {
        "archive_messages": mongo.messages.estimated_document_count(),
        "archive_people": mongo.users.estimated_document_count(),
        "archive_recordings": mongo[chunks.FILES].estimated_document_count(),
        "archive_bytes": size["storageSize"] + size["indexSize"],
    }


def _age(message_ids: list[bytes], now: int) -> float:
    """Seconds since the oldest of these messages was sent; 0 if there is none."""
    return max(0, now - ids.milliseconds(min(message_ids).decode())) / 1_000 if message_ids else 0
