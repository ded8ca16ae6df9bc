"""Moves what a version before the partitions has left in Redis to where this version looks for it.

That is the one accepted log it had: its entries are stored and delivered in their order, like those of any log. It can
be interrupted and called again; every step may run twice.
"""

from redis import WatchError

from chat.messages import draining
from chat.messages.log import Taken
from chat.store import keys
from chat.store.connection import Stores
from chat.upkeep.runs import Progress, ignore

PAGE = 200


class StillRunning(Exception):
    """A worker of the version before is still draining its log."""


def expected(stores: Stores) -> int:
    """How many entries there are to move. Raises RedisError."""
    return int(stores.redis.xlen(keys.OLD_ACCEPTED))


def move(stores: Stores, on_progress: Progress = ignore) -> int:
    """Empties the old log, and removes it. Returns the number of its entries.

    Raises:
        StillRunning: a worker of the version before is at it.
        PyMongoError, RedisError: a store is away; call again.
    """
    if stores.redis.exists(keys.OLD_ACCEPTED_DRAINER):
        raise StillRunning
    moved = 0
    while True:
        page = stores.redis.xrange(keys.OLD_ACCEPTED, count=PAGE)
        if page:
            draining.handle(stores, [Taken(keys.OLD_ACCEPTED, raw) for raw in page])
            moved += len(page)
            on_progress(len(page))
        elif _remove_empty(stores):
            return moved


def _remove_empty(stores: Stores) -> bool:
    """Removes the old log unless it has got another entry. Returns whether it is gone."""
    with stores.redis.pipeline() as pipe:
        pipe.watch(keys.OLD_ACCEPTED)
        if pipe.xlen(keys.OLD_ACCEPTED):
            return False
        pipe.multi()
        pipe.delete(keys.OLD_ACCEPTED, keys.OLD_ACCEPTED_WAKING)
        try:
            pipe.execute()
        except WatchError:
            return False
    return True
