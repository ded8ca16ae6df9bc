"""Writes messages to both stores, and finds a message in whichever has it. Every step is safe to repeat.

Redis comes first, with an entry in the outbox for each write. MongoDB follows in one bulk write, and what it confirms
leaves the outbox. While MongoDB is away the outbox grows; `flush` empties it afterwards.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
import structlog
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError
from redis.client import Pipeline

from chat import audio, ids
from chat.audio import heard
from chat.messages import delivery
from chat.store import archive, hot, keys, partitions, search_terms
from chat.store.connection import Stores
from chat.store.scripts import execute
from chat.wire import Changes, Message, StoredMessage

log = structlog.get_logger(__name__)

CHANGED_SECONDS = 7 * 86_400  # how long an old message stays in Redis after a change
LATELY_SECONDS = 86_400  # longer than any drainer takes from storing a message to listing it
LATELY_MOST = 10_000  # deletions remembered for each person (1 MB); one that is forgotten earlier may come as unread
DUPLICATE_KEY = 11000
FLUSH_PAGE = 200

SendKey = tuple[str, str, str]
"""Conversation, sender and `clientId`: the same each time a client repeats a send."""


class Stored(NamedTuple):
    """A message as Redis has it, and up to where its receiver has read the conversation ('' if they have not)."""

    message: StoredMessage
    read: str


def store_hot(stores: Stores, messages: Sequence[StoredMessage]) -> list[Stored]:
    """Stores new messages in Redis, with their conversations and the outboxes. One round trip.

    Returns them as Redis has them: a message that was stored before may have changed since.
    """
    if not messages:
        return []
    with stores.redis.pipeline(transaction=False) as pipe:
        by_partition = add_to_pipeline(stores, messages, pipe)
        replies = execute(pipe)
    stored = {
        message["_id"]: (message, is_new, read.decode())
        for own, reply in zip(by_partition, replies, strict=True)
        for message, is_new, read in zip(own, reply[::2], reply[1::2], strict=True)
    }
    known = [message for message, is_new, _ in stored.values() if not is_new]
    found = {message["_id"]: message for message in hot.read_again(stores, known) if message is not None}
    return [Stored(found.get(message["_id"]) or message, stored[message["_id"]][2]) for message in messages]


def add_to_pipeline(
    stores: Stores, messages: Sequence[StoredMessage], pipe: Pipeline, stored_now: str = ""
) -> list[list[StoredMessage]]:
    """Stores new messages as `store_hot` does, as part of a pipeline: a command for each of the returned groups.

    With `stored_now`, the key of a set on a single Redis, it then has the ids of those that were not stored before.
    """
    by_partition = partitions.grouped(stores, messages)
    for partition, own in by_partition.items():
        _store(stores, partition, own, pipe, stored_now)
    return list(by_partition.values())


def were_new(replies: Iterable[list[Any]]) -> bool:
    """Whether, by the replies to those commands, none of the messages was stored before."""
    return all(is_new for reply in replies for is_new in reply[::2])


def _store(stores: Stores, partition: int, messages: Sequence[StoredMessage], pipe: Pipeline, stored_now: str) -> None:
    script_keys = [keys.outbox_key(partition)]
    arguments: list[str | bytes] = []
    for message in messages:
        message_id, conversation = message["_id"], _conversation(message)
        script_keys += [
            keys.message_key(partition, message_id),
            keys.conversation_key(partition, conversation),
            keys.cursors_key(partition, conversation),
        ]
        arguments += [hot.dump_message(message), message_id, message["receiverId"]]
    script_keys += [stored_now] if stored_now else []
    stores.scripts.store_messages(keys=script_keys, args=arguments, client=pipe)


def listings(stored: Stored) -> tuple[delivery.Listing, delivery.Listing]:
    """How a message is listed for its two people."""
    message, read = stored
    sender, receiver, message_id = message["senderId"], message["receiverId"], message["_id"]
    moment = ids.milliseconds(message_id)
    return (
        delivery.Listing(sender, receiver, moment, message_id),
        delivery.Listing(receiver, sender, moment, message_id, not message.get("deletedAt"), read),
    )


def store_listed(stores: Stores, messages: Sequence[StoredMessage]) -> None:
    """Stores new messages in Redis and in their people's lists, without delivering them."""
    stored = store_hot(stores, messages)
    delivery.deliver(stores, (), listings=[listing for each in stored for listing in listings(each)])


def queue_transcriptions(stores: Stores, messages: Iterable[StoredMessage], pipe: Pipeline) -> None:
    """Has those messages transcribed that wait for it, as part of a pipeline. Safe to repeat."""
    waiting = {each["_id"]: each["audioFileId"] or "" for each in messages if each["status"] == "transcribing"}
    if waiting:
        stores.scripts.queue_transcriptions(
            keys=[keys.TRANSCRIPTIONS, *map(keys.heard_key, waiting.values())],
            args=[heard.WAIT_SECONDS * 1_000, *waiting],
            client=pipe,
        )


