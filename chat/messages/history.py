"""Reads of a conversation: recent from Redis, older from MongoDB, as one sequence ordered by message id.

Redis holds every message of a conversation from some id on: its *hot* part. The archive is asked only for what
is older than the oldest hot message, so the two parts meet without gap or overlap, also while messages
arrive (at the new end) and while the sync moves the seam (a page reads the seam first).
"""

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import PyMongoError

from chat import ids, wire
from chat.errors import Invalid
from chat.store import archive, hot, keys
from chat.store.connection import Stores
from chat.wire import Message, StoredMessage

PAGE_LIMIT = 500
PAGE_DEFAULT = 50


def recent(stores: Stores, reader_id: str, partner_id: str) -> list[Message]:
    """The newest messages of the hot window, at most `history_limit`, ascending."""
    conversation = ids.conversation_id(reader_id, partner_id)
    return _finish(stores, conversation, _newest(stores, conversation))


def before(stores: Stores, reader_id: str, partner_id: str, message_id: str, limit: int) -> list[Message]:
    """The messages just older than that one, ascending."""
    conversation = ids.conversation_id(reader_id, partner_id)
    found = _older(stores, conversation, _cursor("before", message_id), limit)
    return _finish(stores, conversation, found)


def after(stores: Stores, reader_id: str, partner_id: str, message_id: str, limit: int) -> list[Message]:
    """The messages just newer than that one, ascending."""
    conversation = ids.conversation_id(reader_id, partner_id)
    start = _cursor("after", message_id)
    seam = _seam(stores, conversation)
    found: list[StoredMessage] = []
    if seam is None or start < seam:
        newer = {"$gt": start} if seam is None else {"$gt": start, "$lt": seam}
        found = _archived(stores, conversation, newer, limit, ASCENDING)
    if len(found) < limit:
        found += _hot_after(stores, conversation, start, limit - len(found))
    return _finish(stores, conversation, found)


def beyond_recent(stores: Stores, reader_id: str, partner_id: str, offset: int, limit: int) -> list[Message]:
    """A page counted from the newest message that `recent` does not answer, ascending."""
    conversation = ids.conversation_id(reader_id, partner_id)
    skip = stores.settings.history_limit + offset
    count = stores.redis.zcard(keys.conversation_key(conversation))
    if not _hot_complete(stores):
        answered_before = _newest(stores, conversation)
        older = {"$lt": answered_before[0]["_id"]} if answered_before else {"$gt": ""}
        found = _archived(stores, conversation, older, limit, DESCENDING, offset)[::-1]
    elif skip < count:
        found = _hot_page(stores, conversation, skip, limit)
        if len(found) < limit:
            found = _archive_below(stores, conversation, 0, limit - len(found)) + found
    else:
        answered = min(count, stores.settings.history_limit)
        found = _archive_below(stores, conversation, offset + answered - count, limit)
    return _finish(stores, conversation, found)


def _newest(stores: Stores, conversation: str) -> list[StoredMessage]:
    """What the plain call answers."""
    limit = stores.settings.history_limit
    found = _hot_before(stores, conversation, None, limit)
    if len(found) < limit and not _hot_complete(stores):
        found = _fill_from_archive(stores, conversation, found, limit)
    return found


def _cursor(field: str, message_id: str) -> str:
    if not ids.is_id(message_id):
        raise Invalid(field, "That is not a message id.")
    return message_id


def _finish(stores: Stores, conversation: str, found: list[StoredMessage]) -> list[Message]:
    cursors = stores.redis.hgetall(keys.cursors_key(conversation))
    read = {person.decode(): up_to.decode() for person, up_to in cursors.items()}
    return [wire.with_read(wire.message(each), read.get(each["receiverId"])) for each in found]


def _seam(stores: Stores, conversation: str) -> str | None:
    """The oldest message id Redis holds of a conversation."""
    oldest = stores.redis.zrange(keys.conversation_key(conversation), 0, 0)
    return oldest[0].decode() if oldest else None


def _hot_complete(stores: Stores) -> bool:
    return bool(stores.redis.exists(keys.HOT_COMPLETE))


def _fill_from_archive(
    stores: Stores, conversation: str, found: list[StoredMessage], limit: int
) -> list[StoredMessage]:
    """What the window holds beyond the hot messages found; those alone while MongoDB is away as well."""
    oldest = ids.days_ago(stores.settings.hot_window_days)
    window = {"$gte": oldest, "$lt": found[0]["_id"]} if found else {"$gte": oldest}
    try:
        older = _archived(stores, conversation, window, limit - len(found), DESCENDING)
    except PyMongoError:
        return found
    return older[::-1] + found


def _load(stores: Stores, raw_ids: list[bytes]) -> list[StoredMessage]:
    wanted = [raw.decode() for raw in raw_ids]
    found = hot.read_messages(stores.redis, wanted)
    return [message for message in found if message is not None]


def _hot_before(stores: Stores, conversation: str, message_id: str | None, limit: int) -> list[StoredMessage]:
    start = f"({message_id}" if message_id else "+"
    newest = stores.redis.zrevrangebylex(keys.conversation_key(conversation), start, "-", 0, limit)
    return _load(stores, newest[::-1])


def _hot_after(stores: Stores, conversation: str, message_id: str, limit: int) -> list[StoredMessage]:
    key = keys.conversation_key(conversation)
    return _load(stores, stores.redis.zrangebylex(key, f"({message_id}", "+", 0, limit))


def _hot_page(stores: Stores, conversation: str, skip: int, limit: int) -> list[StoredMessage]:
    key = keys.conversation_key(conversation)
    return _load(stores, stores.redis.zrevrange(key, skip, skip + limit - 1)[::-1])


def _older(stores: Stores, conversation: str, message_id: str, limit: int) -> list[StoredMessage]:
    seam = _seam(stores, conversation)
    found = _hot_before(stores, conversation, message_id, limit) if seam is not None else []
    if len(found) < limit:
        end = message_id if seam is None else min(seam, message_id)
        older = _archived(stores, conversation, {"$lt": end}, limit - len(found), DESCENDING)
        found = older[::-1] + found
    return found


def _archive_below(stores: Stores, conversation: str, skip: int, limit: int) -> list[StoredMessage]:
    seam = _seam(stores, conversation)
    older = {"$lt": seam} if seam is not None else {"$gt": ""}
    return _archived(stores, conversation, older, limit, DESCENDING, skip)[::-1]


def _archived(
    stores: Stores, conversation: str, id_range: dict[str, str], limit: int, order: int, skip: int = 0
) -> list[StoredMessage]:
    query = {"conversation": conversation, "_id": id_range}
    found = stores.mongo.messages.find(query).sort("_id", order).skip(skip).limit(limit)
    return [archive.load_message(document) for document in found]
