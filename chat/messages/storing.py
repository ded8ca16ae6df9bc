"""Writes messages to both stores, each step safe to run twice, and finds one wherever it is.

Redis comes first, with an entry in the outbox for each write; MongoDB follows in one bulk, and what it
confirms leaves the outbox. While MongoDB is away the outbox grows, and `flush` empties it afterwards.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import structlog
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError
from redis import Redis

from chat import audio, ids
from chat.store import hot, keys, search_terms
from chat.store.connection import Document, Stores

log = structlog.get_logger(__name__)

WARM_SECONDS = 7 * 86_400  # an old message that was changed stays in Redis this long
UNREAD_LIMIT = 1_000  # unread counts stop here
DUPLICATE_KEY = 11000
FLUSH_PAGE = 200


def store_hot(stores: Stores, documents: Sequence[Document]) -> list[Document]:
    """Store new messages in Redis, with their places in lists, inbox and outbox. One round trip.

    Returns them as they are there: one that was stored before may have been changed since.
    """
    script_keys = [keys.OUTBOX, keys.TRANSCRIPTIONS]
    arguments: list[str | bytes | int] = [UNREAD_LIMIT]
    for document in documents:
        message_id, sender, receiver = document["pk"], document["senderId"], document["receiverId"]
        script_keys += [
            keys.message_key(message_id),
            keys.conversation_key(_conversation(document)),
            keys.conversations_key(sender),
            keys.conversations_key(receiver),
            keys.inbox_key(receiver, sender),
        ]
        json = hot.dump_message(document | {"terms": search_terms.of_message(document)})
        waits = int(document["status"] == "transcribing")
        arguments += [json, message_id, ids.milliseconds(message_id), sender, receiver, waits]
    if not documents:
        return []
    new = stores.scripts.persist(keys=script_keys, args=arguments)
    before = [document["pk"] for document, fresh in zip(documents, new, strict=True) if not fresh]
    found = dict(zip(before, hot.read_messages(stores.redis, before), strict=True))
    return [found.get(document["pk"]) or document for document in documents]


def store_archive(stores: Stores, documents: Sequence[Document]) -> tuple[list[Document], list[Document]]:
    """Store messages in MongoDB, unless it holds a newer revision.

    Returns:
        Those it holds now, and those it refuses because their sender's `clientId` has another message.

    Raises:
        PyMongoError: it is away.
    """
    if not documents:
        return [], []
    audio.claimed(stores, [_claim(document) for document in documents if document.get("audioFileId")])
    writes = [_archive_write(document) for document in documents]
    doubled: list[Document] = []
    try:
        stores.mongo.messages.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        if error.details["writeConcernErrors"]:
            raise  # written on too few members, and may be undone
        for problem in error.details["writeErrors"]:
            if problem["code"] != DUPLICATE_KEY:
                raise
            if "clientId" in problem.get("keyPattern", {}):
                doubled.append(documents[problem["index"]])
    refused = {document["pk"] for document in doubled}
    _archive_conversations(stores, [document for document in documents if document["pk"] not in refused])
    return [document for document in documents if document["pk"] not in refused], doubled


def _archive_conversations(stores: Stores, documents: Sequence[Document]) -> None:
    """Note each conversation's last message, so that lists know those of long ago too."""
    last: dict[str, str] = {}
    for document in documents:
        conversation = _conversation(document)
        last[conversation] = max(document["pk"], last.get(conversation, ""))
    if last:
        writes = [UpdateOne({"_id": key}, {"$max": {"last": newest}}, upsert=True) for key, newest in last.items()]
        stores.mongo.conversations.bulk_write(writes, ordered=False)


def _claim(document: Document) -> audio.Claim:
    return audio.Claim(document["audioFileId"], document["pk"], _conversation(document))


def _archive_write(document: Document) -> UpdateOne:
    # With a newer revision there the filter finds nothing and the insert hits the `_id`: just what we want.
    # A tombstone is the last word, whatever revisions a crash of Redis may have lost.
    message_id = document["pk"]
    fields = {name: value for name, value in document.items() if name not in ("pk", "terms") and value is not None}
    fields["conversation"] = _conversation(document)
    gone = {name: "" for name in hot.OPTIONAL_FIELDS if name not in fields}
    change: dict[str, Any] = {"$set": fields}
    if document["revision"] > 1 and gone:
        change["$unset"] = gone
    older = {} if "deletedAt" in fields else {"revision": {"$lt": document["revision"]}}
    own = {"_id": message_id, "conversation": fields["conversation"], "deletedAt": {"$exists": False}}
    return UpdateOne(own | older, change, upsert=True)


def confirm(stores: Stores, documents: Iterable[Document], client: Redis | None = None) -> None:
    """Take out of the outbox what the archive holds."""
    arguments = [part for document in documents for part in (document["pk"], document["revision"])]
    if arguments:
        stores.scripts.confirm(keys=[keys.OUTBOX], args=arguments, client=client)


def flush(stores: Stores, pages: int = 50) -> int:
    """Bring the archive what waits in the outbox, in bounded pages; answers how many went over.

    Raises:
        PyMongoError: MongoDB is away; nothing is lost, the outbox keeps it.
    """
    moved = 0
    for _ in range(pages):
        waiting = [raw.decode() for raw in stores.redis.zrange(keys.OUTBOX, 0, FLUSH_PAGE - 1)]
        if not waiting:
            break
        found = hot.read_messages(stores.redis, waiting)
        documents = [document for document in found if document is not None]
        gone = [message_id for message_id, document in zip(waiting, found, strict=True) if document is None]
        stored, doubled = store_archive(stores, documents)
        for document in doubled:
            drop_double(stores, document)
        if gone:
            stores.redis.zrem(keys.OUTBOX, *gone)
        confirm(stores, stored)
        moved += len(stored)
        if len(waiting) < FLUSH_PAGE:
            break
    return moved


