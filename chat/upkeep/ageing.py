"""Takes messages that are older than the hot window out of Redis, once the archive has them."""

from itertools import takewhile

from chat import ids
from chat.store import keys
from chat.store.connection import Stores
from chat.store.locks import try_lock

PAGE = 200
LOCK_SECONDS = 600.0  # it goes through all conversations
SCAN_COUNT = 200


def age(stores: Stores) -> int:
    """Take messages older than the hot window out of Redis, if the archive has them; answers how many.

    One process at a time; a killed one leaves nothing to be undone, and the next begins with what is left.
    """
    oldest = ids.days_ago(stores.settings.hot_window_days)
    aged = 0
    with try_lock(stores.redis, "age", LOCK_SECONDS) as ours:
        script_keys = stores.redis.scan_iter(match=keys.conversation_key("*"), count=SCAN_COUNT) if ours else ()
        for key in script_keys:
            while page := _aged_page(stores, key, oldest):
                dropped = _drop(stores, key, page)
                aged += dropped
                if dropped < PAGE:
                    break
    return aged


def _aged_page(stores: Stores, key: bytes, oldest: str) -> list[str]:
    """The oldest ids, below the window, that the archive holds.

    They end at the first that is not so: Redis keeps the newest part of a conversation without a gap.
    """
    found = [raw.decode() for raw in stores.redis.zrangebylex(key, "-", f"({oldest}", 0, PAGE)]
    if not found:
        return []
    held = {each["_id"] for each in stores.mongo.messages.find({"_id": {"$in": found}}, {"_id": 1})}
    return list(takewhile(held.__contains__, found))


def _drop(stores: Stores, key: bytes, message_ids: list[str]) -> int:
    """Take them out of Redis, up to the first one with a change the archive lacks."""
    script_keys = [keys.OUTBOX, key, *map(keys.message_key, message_ids)]
    return int(stores.scripts.drop_aged(keys=script_keys, args=message_ids))
