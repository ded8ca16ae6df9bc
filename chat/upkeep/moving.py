"""Moves what a version before the partitions has left in Redis to where this version looks for it.

Messages, their order in conversations, read cursors and the outboxes get the names they have in their partitions; the
one search index is replaced by one for each. Then the entries of the one accepted log are stored and delivered in their
order, like those of any log. All of it can be interrupted and called again; every step may run twice.
"""

from collections.abc import Callable, Iterator

from redis import WatchError

from chat import ids
from chat.messages import draining
from chat.messages.log import Taken
from chat.store import hot, keys, partitions
from chat.store.connection import Stores
from chat.store.prepare import prepare
from chat.upkeep.runs import Progress, ignore

PAGE = 200
JSON_TYPE = "ReJSON-RL"

Place = Callable[[int, str], str]


class StillRunning(Exception):
    """A worker of the version before is still draining its log."""


def expected(stores: Stores) -> int:
    """About how much there is to move: the log's entries, and all keys if there are messages. Raises RedisError."""
    return int(stores.redis.xlen(keys.OLD_ACCEPTED)) + (stores.redis.dbsize() if _has_old_index(stores) else 0)


def move(stores: Stores, on_progress: Progress = ignore) -> tuple[int, int]:
    """Moves everything. Returns the numbers of messages that were moved, and of entries of the log that were stored.

    Raises:
        StillRunning: a worker of the version before is at it.
        PyMongoError, RedisError: a store is away; call again.
    """
    if stores.redis.exists(keys.OLD_ACCEPTED_DRAINER):
        raise StillRunning
    hot.drop_index(stores.redis, keys.OLD_MESSAGE_INDEX)
    prepare(stores)
    moved = _move_messages(stores, on_progress) if _has_old_index(stores) else 0
    return moved, _empty_log(stores, on_progress)


def _has_old_index(stores: Stores) -> bool:
    """Whether anything but the log may be left: the index's hash is removed last."""
    return bool(stores.redis.exists(keys.hash_key(keys.OLD_MESSAGE_INDEX)))


def _move_messages(stores: Stores, on_progress: Progress) -> int:
    moved = 0
    for names in _pages(stores, keys.OLD_MESSAGES, JSON_TYPE):
        found = hot.read_json(stores.redis, names)
        people = {name: (each["senderId"], each["receiverId"]) for name, each in zip(names, found, strict=True) if each}
        moved += len(people)
        _rename(
            stores,
            {
                name: keys.message_key(partitions.of_people(stores, *pair), name.removeprefix(keys.OLD_MESSAGES))
                for name, pair in people.items()
            },
        )
        on_progress(len(names))
    places: tuple[tuple[str, str, Place], ...] = (
        (keys.OLD_CONVERSATIONS, "zset", keys.conversation_key),
        (keys.OLD_CURSORS, "hash", keys.cursors_key),
    )
    for prefix, kind, place in places:
        for names in _pages(stores, prefix, kind):
            conversations = {name: name.removeprefix(prefix) for name in names}
            _rename(
                stores,
                {
                    name: place(partitions.of_conversation(stores, conversation), conversation)
                    for name, conversation in conversations.items()
                },
            )
            on_progress(len(names))
    _move_outboxes(stores)
    stores.redis.delete(keys.OLD_CONFIRMED, f"{keys.OLD_MESSAGE_INDEX}:schema", keys.hash_key(keys.OLD_MESSAGE_INDEX))
    return moved


def _pages(stores: Stores, prefix: str, kind: str) -> Iterator[list[str]]:
    cursor = 0
    while True:
        cursor, page = stores.redis.scan(cursor, match=f"{prefix}*", count=PAGE, _type=kind)
        if page:
            yield [raw.decode() for raw in page]
        if cursor == 0:
            return


def _rename(stores: Stores, renamed: dict[str, str]) -> None:
    with stores.redis.pipeline(transaction=False) as pipe:
        for before, after in renamed.items():
            stores.scripts.take_over(keys=[before, after], client=pipe)
        pipe.execute()


def _move_outboxes(stores: Stores) -> None:
    """Moves what MongoDB lacks to the outboxes of its partitions, except messages that Redis no longer has either."""
    while waiting := stores.redis.zrange(keys.OLD_OUTBOX, 0, PAGE - 1, withscores=True):
        revisions = {raw.decode(): revision for raw, revision in waiting}
        with stores.redis.pipeline() as pipe:
            for message in hot.read_messages(stores, list(revisions)):
                if message is not None:
                    outbox = keys.outbox_key(partitions.of(stores, message))
                    pipe.zadd(outbox, {message["_id"]: revisions[message["_id"]]}, gt=True)
            pipe.zrem(keys.OLD_OUTBOX, *revisions)
            pipe.execute()
    for raw, up_to in stores.redis.hgetall(keys.OLD_CURSORS_OUTBOX).items():
        conversation, _ = ids.parse_cursor_id(raw.decode())
        with stores.redis.pipeline() as pipe:
            pipe.hsetnx(keys.cursors_outbox_key(partitions.of_conversation(stores, conversation)), raw, up_to)
            pipe.hdel(keys.OLD_CURSORS_OUTBOX, raw)
            pipe.execute()


def _empty_log(stores: Stores, on_progress: Progress) -> int:
    """Stores the entries of the old log, and removes it. Returns their number."""
    stored = 0
    while True:
        page = stores.redis.xrange(keys.OLD_ACCEPTED, count=PAGE)
        if page:
            draining.handle(stores, [Taken(keys.OLD_ACCEPTED, raw) for raw in page])
            stored += len(page)
            on_progress(len(page))
        elif _remove_empty(stores):
            return stored


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
