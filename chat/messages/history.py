"""Reads a conversation's history: recent messages from Redis, older ones from MongoDB, in one order by message id.

Redis has every message of a conversation from some id on: its *hot* part. The archive is asked only for messages older
than the oldest hot one, so the two parts meet without a gap or an overlap, even while messages arrive (at the new end)
and while the sync moves the boundary (each page reads the boundary first).
"""

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import PyMongoError

from chat import ids, wire
from chat.errors import Invalid
from chat.store import archive, hot, keys, partitions
from chat.store.connection import Stores
from chat.wire import Message, StoredMessage

MAX_PAGE_SIZE = 500
DEFAULT_PAGE_SIZE = 50
PAGING_SECONDS = 86_400  # for so long pages by offset count from the same message


def recent(stores: Stores, reader_id: str, partner_id: str) -> list[Message]:
    """Returns the newest messages of the hot window, at most `history_limit`, ascending."""
    conversation = ids.conversation_id(reader_id, partner_id)
    return _finish(stores, conversation, _newest(stores, conversation))


def opened(stores: Stores, reader_id: str, partner_id: str) -> list[Message]:
    """Returns the same for a client that pages by `offset`, and remembers where its pages begin.

    Voice messages that are being transcribed are left out, since such a client adds them when they are complete.
    """
    conversation = ids.conversation_id(reader_id, partner_id)
    newest = _newest(stores, conversation)
    key = keys.paging_key(reader_id, partner_id)
    if newest:
        stores.redis.set(key, _boundary(stores, newest), ex=PAGING_SECONDS)
    else:
        stores.redis.delete(key)
    complete = [message for message in newest if message["status"] != "transcribing"]
    return _finish(stores, conversation, complete)


def before(stores: Stores, reader_id: str, partner_id: str, message_id: str, limit: int) -> list[Message]:
    """Returns the messages just before that one, ascending."""
    conversation = ids.conversation_id(reader_id, partner_id)
    found = _older(stores, conversation, _cursor("before", message_id), limit)
    return _finish(stores, conversation, found)


def after(stores: Stores, reader_id: str, partner_id: str, message_id: str, limit: int) -> list[Message]:
    """Returns the messages just after that one, ascending."""
    conversation = ids.conversation_id(reader_id, partner_id)
    start = _cursor("after", message_id)
    oldest_hot = _oldest_hot(stores, conversation)
    found: list[StoredMessage] = []
    if oldest_hot is None or start < oldest_hot:
        newer = {"$gt": start} if oldest_hot is None else {"$gt": start, "$lt": oldest_hot}
        found = _archived(stores, conversation, newer, limit, ASCENDING)
    if len(found) < limit:
        found += _hot_after(stores, conversation, start, limit - len(found))
    return _finish(stores, conversation, found)


def beyond_recent(stores: Stores, reader_id: str, partner_id: str, offset: int, limit: int) -> list[Message]:
    """Returns a page, ascending; offset 0 is the newest message older than what `opened` returned last.

    That counts for `PAGING_SECONDS`, whatever has arrived since; without it the pages begin below what `recent` returns
    now.
    """
    conversation = ids.conversation_id(reader_id, partner_id)
    remembered = stores.redis.get(keys.paging_key(reader_id, partner_id))
    boundary = remembered.decode() if remembered else _boundary(stores, _newest(stores, conversation))
    key = partitions.conversation_key(stores, conversation)
    with stores.redis.pipeline(transaction=True) as pipe:
        pipe.zrange(key, 0, 0)
        pipe.zlexcount(key, "-", f"({boundary}")
        pipe.zrevrangebylex(key, f"({boundary}", "-", offset, limit)
        oldest, older_count, page = pipe.execute()
    found = _load(stores, conversation, page[::-1])
    if len(page) < limit:
        end = min(oldest[0].decode(), boundary) if oldest else boundary
        skip = max(0, offset - older_count)
        found = _archived(stores, conversation, {"$lt": end}, limit - len(page), DESCENDING, skip)[::-1] + found
    return _finish(stores, conversation, found)


