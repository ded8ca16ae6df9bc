"""Notices that one of the two stores is not the one it was, and gives the archive what only Redis has.

A store that was restored from a backup is older than the other one, and no outbox says what it lacks. Three things
tell, for a few cheap reads in each round of the sync. Each round leaves a new *mark* in the archive, and Redis knows
the last two, in a cluster on each node. The archive has the last message that it confirmed. Redis has the archive's
newest message.

If any of them is not so, a comparison goes once through all that Redis has, page by page, in bounded rounds that go on
where a killed one was. What the archive lacks, or has in an older revision, gets into the outbox like anything new; a
tombstone always wins. People whom the archive lacks are brought there without their password, which only it had. People
who deleted their accounts are erased again. Then the rebuild (`chat.upkeep.sync`) does the same in the other direction.
"""

import time
from collections.abc import Callable

import structlog
from ulid import ULID

from chat import ids
from chat.store import clock, keys, partitions
from chat.store.cluster import key_on_each, node_of
from chat.store.connection import Stores
from chat.store.prepare import prepare
from chat.upkeep import bringing, runs

log = structlog.get_logger(__name__)

SYNC_MARK, RESTORE_MARK = "sync", "restore"  # in the collection `marks`
FIRST = "never compared"
NODE_LOST = "no mark on a node of Redis"


def is_being_restored(stores: Stores) -> bool:
    """Whether a backup is being restored into the archive, or its restoring was interrupted. Raises PyMongoError."""
    return stores.mongo.marks.find_one({"_id": RESTORE_MARK}) is not None


def difference(stores: Stores) -> str:
    """Returns why the stores do not belong together, in a few words for the log; an empty text if they do."""
    found = stores.mongo.marks.find_one({"_id": SYNC_MARK}) or {}
    mark = found.get("mark")
    known, *elsewhere = [_known(stores, key) for key in (keys.ARCHIVE_MARKS, *found.get("nodes", ()))]
    if mark is None and not known:
        return FIRST
    if mark not in known:
        return "another mark" if mark and known else "no mark in MongoDB" if known else "no mark in Redis"
    if not all(mark in others for others in elsewhere):
        return NODE_LOST
    if not _archive_has_confirmed(stores):
        return "MongoDB lacks what it confirmed"
    return "" if _redis_has_newest(stores) else "Redis lacks the newest message"


def _known(stores: Stores, key: str) -> set[str]:
    return {value.decode() for value in stores.redis.hvals(key)}


def renew_mark(stores: Stores) -> None:
    """Leaves a new mark in both stores. Redis keeps the one before, since this may be killed in between."""
    before = (stores.mongo.marks.find_one({"_id": SYNC_MARK}) or {}).get("mark", "")
    mark, others = str(ULID()), _keys_on_other_nodes(stores)
    for key in (keys.ARCHIVE_MARKS, *others):
        stores.redis.hset(key, mapping={"before": before, "last": mark})
    stores.mongo.marks.update_one({"_id": SYNC_MARK}, {"$set": {"mark": mark, "nodes": others}}, upsert=True)


def _keys_on_other_nodes(stores: Stores) -> list[str]:
    """The keys of the mark on all nodes of a cluster but one, each of which may be lost by itself."""
    found = key_on_each(stores.redis, keys.archive_marks_key)
    own = node_of(stores.redis, keys.ARCHIVE_MARKS)
    return [key for node, key in found.items() if node is not own]


def compare(stores: Stores, until: float, on_progress: runs.Progress = runs.ignore) -> bool:
    """Goes on with the comparison if there is reason for one. Returns whether that leaves more to do."""
    reason = (stores.redis.hget(keys.COMPARISON, "reason") or b"").decode()
    if not reason:
        reason = difference(stores)
        if not reason:
            return False
        prepare(stores)  # an archive that is new has no indexes yet
        stores.redis.hset(keys.COMPARISON, mapping={"reason": reason, **bringing.brought(stores)})
        if reason == NODE_LOST:  # reads must not take its part of the hot window for all there is
            stores.redis.delete(keys.HOT_COMPLETE, keys.HOT_REBUILD)
            _forget_deliveries(stores)
        (log.info if reason == FIRST else log.warning)("sync.comparing", reason=reason)
    for step, bring in bringing.STEPS.items():
        if not _proceed(stores, step, bring, until, on_progress):
            return True
    _end(stores, reason)
    return reason != FIRST


def _proceed(
    stores: Stores, step: str, bring: Callable[[Stores, str], str], until: float, on_progress: runs.Progress
) -> bool:
    """Continues one step, page by page. Returns False if time ran out before it was done."""
    field = f"at {step}"
    at = (stores.redis.hget(keys.COMPARISON, field) or b"").decode()
    while at != "done":
        at = bring(stores, at) or "done"
        stores.redis.hset(keys.COMPARISON, field, at)
        on_progress(
            bringing.PAGE // len(bringing.STEPS)
        )  # each of so many steps goes through all keys, about a page at a time
        if time.monotonic() > until:
            return False
    return True


def _end(stores: Stores, reason: str) -> None:
    before = stores.redis.hgetall(keys.COMPARISON)
    found = {name: number - int(before[name.encode()]) for name, number in bringing.brought(stores).items()}
    found.pop(bringing.TO_REDIS)  # that comes now
    if reason != FIRST:
        stores.redis.delete(keys.HOT_COMPLETE, keys.HOT_REBUILD)
        _forget_deliveries(stores)
    renew_mark(stores)
    # What was confirmed before may be in neither store any more: a change of a message older than the hot window.
    stores.redis.delete(keys.COMPARISON, *map(keys.confirmed_key, partitions.every(stores)))
    log.info("sync.compared", reason=reason, **found)


def _forget_deliveries(stores: Stores) -> None:
    """Redis may lack frames of the past, so clients that resume from there are told to load the history again."""
    stores.redis.set(keys.DELIVERY_SINCE, clock.now_us(stores.redis))


def _archive_has_confirmed(stores: Stores) -> bool:
    """Whether the archive still has the last message that it confirmed of each partition."""
    found = stores.redis.mget([keys.confirmed_key(partition) for partition in partitions.every(stores)])
    confirmed = dict(each.decode().split(" ") for each in found if each is not None)
    if not confirmed:
        return True
    fields = {"revision": 1, "deletedAt": 1}
    archived = {each["_id"]: each for each in stores.mongo.messages.find({"_id": {"$in": list(confirmed)}}, fields)}
    return all(
        (has := archived.get(message_id)) is not None
        and ("deletedAt" in has or has.get("revision", 1) >= int(revision))
        for message_id, revision in confirmed.items()
    )


def _redis_has_newest(stores: Stores) -> bool:
    """Whether Redis has the archive's newest message, unless that is about to leave the window or Redis is rebuilt."""
    newest = stores.mongo.messages.find_one({}, {"_id": 1, "conversation": 1}, sort=[("_id", -1)])
    if newest is None or newest["_id"] < ids.days_ago(stores.settings.hot_window_days - 1):
        return True
    partition = partitions.of_conversation(stores, newest["conversation"])
    has_it = stores.redis.exists(keys.message_key(partition, newest["_id"]))
    return bool(has_it) or not stores.redis.exists(keys.HOT_COMPLETE)
