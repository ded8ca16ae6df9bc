"""The partitions of the messages in Redis: each has the conversations of some hashes, with a log and an outbox.

What belongs to one conversation is in one partition, so its messages keep their order, while others are drained beside
it. Their number is fixed at the first start and kept in both stores: with another, what is in the logs would be looked
for in the wrong ones.
"""

from collections.abc import Iterable
from contextlib import suppress

from pymongo.errors import DuplicateKeyError

from chat import ids
from chat.store import keys
from chat.store.connection import Stores
from chat.wire import Message, StoredMessage

MARK = "partitions"  # in the collection `marks`
MOVE = "flask --app web.app partitions move"


def of_conversation(stores: Stores, conversation: str) -> int:
    """The partition of a conversation."""
    return ids.conversation_hash(conversation) % stores.settings.partitions


def of_people(stores: Stores, one: str, other: str) -> int:
    """The partition of two people's conversation."""
    return of_conversation(stores, ids.conversation_id(one, other))


def of(stores: Stores, message: Message) -> int:
    """The partition of a message."""
    return of_people(stores, message["senderId"], message["receiverId"])


def of_message(stores: Stores, message_id: str) -> int:
    """The partition that a message's id tells; any of them for an id from before ids told it."""
    return ids.hash_in(message_id) % stores.settings.partitions


def conversation_key(stores: Stores, conversation: str) -> str:
    """The key of the ids of the messages that Redis has of a conversation."""
    return keys.conversation_key(of_conversation(stores, conversation), conversation)


def every(stores: Stores) -> range:
    """All partitions."""
    return range(stores.settings.partitions)


def grouped(stores: Stores, messages: Iterable[StoredMessage]) -> dict[int, list[StoredMessage]]:
    """Messages by their partition, in the same order in each."""
    found: dict[int, list[StoredMessage]] = {}
    for message in messages:
        found.setdefault(of(stores, message), []).append(message)
    return found


def unusable(stores: Stores) -> str:
    """Returns why the setting does not fit what the stores have; an empty text if it does.

    The first call keeps the number in both stores, and later ones in the store that has lost it.

    Raises:
        PyMongoError, RedisError: a store is away.
    """
    if stores.redis.exists(*keys.UNMOVED):
        return f"what Redis has is of an older version: stop every process and call {MOVE}"
    if reason := _conflict(stores):
        return reason
    number = str(stores.settings.partitions)
    stores.redis.set(keys.PARTITIONS, number, nx=True)
    with suppress(DuplicateKeyError):  # another process has just done the same
        stores.mongo.marks.update_one({"_id": MARK}, {"$setOnInsert": {"mark": number}}, upsert=True)
    return _conflict(stores)  # that process may have had another number


def _conflict(stores: Stores) -> str:
    mark = stores.mongo.marks.find_one({"_id": MARK}) or {}
    kept = {each for each in (mark.get("mark"), (stores.redis.get(keys.PARTITIONS) or b"").decode()) if each}
    if others := kept - {str(stores.settings.partitions)}:
        return f"must stay {min(others)}, the number that these stores were begun with"
    return ""