def store_archive(stores: Stores, messages: Sequence[StoredMessage]) -> tuple[list[StoredMessage], list[StoredMessage]]:
    """Stores messages in MongoDB, except where it has a newer revision.

    Returns:
        The messages it has now, and the duplicates: those whose sender already used their `clientId` for another one.

    Raises:
        PyMongoError: MongoDB is away.
    """
    if not messages:
        return [], []
    audio.record_claims(stores, [_claim(message) for message in messages if message["audioFileId"]])
    duplicates: list[StoredMessage] = []
    try:
        stores.mongo.messages.bulk_write([archive.upsert_message(message) for message in messages], ordered=False)
    except BulkWriteError as error:
        if error.details["writeConcernErrors"]:
            raise  # too few members have the write, so it may be rolled back
        for problem in error.details["writeErrors"]:
            if problem["code"] != DUPLICATE_KEY:
                raise
            if "clientId" in problem.get("keyPattern", {}):
                duplicates.append(messages[problem["index"]])
    refused = {message["_id"] for message in duplicates}
    stored = [message for message in messages if message["_id"] not in refused]
    _archive_conversations(stores, stored)
    return stored, duplicates


def _archive_conversations(stores: Stores, messages: Sequence[StoredMessage]) -> None:
    """Records each conversation's last message, so that lists include old conversations too."""
    last: dict[str, str] = {}
    for message in messages:
        conversation = _conversation(message)
        last[conversation] = max(message["_id"], last.get(conversation, ""))
    if last:
        writes = [UpdateOne({"_id": key}, {"$max": {"last": newest}}, upsert=True) for key, newest in last.items()]
        stores.mongo.conversations.bulk_write(writes, ordered=False)


def _claim(message: StoredMessage) -> audio.Claim:
    return audio.Claim(message["audioFileId"] or "", message["_id"], _conversation(message))


def confirm(stores: Stores, messages: Iterable[StoredMessage]) -> None:
    """Removes from the outboxes what the archive now has. One round trip."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition, own in partitions.grouped(stores, messages).items():
            stores.scripts.confirm_archived(
                keys=[keys.outbox_key(partition), keys.confirmed_key(partition)],
                args=[part for message in own for part in (message["_id"], message["revision"])],
                client=pipe,
            )
        execute(pipe)


def flush(stores: Stores, pages: int = 50) -> int:
    """Archives what waits in the outboxes, in bounded pages. Returns the number of messages archived.

    Raises:
        PyMongoError: MongoDB is away. Nothing is lost; the outboxes keep it.
    """
    return sum(_flush(stores, partition, pages) for partition, length in _lengths(stores) if length)


def waiting_for_archive(stores: Stores) -> int:
    """The number of messages in all outboxes. One round trip."""
    return sum(length for _, length in _lengths(stores))


def _lengths(stores: Stores) -> list[tuple[int, int]]:
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition in partitions.every(stores):
            pipe.zcard(keys.outbox_key(partition))
        return list(zip(partitions.every(stores), pipe.execute(), strict=True))


def _flush(stores: Stores, partition: int, pages: int) -> int:
    outbox, moved = keys.outbox_key(partition), 0
    for _ in range(pages):
        waiting = [raw.decode() for raw in stores.redis.zrange(outbox, 0, FLUSH_PAGE - 1)]
        if not waiting:
            break
        found = hot.read_in(stores, partition, waiting)
        messages = [message for message in found if message is not None]
        gone = [message_id for message_id, message in zip(waiting, found, strict=True) if message is None]
        stored, duplicates = store_archive(stores, messages)
        for message in duplicates:
            drop_duplicate(stores, message)
        if gone:
            stores.redis.zrem(outbox, *gone)
        confirm(stores, stored)
        moved += len(stored)
        if len(waiting) < FLUSH_PAGE:
            break
    return moved


def may_wait_for_archive(stores: Stores, sender_id: str) -> bool:
    """Whether an outbox may have a message from this person; also True when one is too long to tell."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition in partitions.every(stores):
            pipe.zrange(keys.outbox_key(partition), 0, FLUSH_PAGE - 1)
        pages = pipe.execute()
    if any(len(page) == FLUSH_PAGE for page in pages):
        return True
    places = [(partition, raw.decode()) for partition, page in enumerate(pages) for raw in page]
    return any(each is not None and each["senderId"] == sender_id for each in hot.read_at(stores, places))


def drop_duplicate(stores: Stores, message: StoredMessage) -> None:
    """Removes from Redis a message that repeats the `clientId` of an earlier, archived one.

    This happens only if Redis was lost between the two.
    """
    message_id, partition = message["_id"], partitions.of(stores, message)
    drop_unread(stores, [message])
    with stores.redis.pipeline() as pipe:
        pipe.zrem(keys.TRANSCRIPTIONS, message_id)
        pipe.hdel(keys.TRANSCRIPTION_TURNS, message_id)
        pipe.execute()
    with stores.redis.pipeline() as pipe:  # it comes last: while the outbox has it, all of this is repeated
        pipe.delete(keys.message_key(partition, message_id))
        pipe.zrem(keys.conversation_key(partition, _conversation(message)), message_id)
        pipe.zrem(keys.outbox_key(partition), message_id)
        pipe.execute()
    log.warning("message.doubled", message_id=message_id)


