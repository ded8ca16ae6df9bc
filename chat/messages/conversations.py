"""A person's conversations: the partner, the last message, the number of unread messages; and marking them read."""

from contextlib import suppress
from operator import itemgetter
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import PyMongoError
from redis.client import Pipeline

from chat import frames, ids, wire
from chat.errors import Invalid, NotFound
from chat.messages import delivery, storing
from chat.people import accounts, muting
from chat.store import archive, hot, keys, partitions
from chat.store.connection import Stores
from chat.store.scripts import execute
from chat.wire import Message, StoredMessage

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
LAST_TEXT_LIMIT = 200  # characters of a last message; a list shows a line of it
THERE_BEFORE, MOVED = 1, 2  # replies of move_read_cursor.lua
_SAME_MOMENT = 16  # extra rows to read, since several last messages may share the page boundary's millisecond


def list_conversations(stores: Stores, user_id: str, limit: int, before: str | None) -> list[dict[str, Any]]:
    """Returns a page of conversations, newest first.

    To continue after a page, pass the `_id` of its final conversation's last message as `before`.

    Raises:
        Invalid: `before` is not a message id.
    """
    if before is not None and not ids.is_id(before):
        raise Invalid("before", "not_a_message_id")
    listed = _listed(stores, user_id, limit, before)
    partners = list(listed)
    with stores.redis.pipeline(transaction=False) as pipe:
        for partner, moment in listed.items():
            conversation = ids.conversation_id(user_id, partner)
            partition = partitions.of_conversation(stores, conversation)
            # A newer message may be stored and not counted yet, or the reverse, if another step of its drainer's is on
            # its way or comes between these two.
            until = f"({_end(moment)}"
            pipe.zrevrangebylex(keys.conversation_key(partition, conversation), until, "-", 0, 1)
            pipe.zlexcount(keys.inbox_key(user_id, partner), "-", until)
            pipe.hgetall(keys.cursors_key(partition, conversation))
        found = pipe.execute()
    newest = [last[0].decode() if last else None for last in found[::3]]
    lasts = _fill_from_archive(stores, user_id, listed, newest)
    rows = [
        (last, partner, unread, cursors)
        for partner, last, unread, cursors in zip(partners, lasts, found[1::3], found[2::3], strict=True)
        if last and (before is None or last < before)
    ]
    rows = sorted(rows, key=itemgetter(0), reverse=True)[:limit]
    profiles = accounts.profiles(stores, user_id, [partner for _, partner, *_ in rows])
    messages = _messages(stores, user_id, {last: partner for last, partner, *_ in rows})
    muted = muting.muted(stores, user_id) if rows else ()
    return [
        {
            "partner": profiles[partner],
            "lastMessage": _last(messages[last], cursors),
            "unread": unread,
            "muted": partner in muted,
        }
        for last, partner, unread, cursors in rows
        if last in messages
    ]


def mark_read(stores: Stores, reader_id: str, partner_id: str, up_to: str) -> None:
    """Marks everything up to that message as read, and tells the partner if that is news.

    Raises:
        NotFound: the conversation has no such message.
    """
    conversation = ids.conversation_id(reader_id, partner_id)
    if not ids.is_id(up_to) or not _contains(stores, conversation, up_to):
        raise NotFound("no_such_message")
    # The reader's own first: if we die in between, nothing that was read stays unread, and the partner is told when the
    # call is repeated.
    with stores.redis.pipeline(transaction=False) as pipe:
        note_read(stores, reader_id, partner_id, up_to, pipe)
        *_, cursor = execute(pipe)
    frame = frames.read_frame(up_to, reader_id, partner_id)
    if cursor == MOVED or (cursor == THERE_BEFORE and not delivery.was_delivered(stores, frame)):
        delivery.deliver(stores, [frame])