def waits_of(stores: Stores, sender_id: str) -> bool:
    """Whether something of this person may be in the outbox; True also when it is too long to tell."""
    waiting = [raw.decode() for raw in stores.redis.zrange(keys.OUTBOX, 0, FLUSH_PAGE - 1)]
    found = hot.read_messages(stores.redis, waiting)
    return len(waiting) == FLUSH_PAGE or any(each is not None and each["senderId"] == sender_id for each in found)


def drop_double(stores: Stores, document: Document) -> None:
    """Take out of Redis a message whose `clientId` the archive knows from an earlier one.

    Happens only when Redis was lost between the two.
    """
    message_id, sender, receiver = document["pk"], document["senderId"], document["receiverId"]
    with stores.redis.pipeline() as pipe:
        pipe.delete(keys.message_key(message_id))
        pipe.zrem(keys.conversation_key(_conversation(document)), message_id)
        pipe.zrem(keys.inbox_key(receiver, sender), message_id)
        pipe.zrem(keys.OUTBOX, message_id)
        pipe.zrem(keys.TRANSCRIPTIONS, message_id)
        pipe.execute()
    log.warning("message.doubled", message_id=message_id)


def first_of_doubles(stores: Stores, documents: Sequence[Document]) -> dict[str, Document]:
    """By the ids of those that are doubles: the message the archive has for their `clientId`. Raises PyMongoError."""
    named = {_send(each): each["pk"] for each in documents if each.get("clientId")}
    if not named:
        return {}
    sends = [{"conversation": where, "senderId": sender, "clientId": client} for where, sender, client in named]
    found = {_send(first): first for first in stores.mongo.messages.find({"$or": sends})}
    return {named[send]: first for send, first in found.items() if first["_id"] != named[send]}


def _send(document: Document) -> tuple[str, str, str]:
    """What stays the same however often a client repeats a send: the unique index of `archive.Message`."""
    return _conversation(document), document["senderId"], document["clientId"]


def _conversation(document: Document) -> str:
    return ids.conversation_id(document["senderId"], document["receiverId"])


def find_message(stores: Stores, message_id: str) -> Document | None:
    """The stored message from Redis, else from MongoDB; no matter whose."""
    found = hot.read_messages(stores.redis, [message_id])[0]
    return found if found is not None else stores.mongo.messages.find_one({"_id": message_id})


def warm_message(stores: Stores, message_id: str) -> Document | None:
    """The stored message, put into Redis for a time if only the archive has it, so that it can be changed there."""
    found = hot.read_messages(stores.redis, [message_id])[0]
    if found is None and (archived := stores.mongo.messages.find_one({"_id": message_id})) is not None:
        warm(stores, [archived], WARM_SECONDS)
        found = hot.read_messages(stores.redis, [message_id])[0]
    return found


def warm(stores: Stores, archived: Sequence[Document], seconds: int) -> None:
    """Put messages of the archive into Redis for a time where it lacks them. One round trip."""
    script_keys = [keys.message_key(document["_id"]) for document in archived]
    if script_keys:
        stores.scripts.warm(keys=script_keys, args=[seconds, *(hot.dump_message(hot_form(each)) for each in archived)])


def change(stores: Stores, message_id: str, sender_id: str, fields: dict[str, Any]) -> Document | None:
    """Merge fields into a message in Redis (None removes one) and note it for the archive.

    Returns the message as it is now, or None when it is not there, not this sender's, or deleted.
    """
    return change_all(stores, [message_id], sender_id, fields)[0]


def change_all(
    stores: Stores, message_ids: Sequence[str], sender_id: str, fields: dict[str, Any]
) -> list[Document | None]:
    """The same for several messages of one sender. One round trip."""
    merged = orjson.dumps(fields)
    with stores.redis.pipeline(transaction=False) as pipe:
        for message_id in message_ids:
            script_keys = [keys.message_key(message_id), keys.OUTBOX]
            stores.scripts.change(keys=script_keys, args=[message_id, sender_id, merged, WARM_SECONDS], client=pipe)
        return [None if raw is None else orjson.loads(raw) for raw in pipe.execute()]


def hot_form(archived: Document) -> Document:
    """A message of the archive as the hot store keeps it."""
    document = {name: value for name, value in archived.items() if name not in ("_id", "conversation")}
    document["pk"] = archived["_id"]
    document["terms"] = search_terms.of_message(document)
    return document


def restore_user(stores: Stores, user_id: str) -> bool:
    """Put a person into Redis whom only MongoDB knows (Redis was lost). Answers whether there is such a person."""
    return bool(restore_users(stores, [user_id]))


def restore_users(stores: Stores, user_ids: Sequence[str]) -> list[str]:
    """The same for several people; answers those there are. Nobody while MongoDB is away."""
    if not user_ids:
        return []
    try:
        users = list(stores.mongo.users.find({"_id": {"$in": list(user_ids)}}))
    except PyMongoError:
        return []
    for user in users:
        hot.save_user(stores.redis, user)
    return [user["_id"] for user in users]
