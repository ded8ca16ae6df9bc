"""Moves what an older version has left in Redis to where this version looks for it.

Of a version before the partitions, messages, their order in conversations, read cursors and the outboxes get the names
they have in their partitions; the one search index is replaced by one for each. The entries of the one accepted log are
stored and delivered in their order, like those of any log. Of a version that did not cut the keys of people, all these
get their hash tags. All of it can be interrupted and called again; every step may run twice.
"""

from collections.abc import Callable, Iterator

from redis import WatchError

from chat import ids
from chat.messages import draining
from chat.messages.log import Taken, parse_receipt
from chat.store import hot, keys, partitions
from chat.store.connection import Stores
from chat.store.prepare import prepare
from chat.store.scripts import execute
from chat.upkeep.runs import Progress, ignore

PAGE = 200
JSON_TYPE = "ReJSON-RL"

Place = Callable[[int, str], str]


class StillRunning(Exception):
    """A worker of an older version is still draining its logs."""


# How the rest of an old name, after its beginning, becomes the new name
_PLACES: dict[str, Callable[[str], str]] = {
    keys.OLD_USERS: keys.user_key,
    f"{keys.PREFIX}:conversations:": keys.conversations_key,
    f"{keys.PREFIX}:inbox:": lambda rest: keys.inbox_key(*rest.split(":", 1)),
    f"{keys.PREFIX}:paging:": lambda rest: keys.paging_key(*rest.split(":", 1)),
    f"{keys.PREFIX}:deliveries:": keys.deliveries_key,
    f"{keys.PREFIX}:upload:": keys.upload_key,
    f"{keys.PREFIX}:heard:": keys.heard_key,
    f"{keys.PREFIX}:uploads:now:": keys.uploads_now_key,
    f"{keys.PREFIX}:uploads:unclaimed:": keys.uploads_unclaimed_key,
    f"{keys.PREFIX}:uploads:stored:": keys.uploads_stored_key,
    f"{keys.PREFIX}:recording:": lambda rest: _of_recording(*rest.partition(":")[::2]),
    f"{keys.PREFIX}:recordings:": keys.recordings_key,
    f"{keys.PREFIX}:presence:process:": keys.presence_process_key,
    f"{keys.PREFIX}:presence:user:": keys.presence_user_key,
}


def expected(stores: Stores) -> int:
    """About how much there is to move: the log's entries, and all keys if there are messages. Raises RedisError."""
    passes = sum(_has_index(stores, index) for index in (keys.OLD_MESSAGE_INDEX, keys.OLD_USER_INDEX))
    return int(stores.redis.xlen(keys.OLD_ACCEPTED)) + passes * int(stores.redis.dbsize())


def move(stores: Stores, on_progress: Progress = ignore) -> tuple[int, int]:
    """Moves everything. Returns the numbers of messages that were moved, and of entries of the log that were stored.

    Raises:
        StillRunning: a worker of the version before is at it.
        PyMongoError, RedisError: a store is away; call again.
    """
    if not stores.redis.exists(*keys.UNMOVED):
        return 0, 0
    leases = [keys.OLD_ACCEPTED_DRAINER, *map(keys.drainer_key, partitions.every(stores))]
    if any(stores.redis.exists(lease) for lease in leases):
        raise StillRunning
    for index in (keys.OLD_MESSAGE_INDEX, keys.OLD_USER_INDEX):
        hot.drop_index(stores.redis, index)
    prepare(stores)
    moved = _move_messages(stores, on_progress) if _has_index(stores, keys.OLD_MESSAGE_INDEX) else 0
    is_uncut = _has_index(stores, keys.OLD_USER_INDEX)
    if is_uncut:
        _move_people(stores, on_progress)
    stored = _empty_log(stores, on_progress)
    if is_uncut:
        _move_clients(stores, on_progress)  # now that all messages are where their ids say
        _forget_index(stores, keys.OLD_USER_INDEX, keys.OLD_DELIVERY_LAST)
    return moved, stored