def note_read(stores: Stores, reader_id: str, partner_id: str, up_to: str, pipe: Pipeline) -> None:
    """Empties the reader's inbox up to that message, then moves their cursor, as the last two commands of a pipeline.

    The last reply says what became of the cursor (see `move_read_cursor.lua`). Safe to repeat.
    """
    conversation = ids.conversation_id(reader_id, partner_id)
    partition = partitions.of_conversation(stores, conversation)
    stores.scripts.note_read(
        keys=[keys.read_key(reader_id), keys.inbox_key(reader_id, partner_id)],
        args=[partner_id, up_to, storing.LATELY_SECONDS],
        client=pipe,
    )
    stores.scripts.move_read_cursor(
        keys=[keys.cursors_key(partition, conversation), keys.cursors_outbox_key(partition)],
        args=[reader_id, up_to, ids.cursor_id(conversation, reader_id)],
        client=pipe,
    )


def require(stores: Stores, user_id: str, partner_id: str) -> None:
    """Raises NotFound unless the partner exists, or existed and the two have talked to each other."""
    try:
        accounts.require(stores, partner_id)
    except NotFound:
        conversation = ids.conversation_id(user_id, partner_id)
        if not ids.is_id(partner_id) or not _has_messages(stores, conversation):
            raise


def _has_messages(stores: Stores, conversation: str) -> bool:
    if stores.redis.exists(partitions.conversation_key(stores, conversation)):
        return True
    return stores.mongo.messages.count_documents({"conversation": conversation}, limit=1) > 0


def _listed(stores: Stores, user_id: str, limit: int, before: str | None) -> dict[str, int]:
    """The partners of a page, newest first, and when the last message that is listed was accepted (Unix, ms)."""
    newest = "+inf" if before is None else ids.milliseconds(before)
    found = stores.redis.zrevrangebyscore(
        keys.conversations_key(user_id), newest, "-inf", start=0, num=limit + _SAME_MOMENT, withscores=True
    )
    return {partner.decode(): int(moment) for partner, moment in found}


def _fill_from_archive(
    stores: Stores, user_id: str, listed: dict[str, int], newest: list[str | None]
) -> list[str | None]:
    """The last message id of each conversation, read from the archive where the hot window has none."""
    wanted = {
        ids.conversation_id(user_id, partner): (position, _end(moment))
        for position, ((partner, moment), last) in enumerate(zip(listed.items(), newest, strict=True))
        if last is None
    }
    if not wanted:
        return newest
    lasts = list(newest)
    with suppress(PyMongoError):  # recent conversations can be shown without it
        for conversation in stores.mongo.conversations.find({"_id": {"$in": list(wanted)}}):
            position, end = wanted[conversation["_id"]]
            lasts[position] = last = conversation["last"]
            if last >= end:
                lasts[position] = _archived_before(stores, conversation["_id"], end)
    return lasts


def _archived_before(stores: Stores, conversation: str, end: str) -> str | None:
    found = stores.mongo.messages.find_one(
        {"conversation": conversation, "_id": {"$lt": end}}, {"_id": 1}, sort=[("_id", DESCENDING)]
    )
    return found["_id"] if found else None


def _end(moment: int) -> str:
    """The lowest id after all that were accepted until that moment (Unix, ms)."""
    return ids.lowest_id(moment + 1)


def _messages(stores: Stores, user_id: str, partners: dict[str, str]) -> dict[str, StoredMessage]:
    """Messages by id, given the partner of each, from whichever store has them."""
    places = [(partitions.of_people(stores, user_id, partner), message_id) for message_id, partner in partners.items()]
    found = {message["_id"]: message for message in hot.read_at(stores, places) if message is not None}
    if missing := [message_id for message_id in partners if message_id not in found]:
        with suppress(PyMongoError):
            archived = stores.mongo.messages.find({"_id": {"$in": missing}})
            found |= {message["_id"]: message for message in map(archive.load_message, archived)}
    return found


def _last(message: StoredMessage, cursors: dict[bytes, bytes]) -> Message:
    read = cursors.get(message["receiverId"].encode())
    shown = wire.with_read(wire.message(message), read.decode() if read else None)
    shown.pop("peaks", None)  # a list draws no waveforms, and follows no words
    shown.pop("words", None)
    shown["text"] = shown["text"][:LAST_TEXT_LIMIT]
    return shown


def _contains(stores: Stores, conversation: str, message_id: str) -> bool:
    if stores.redis.zscore(partitions.conversation_key(stores, conversation), message_id) is not None:
        return True
    return stores.mongo.messages.count_documents({"_id": message_id, "conversation": conversation}, limit=1) > 0