def drop_unread(stores: Stores, messages: Iterable[StoredMessage]) -> None:
    """Removes messages that are gone from their receivers' inboxes, for good. One round trip. Safe to repeat."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for message in messages:
            receiver = message["receiverId"]
            stores.scripts.drop_unread(
                keys=[keys.unwanted_key(receiver), keys.inbox_key(receiver, message["senderId"])],
                args=[message["_id"], LATELY_SECONDS, LATELY_MOST],
                client=pipe,
            )
        execute(pipe)


def forget_doomed(stores: Stores, messages: Iterable[StoredMessage]) -> None:
    """Notes that the recordings of deleted messages are marked for erasure, so that nobody marks them again."""
    recordings: dict[int, list[str]] = {}
    for message in messages:
        if message["audioFileId"]:
            recordings.setdefault(partitions.of(stores, message), []).append(message["audioFileId"])
    if recordings:
        with stores.redis.pipeline(transaction=False) as pipe:
            for partition, own in recordings.items():
                pipe.srem(keys.doomed_key(partition), *own)
            pipe.execute()


def find_originals(stores: Stores, messages: Sequence[StoredMessage]) -> dict[str, StoredMessage]:
    """Maps the id of each duplicate to the archived message that has its `clientId`. Raises PyMongoError."""
    named = {send: message["_id"] for message in messages if (send := _send_key(message))}
    if not named:
        return {}
    sends = [{"conversation": where, "senderId": sender, "clientId": client} for where, sender, client in named]
    archived = map(archive.load_message, stores.mongo.messages.find({"$or": sends}))
    originals = {_send_key(original): original for original in archived}
    return {named[key]: original for key, original in originals.items() if key and original["_id"] != named[key]}


def _send_key(message: StoredMessage) -> SendKey | None:
    """The values of `archive.Message`'s unique index; None if the client gave no `clientId`."""
    client_id = message.get("clientId")
    return (_conversation(message), message["senderId"], client_id) if client_id else None


def _conversation(message: Message) -> str:
    return ids.conversation_id(message["senderId"], message["receiverId"])


def find_message(stores: Stores, message_id: str) -> StoredMessage | None:
    """Returns the stored message from Redis, else from MongoDB, whoever sent it."""
    found = hot.read_messages(stores, [message_id])[0]
    return found if found is not None else _archived(stores, message_id)


def load_for_change(stores: Stores, message_id: str) -> StoredMessage | None:
    """Returns the stored message. If only the archive has it, loads it into Redis for a while to change there."""
    found = hot.read_messages(stores, [message_id])[0]
    if found is None and (archived := _archived(stores, message_id)) is not None:
        load_all_for_change(stores, [archived], CHANGED_SECONDS)
        found = hot.read_again(stores, [archived])[0]
    return found


def load_all_for_change(stores: Stores, archived: Sequence[StoredMessage], seconds: int) -> None:
    """Loads archived messages that Redis lacks into it, for that many seconds. One round trip."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition, own in partitions.grouped(stores, archived).items():
            stores.scripts.load_for_change(
                keys=[keys.message_key(partition, message["_id"]) for message in own],
                args=[seconds, *map(hot.dump_message, own)],
                client=pipe,
            )
        execute(pipe)


def archived(stores: Stores, message_ids: Sequence[str]) -> list[StoredMessage]:
    """Returns those of the messages that MongoDB has. Raises PyMongoError."""
    wanted = {"_id": {"$in": list(message_ids)}}
    return [archive.load_message(each) for each in stores.mongo.messages.find(wanted)] if message_ids else []


def _archived(stores: Stores, message_id: str) -> StoredMessage | None:
    found = stores.mongo.messages.find_one({"_id": message_id})
    return None if found is None else archive.load_message(found)


def change(stores: Stores, message: StoredMessage, fields: Changes) -> StoredMessage | None:
    """Merges fields into a message in Redis (None removes a field) and puts it in the outbox.

    Returns the message as it is now, or None if it is not in Redis or was deleted.
    """
    return change_all(stores, [message], fields)[0]


def change_all(stores: Stores, messages: Sequence[StoredMessage], fields: Changes) -> list[StoredMessage | None]:
    """Does the same for several messages, in one round trip. A recording that a change removes will be erased."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for message in messages:
            partition = partitions.of(stores, message)
            terms = search_terms.of_message({**message, **fields})
            recording = (message["audioFileId"] or "") if fields.get("audioFileId", "") is None else ""
            stores.scripts.change_message(
                keys=[
                    keys.message_key(partition, message["_id"]),
                    keys.outbox_key(partition),
                    keys.doomed_key(partition),
                ],
                args=[
                    message["_id"],
                    message["senderId"],
                    orjson.dumps({**fields, "terms": terms}),
                    CHANGED_SECONDS,
                    recording,
                ],
                client=pipe,
            )
        return [None if raw is None else hot.load_message(orjson.loads(raw)) for raw in execute(pipe)]