def _has_index(stores: Stores, index: str) -> bool:
    """Whether anything that came with this index may be left: the index's hash is removed last."""
    return bool(stores.redis.exists(keys.hash_key(index)))


def _forget_index(stores: Stores, index: str, *others: str) -> None:
    stores.redis.delete(*others, f"{index}:schema", keys.hash_key(index))


def _move_people(stores: Stores, on_progress: Progress) -> None:
    _rename(stores, {keys.untagged(new): new for new in keys.RENAMED})
    cursor = 0
    while True:
        cursor, page = stores.redis.scan(cursor, match=f"{keys.PREFIX}:*", count=PAGE)
        names = {name: new for raw in page if (new := _new_name(name := raw.decode())) is not None}
        _rename(stores, names)
        on_progress(len(page))
        if cursor == 0:
            return


def _new_name(name: str) -> str | None:
    """What an older version's key is called now; None if it is not one of a person or recording."""
    if name.startswith(f"{keys.OLD_USER_INDEX}:"):
        return None
    return next((place(name.removeprefix(old)) for old, place in _PLACES.items() if name.startswith(old)), None)


def _of_recording(recording_id: str, part: str) -> str:
    return keys.recording_bytes_key(recording_id) if part == "bytes" else keys.recording_key(recording_id)


def _move_clients(stores: Stores, on_progress: Progress) -> None:
    """Gives what was accepted under a `clientId` its name in the partition of its message."""
    for names in _pages(stores, keys.OLD_CLIENTS, "string"):
        with stores.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.get(name)
            receipts = {name: receipt for name, receipt in zip(names, pipe.execute(), strict=True) if receipt}
        message_ids = {name: parse_receipt(receipt).message_id for name, receipt in receipts.items()}
        found = dict(zip(message_ids, hot.read_messages(stores, list(message_ids.values())), strict=True))
        renamed = {}
        for name, message in found.items():
            sender, _, client = name.removeprefix(keys.OLD_CLIENTS).partition(":")
            told = partitions.of_message(stores, message_ids[name])
            renamed[name] = keys.client_key(partitions.of(stores, message) if message else told, sender, client)
        _rename(stores, renamed)
        on_progress(len(names))


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
    _forget_index(stores, keys.OLD_MESSAGE_INDEX, keys.OLD_CONFIRMED)
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
    """Renames keys, whatever is at the new names. This script alone uses two tags: old keys are on one Redis."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for before, after in renamed.items():
            stores.scripts.take_over(keys=[before, after], client=pipe)
        execute(pipe)


def _move_outboxes(stores: Stores) -> None:
    """Moves what MongoDB lacks to the outboxes of its partitions, except messages that Redis no longer has either."""
    while waiting := stores.redis.zrange(keys.OLD_OUTBOX, 0, PAGE - 1, withscores=True):
        revisions = {raw.decode(): revision for raw, revision in waiting}
        with stores.redis.pipeline(transaction=False) as pipe:
            for message in hot.read_messages(stores, list(revisions)):
                if message is not None:
                    outbox = keys.outbox_key(partitions.of(stores, message))
                    pipe.zadd(outbox, {message["_id"]: revisions[message["_id"]]}, gt=True)
            pipe.zrem(keys.OLD_OUTBOX, *revisions)
            pipe.execute()
    for raw, up_to in stores.redis.hgetall(keys.OLD_CURSORS_OUTBOX).items():
        conversation, _ = ids.parse_cursor_id(raw.decode())
        with stores.redis.pipeline(transaction=False) as pipe:
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
        pipe.delete(keys.OLD_ACCEPTED)
        try:
            pipe.execute()
        except WatchError:
            return False
    stores.redis.delete(keys.OLD_ACCEPTED_WAKING)  # nothing waits for it; it expires
    return True