def _boundary(stores: Stores, newest: list[StoredMessage]) -> str:
    """The id below which everything is older than these newest messages of the hot window."""
    return newest[0]["_id"] if newest else ids.days_ago(stores.settings.hot_window_days)


def _newest(stores: Stores, conversation: str) -> list[StoredMessage]:
    """What `recent` returns, before it is made presentable."""
    limit = stores.settings.history_limit
    found = _hot_before(stores, conversation, None, limit)
    if len(found) < limit and not _hot_complete(stores):
        found = _fill_from_archive(stores, conversation, found, limit)
    return found


def _cursor(field: str, message_id: str) -> str:
    if not ids.is_id(message_id):
        raise Invalid(field, "not_a_message_id")
    return message_id


def _finish(stores: Stores, conversation: str, found: list[StoredMessage]) -> list[Message]:
    partition = partitions.of_conversation(stores, conversation)
    cursors = stores.redis.hgetall(keys.cursors_key(partition, conversation))
    read = {person.decode(): up_to.decode() for person, up_to in cursors.items()}
    return [wire.with_read(wire.message(each), read.get(each["receiverId"])) for each in found]


def _oldest_hot(stores: Stores, conversation: str) -> str | None:
    """The oldest message id that Redis has of a conversation."""
    oldest = stores.redis.zrange(partitions.conversation_key(stores, conversation), 0, 0)
    return oldest[0].decode() if oldest else None


def _hot_complete(stores: Stores) -> bool:
    return bool(stores.redis.exists(keys.HOT_COMPLETE))


def _fill_from_archive(
    stores: Stores, conversation: str, found: list[StoredMessage], limit: int
) -> list[StoredMessage]:
    """Adds the rest of the hot window from the archive to `found`; returns `found` alone while MongoDB is away too."""
    oldest = ids.days_ago(stores.settings.hot_window_days)
    window = {"$gte": oldest, "$lt": found[0]["_id"]} if found else {"$gte": oldest}
    try:
        older = _archived(stores, conversation, window, limit - len(found), DESCENDING)
    except PyMongoError:
        return found
    return older[::-1] + found


def _load(stores: Stores, conversation: str, raw_ids: list[bytes]) -> list[StoredMessage]:
    partition = partitions.of_conversation(stores, conversation)
    found = hot.read_in(stores, partition, [raw.decode() for raw in raw_ids])
    return [message for message in found if message is not None]


def _hot_before(stores: Stores, conversation: str, message_id: str | None, limit: int) -> list[StoredMessage]:
    start = f"({message_id}" if message_id else "+"
    newest = stores.redis.zrevrangebylex(partitions.conversation_key(stores, conversation), start, "-", 0, limit)
    return _load(stores, conversation, newest[::-1])


def _hot_after(stores: Stores, conversation: str, message_id: str, limit: int) -> list[StoredMessage]:
    key = partitions.conversation_key(stores, conversation)
    return _load(stores, conversation, stores.redis.zrangebylex(key, f"({message_id}", "+", 0, limit))


def _older(stores: Stores, conversation: str, message_id: str, limit: int) -> list[StoredMessage]:
    oldest_hot = _oldest_hot(stores, conversation)
    found = _hot_before(stores, conversation, message_id, limit) if oldest_hot is not None else []
    if len(found) < limit:
        end = message_id if oldest_hot is None else min(oldest_hot, message_id)
        older = _archived(stores, conversation, {"$lt": end}, limit - len(found), DESCENDING)
        found = older[::-1] + found
    return found


def _archived(
    stores: Stores, conversation: str, id_range: dict[str, str], limit: int, order: int, skip: int = 0
) -> list[StoredMessage]:
    query = {"conversation": conversation, "_id": id_range}
    found = stores.mongo.messages.find(query).sort("_id", order).skip(skip).limit(limit)
    return [archive.load_message(document) for document in found]
