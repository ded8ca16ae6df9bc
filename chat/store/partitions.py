"""The partitions of the accepted messages: each has the conversations of some hashes, and a log of its own.

What belongs to one conversation is in one partition, so its messages keep their order, while others are drained beside
it. Their number is fixed at the first start and kept in both stores: with another, what is in the logs would be looked
for in the wrong ones.
"""

from contextlib import suppress

from pymongo.errors import DuplicateKeyError

from chat import ids
from chat.store import keys
from chat.store.connection import Stores

MARK = "partitions"  # in the collection `marks`
MOVE = "flask --app web.app partitions move"


def of_conversation(stores: Stores, conversation: str) -> int:
    """The partition of a conversation."""
    return ids.conversation_hash(conversation) % stores.settings.partitions


def of_message(stores: Stores, message_id: str) -> int:
    """The partition that a message's id tells; any of them for an id from before ids told it."""
    return ids.hash_in(message_id) % stores.settings.partitions


def every(stores: Stores) -> range:
    """All partitions."""
    return range(stores.settings.partitions)


def unusable(stores: Stores) -> str:
    """Returns why the setting does not fit what the stores have; an empty text if it does.

    The first call keeps the number in both stores, and later ones in the store that has lost it.

    Raises:
        PyMongoError, RedisError: a store is away.
    """
    if stores.redis.exists(*keys.UNMOVED):
        return f"what Redis has is of a version before the partitions: stop every process and call {MOVE}"
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
