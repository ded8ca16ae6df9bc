"""Syncs the two stores: each gets from the other what it lacks. Nothing here ever empties a store.

A round copies Redis -> MongoDB: the outboxes, and whatever else the archive lacks if either store was restored from a
backup (`chat.upkeep.comparing`). Then, if Redis was lost or restored, MongoDB -> Redis: ended sessions, users,
conversations, cursors, subscriptions, and the hot window's messages from the newest to the oldest, so that Redis always
has the newest part of a conversation without a gap. Rounds are bounded, and only one runs at a time across all
processes. A killed round is continued by the next: its progress is in Redis, and every step may run twice.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from pymongo import DESCENDING, UpdateOne
from pymongo.errors import PyMongoError
from redis.client import Pipeline

from chat import ids
from chat.messages import conversations, delivery, storing
from chat.messages import log as accepted_log
from chat.people import sessions
from chat.push import subscriptions
from chat.store import archive, counters, hot, keys, partitions
from chat.store.cluster import nodes
from chat.store.connection import Document, Stores
from chat.store.locks import try_lock
from chat.store.prepare import prepare
from chat.store.scripts import execute
from chat.upkeep import bringing, comparing, runs
from chat.wire import Changes, StoredMessage

log = structlog.get_logger(__name__)

PAGE = 200
ROUND_SECONDS = 10.0  # bounds how long a stopping worker has to wait for a round
LOCK_SECONDS = 25.0  # how long a dead round blocks the next ones; two at once do no harm
MORE, COMPLETE, ARCHIVE_AWAY, REFUSED = "more_to_do", "complete", "archive_away", "another_runs"
RESTORING = "archive_is_being_restored"

_STEPS = ("sessions", "users", "conversations", "cursors", "push", "messages")


def run(stores: Stores) -> bool:
    """Runs one round. Returns whether there is more to do right away; False also while MongoDB is away."""
    return run_round(stores) == MORE


def run_round(stores: Stores, on_progress: runs.Progress = runs.ignore) -> str:
    """Runs one round. `on_progress` is told of what a comparison or a rebuild goes through.

    Returns `MORE`, `COMPLETE`, `ARCHIVE_AWAY`, `RESTORING`, or `REFUSED` if another round is running.
    """
    with try_lock(stores.redis, "sync", LOCK_SECONDS) as acquired:
        try:
            result = _round(stores, on_progress) if acquired else REFUSED
        except PyMongoError as error:
            log.warning("sync.archive_away", error=type(error).__name__)
            result = ARCHIVE_AWAY
    counters.count("sync_rounds", result)
    if result in (MORE, COMPLETE):
        runs.record(stores.redis, runs.SYNC)
    return result


def _round(stores: Stores, on_progress: runs.Progress) -> str:
    if comparing.is_being_restored(stores):
        return RESTORING
    until = time.monotonic() + ROUND_SECONDS
    hot.configure(stores.redis)
    if hot.missing(stores):  # in a cluster an index does not move with its slot
        prepare(stores)
    # First, since a flush notes what the archive confirmed, and with it hides that the archive lacks what came before.
    more = comparing.compare(stores, until, on_progress)
    storing.flush(stores)
    _flush_cursors(stores)
    _flush_last_seen(stores)
    _flush_sessions(stores)
    if more:
        return MORE
    comparing.renew_mark(stores)
    if stores.redis.exists(keys.HOT_COMPLETE) or _rebuild(stores, until, on_progress):
        return COMPLETE
    return MORE


def expected(stores: Stores) -> int:
    """About how much there is to go through; 0 if the stores agree. Raises PyMongoError, RedisError."""
    mongo, redis = stores.mongo, stores.redis
    differ = redis.exists(keys.COMPARISON) or comparing.difference(stores)
    if not differ and redis.exists(keys.HOT_COMPLETE):
        return 0
    hot_messages = {"_id": {"$gte": ids.days_ago(stores.settings.hot_window_days)}}
    rebuilt = sum(mongo[step].estimated_document_count() for step in _STEPS if step != "messages")
    return (
        rebuilt
        + mongo.messages.count_documents(hot_messages)
        + (sum(node.dbsize() for node in nodes(redis)) if differ else 0)
    )


def _flush_cursors(stores: Stores) -> None:
    """Copies to the archive the read cursors it lacks."""

    def write(name: str, up_to: str) -> UpdateOne:
        conversation, reader = ids.parse_cursor_id(name)
        fixed = {"conversation": conversation, "reader": reader}
        return UpdateOne({"_id": name}, {"$max": {"upTo": up_to}, "$set": fixed}, upsert=True)

    outboxes = [keys.cursors_outbox_key(partition) for partition in partitions.every(stores)]
    with stores.redis.pipeline(transaction=False) as pipe:
        for outbox in outboxes:
            pipe.exists(outbox)
        found = pipe.execute()
    for outbox, has_some in zip(outboxes, found, strict=True):
        if has_some:
            _flush_hash(stores, outbox, "cursors", write)


def _flush_last_seen(stores: Stores) -> None:
    """Copies to the archive when people were last seen, so that a lost Redis does not lose it."""

    def write(user_id: str, seen: str) -> UpdateOne:
        return UpdateOne({"_id": user_id}, {"$max": {"lastSeen": seen}})

    _flush_hash(stores, keys.SEEN_OUTBOX, "users", write)


def _flush_sessions(stores: Stores) -> None:
    """Copies to the archive which sessions were ended; they stay there until their tokens would have expired."""

    def write(key: str, ended: str) -> UpdateOne:
        value, _, until = ended.rpartition(" ")
        moment = datetime.fromtimestamp(int(until), UTC)
        return UpdateOne({"_id": key}, {"$max": {"value": value, "until": moment}}, upsert=True)  # restore_session.lua

    _flush_hash(stores, keys.SESSIONS_OUTBOX, "sessions", write)


def _flush_hash(stores: Stores, outbox: str, collection: str, write: Callable[[str, str], UpdateOne]) -> None:
    cursor = 0
    while True:
        cursor, page = stores.redis.hscan(outbox, cursor, count=PAGE)
        rows = [(name.decode(), value.decode()) for name, value in page.items()]
        if rows:
            stores.mongo[collection].bulk_write([write(*row) for row in rows], ordered=False)
            stores.scripts.clear_outbox_fields(keys=[outbox], args=[part for row in rows for part in row])
        if cursor == 0:
            return


def _rebuild(stores: Stores, until: float, on_progress: runs.Progress) -> bool:
    """Continues to fill Redis from the archive. Returns whether it is complete now."""
    prepare(stores)
    newest = stores.mongo.messages.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
    if newest is not None:
        accepted_log.continue_after(stores, newest["_id"])
    for step in _STEPS:
        while True:
            at = stores.redis.hget(keys.HOT_REBUILD, step)
            if at == b"done":
                break
            page = _next_page(stores, step, at.decode() if at else None)
            _PUT[step](stores, page)
            on_progress(len(page))
            stores.redis.hset(keys.HOT_REBUILD, step, page[-1]["_id"] if len(page) == PAGE else "done")
            if time.monotonic() > until:
                return False
    with stores.redis.pipeline() as pipe:
        pipe.set(keys.HOT_COMPLETE, ids.now())
        pipe.delete(keys.HOT_REBUILD)
        pipe.execute()
    log.info("sync.hot_complete")
    return True


def _next_page(stores: Stores, step: str, at: str | None) -> list[Document]:
    id_range: dict[str, str] = {"$lt": at} if at else {}
    if step == "messages":
        id_range["$gte"] = ids.days_ago(stores.settings.hot_window_days)
    query = {"_id": id_range} if id_range else {}
    return list(stores.mongo[step].find(query).sort("_id", DESCENDING).limit(PAGE))


def _put_users(stores: Stores, page: list[Document]) -> None:
    for user in page:
        hot.save_user(stores, user)


def _put_conversations(stores: Stores, page: list[Document]) -> None:
    pairs = [ids.people_of(conversation["_id"]) for conversation in page]
    existing = _existing(stores, {person for pair in pairs for person in pair})
    with stores.redis.pipeline(transaction=False) as pipe:
        for conversation, (one, other) in zip(page, pairs, strict=True):
            moment = ids.milliseconds(conversation["last"])
            for person, partner in ((one, other), (other, one)):
                if person in existing:
                    pipe.zadd(keys.conversations_key(person), {partner: moment}, gt=True)
        pipe.execute()


def _put_cursors(stores: Stores, page: list[Document]) -> None:
    with stores.redis.pipeline(transaction=False) as pipe:
        for cursor in page:
            (partner,) = set(ids.people_of(cursor["conversation"])) - {cursor["reader"]}
            conversations.note_read(stores, cursor["reader"], partner, cursor["upTo"], pipe)
        execute(pipe)


def _put_messages(stores: Stores, page: list[Document]) -> None:
    """Restores a page: first what its partitions have, then what its people have."""
    if not page:
        return
    messages = [archive.load_message(document) for document in page]
    existing = _existing(stores, {person for each in messages for person in (each["senderId"], each["receiverId"])})
    by_partition = partitions.grouped(stores, messages)
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition, own in by_partition.items():
            _put_in_partition(stores, partition, own, pipe)
        replies = execute(pipe)
    brought, listings = 0, []
    with stores.redis.pipeline(transaction=False) as pipe:
        for own, reply in zip(by_partition.values(), replies, strict=True):
            states = zip(reply[::4], reply[1::4], reply[2::4], reply[3::4], strict=True)
            for message, (is_brought, is_deleted, is_waiting, read) in zip(own, states, strict=True):
                brought += is_brought
                state: Changes = {"deletedAt": "now" if is_deleted else None}
                stored = storing.Stored({**message, **state}, read.decode())
                listings += [each for each in storing.listings(stored) if each.person in existing]
                if is_deleted:
                    pipe.zrem(keys.inbox_key(message["receiverId"], message["senderId"]), message["_id"])
                if is_waiting:
                    pipe.zadd(keys.TRANSCRIPTIONS, {message["_id"]: 0}, nx=True)
        delivery.deliver(stores, (), pipe, listings=listings)
        execute(pipe)
    bringing.count(stores, bringing.TO_REDIS, brought)


def _put_in_partition(stores: Stores, partition: int, messages: list[StoredMessage], pipe: Pipeline) -> None:
    script_keys: list[str] = []
    arguments: list[Any] = [stores.settings.hot_window_days * 86_400]
    for message in messages:
        message_id, sender, receiver = message["_id"], message["senderId"], message["receiverId"]
        conversation, client_id = ids.conversation_id(sender, receiver), message.get("clientId")
        own = keys.message_key(partition, message_id)
        script_keys += [
            own,
            keys.conversation_key(partition, conversation),
            keys.cursors_key(partition, conversation),
            keys.client_key(partition, sender, client_id) if client_id else own,
        ]
        arguments += [
            hot.dump_message(message),
            message.get("revision", 1),
            int(bool(message.get("deletedAt"))),
            message_id,
            receiver,
            str(accepted_log.receipt_of(message_id)) if client_id else "",
        ]
    stores.scripts.restore_messages(keys=script_keys, args=arguments, client=pipe)


def _existing(stores: Stores, wanted: set[str]) -> set[str]:
    """Those of these people whose accounts still exist. The rebuild copies users before their messages."""
    people = list(wanted)
    with stores.redis.pipeline(transaction=False) as pipe:
        for person in people:
            pipe.exists(keys.user_key(person))
        return {person for person, known in zip(people, pipe.execute(), strict=True) if known}


_PUT = {
    "sessions": sessions.restore,
    "users": _put_users,
    "conversations": _put_conversations,
    "cursors": _put_cursors,
    "push": subscriptions.restore,
    "messages": _put_messages,
}
