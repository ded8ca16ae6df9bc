"""Removes messages older than the hot window from Redis, once the archive has them."""

from itertools import takewhile

from chat import ids
from chat.store import keys
from chat.store.connection import Stores
from chat.store.locks import try_lock

PAGE = 200
LOCK_SECONDS = 600.0  # long, because one run goes through all conversations
SCAN_COUNT = 200


def age(stores: Stores) -> int:
    """Removes messages older than the hot window from Redis if the archive has them. Returns the number removed.

    One process at a time does this. If it is killed there is nothing to undo; the next run continues with the rest.
    """
    oldest = ids.days_ago(stores.settings.hot_window_days)
    aged = 0
    with try_lock(stores.redis, "age", LOCK_SECONDS) as acquired:
        # Only their type tells them from the keys that end with a clientId, which may be anything.
        found = (
            stores.redis.scan_iter(match=keys.EVERY_CONVERSATION, count=SCAN_COUNT, _type="zset") if acquired else ()
        )
        for key in found:
            while page := _aged_page(stores, key, oldest):
                dropped = _drop(stores, key, page)
                aged += dropped
                if dropped < PAGE:
                    break
    return aged


def _aged_page(stores: Stores, key: bytes, oldest: str) -> list[str]:
    """The oldest message ids that are older than the window and archived.

    Stops at the first one that is not archived, since Redis must keep the newest part of a conversation without a gap.
    """
    found = [raw.decode() for raw in stores.redis.zrangebylex(key, "-", f"({oldest}", 0, PAGE)]
    if not found:
        return []
    archived = {each["_id"] for each in stores.mongo.messages.find({"_id": {"$in": found}}, {"_id": 1})}
    return list(takewhile(archived.__contains__, found))


def _drop(stores: Stores, key: bytes, message_ids: list[str]) -> int:
    """Removes these messages from Redis, up to the first one with a change the archive lacks."""
    partition = keys.named(key).partition
    messages = [keys.message_key(partition, message_id) for message_id in message_ids]
    script_keys = [keys.outbox_key(partition), key, *messages]
    return int(stores.scripts.drop_aged(keys=script_keys, args=message_ids))
