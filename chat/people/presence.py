"""Tracks who is online: everybody with at least one live socket on any web process.

Each web process has one lease for all its people and renews it while it lives. If the process is killed, its lease
expires after `PRESENCE_LEASE` seconds, and `sweep` then takes its people offline unless they have connected elsewhere.
A frame is sent only when somebody's state changes: to everyone connected, or with `PRESENCE=contacts` to the partners
of their newest `CONTACTS_TOLD` conversations; those of older ones see it when they next load a list. Redis keeps when
people were last seen; the sync copies that to the archive.
"""

from collections.abc import Collection, Mapping, Sequence

from chat import frames, ids
from chat.people import restoring
from chat.store import clock, keys
from chat.store.cluster import each_asked, node_of
from chat.store.connection import Stores

SWEEP_PAGE = 500  # people taken offline in one step
MAX_SWEEP_STEPS = 100  # then the sweep ends; the next one continues
CONTACTS_TOLD = 1_000  # as many as a person has on any day; each change costs 27 bytes for each, in every web process


def renew(stores: Stores, process_id: str, seconds: float | None = None) -> bool:
    """Renews a web process's lease for `seconds`, by default `PRESENCE_LEASE`.

    Returns whether the lease had expired or was lost; then the process must report all its people again. Where this
    raises RedisError it may have been renewed all the same, and nobody knows whether it had expired.
    """
    now = clock.now_ms(stores.redis)
    lease_ms = int((stores.settings.presence_lease if seconds is None else seconds) * 1_000)
    with stores.redis_once.pipeline() as pipe:  # repeated, it would find the lease that it wrote itself
        pipe.zscore(keys.PRESENCE_PROCESSES, process_id)
        pipe.zadd(keys.PRESENCE_PROCESSES, {process_id: now + lease_ms})
        before, _ = pipe.execute()
    return before is None or before < now


def report(stores: Stores, process_id: str, changes: Mapping[str, bool]) -> None:
    """Records for each person whether they have a socket on this process. Safe to repeat; one round trip.

    Reports from a process without a lease are ignored; its next `renew` makes it report everybody.

    Raises:
        PyMongoError: Redis does not know somebody, and MongoDB is away. All others are recorded.
    """
    if changes:
        unknown = _record(stores, process_id, changes)
        # Either Redis was lost and is not rebuilt yet, or they just deleted their account: the archive knows which.
        if restored := restoring.restore_users(stores, unknown):
            _record(stores, process_id, dict.fromkeys(restored, True))


def sweep(stores: Stores) -> None:
    """Takes the people of processes whose lease has expired offline."""
    for _ in range(MAX_SWEEP_STEPS):
        now = clock.now_ms(stores.redis)
        expired = stores.redis.zrange(keys.PRESENCE_PROCESSES, "-inf", now, byscore=True, offset=0, num=1)
        if not expired:
            break
        _sweep_page(stores, expired[0].decode())


def forget(stores: Stores, user_id: str) -> None:
    """Takes a deleted account offline for good: since their user is gone, no report brings them back."""
    own = keys.presence_user_key(user_id)
    processes = stores.redis.smembers(own)
    with stores.redis.pipeline() as pipe:
        for process_id in processes:
            pipe.srem(keys.presence_process_key(process_id.decode()), user_id)
        pipe.delete(own)
        pipe.hdel(keys.PRESENCE_SEEN, user_id)
        pipe.hdel(keys.SEEN_OUTBOX, user_id)
        pipe.srem(keys.PRESENCE_ONLINE, user_id)
        was_online = pipe.execute()[-1]
    recipients = contacts(stores, user_id) if _only_contacts(stores) else ()
    if was_online and (recipients or not _only_contacts(stores)):
        publish(stores, frames.presence_envelope(user_id, False, None, recipients))


def publish(stores: Stores, envelope: bytes) -> None:
    """Tells of somebody's presence. In a cluster it must come from the node that tells of every change, or it might
    overtake one.
    """
    with each_asked(stores.redis):
        node_of(stores.redis, keys.PRESENCE_ONLINE).publish(frames.USERS, envelope)


def contacts(stores: Stores, user_id: str) -> list[str]:
    """The partners of somebody's newest conversations, at most `CONTACTS_TOLD`."""
    found = stores.redis.zrange(keys.conversations_key(user_id), 0, CONTACTS_TOLD - 1, desc=True)
    return [raw.decode() for raw in found]


def shown(stores: Stores, viewer_id: str, user_ids: Sequence[str]) -> set[str]:
    """Those of these people whose presence that person may see."""
    if not user_ids or not _only_contacts(stores):
        return set(user_ids)
    found = stores.redis.zmscore(keys.conversations_key(viewer_id), user_ids)
    return {user_id for user_id, last in zip(user_ids, found, strict=True) if last is not None or user_id == viewer_id}


def strangers(stores: Stores, pairs: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of these pairs who have no conversation yet, if that makes a difference to what they see of each other."""
    if not pairs or not _only_contacts(stores):
        return []
    unique = list(dict.fromkeys(pairs))
    with stores.redis.pipeline(transaction=False) as pipe:
        for one, other in unique:
            pipe.zscore(keys.conversations_key(one), other)
        return [pair for pair, last in zip(unique, pipe.execute(), strict=True) if last is None]


def online(stores: Stores, user_ids: Sequence[str]) -> set[str]:
    """The ones among these people who are online."""
    if not user_ids:
        return set()
    found = stores.redis.smismember(keys.PRESENCE_ONLINE, user_ids)
    return {user_id for user_id, is_online in zip(user_ids, found, strict=True) if is_online}


def last_seen(stores: Stores, user_ids: Sequence[str]) -> dict[str, str]:
    """When these people were last seen, for those of whom Redis knows it."""
    if not user_ids:
        return {}
    found = stores.redis.hmget(keys.PRESENCE_SEEN, user_ids)
    return {user_id: seen.decode() for user_id, seen in zip(user_ids, found, strict=True) if seen is not None}


def _only_contacts(stores: Stores) -> bool:
    return stores.settings.presence == "contacts"


def _sweep_page(stores: Stores, process_id: str) -> None:
    people = stores.redis.srandmember(keys.presence_process_key(process_id), SWEEP_PAGE)
    _record(stores, process_id, dict.fromkeys((raw.decode() for raw in people), False), only_expired=True)


def _record(stores: Stores, process_id: str, changes: Mapping[str, bool], *, only_expired: bool = False) -> list[str]:
    """Runs `report_presence.lua`. Returns the people who have a socket but are unknown to Redis."""
    script_keys = [
        keys.PRESENCE_PROCESSES,
        keys.PRESENCE_ONLINE,
        keys.PRESENCE_SEEN,
        keys.SEEN_OUTBOX,
        keys.presence_process_key(process_id),
    ]
    told = _told(stores, list(changes))
    arguments: list[str | int | bytes] = [process_id, int(only_expired), ids.now(), frames.USERS]
    arguments.append(int(not _only_contacts(stores)))
    for (user_id, connected), recipients in zip(changes.items(), told, strict=True):
        script_keys += [keys.presence_user_key(user_id), keys.user_key(user_id)]
        to = frames.RECIPIENTS_SEPARATOR.join(recipients)
        arguments += [user_id, int(connected), to, *frames.presence_halves(user_id, connected)]
    unknown = stores.scripts.report_presence(keys=script_keys, args=arguments)
    if _only_contacts(stores):
        _tell_new_partners(stores, list(changes), told)
    return [raw.decode() for raw in unknown]


def _told(stores: Stores, user_ids: Sequence[str]) -> list[list[str]]:
    """To whom a change of each of these people is told; to nobody in particular where everybody is."""
    if not _only_contacts(stores):
        return [[] for _ in user_ids]
    with stores.redis.pipeline(transaction=False) as pipe:
        for user_id in user_ids:
            pipe.zrange(keys.conversations_key(user_id), 0, CONTACTS_TOLD - 1, desc=True)
        return [[partner.decode() for partner in partners] for partners in pipe.execute()]


def _tell_new_partners(stores: Stores, user_ids: Sequence[str], told: Sequence[list[str]]) -> None:
    """Tells those who have become somebody's partners since it was read who is to be told."""
    for user_id, before, now in zip(user_ids, told, _told(stores, user_ids), strict=True):
        if new := [partner for partner in now if partner not in set(before)]:
            if_online, after = frames.presence_halves(user_id, True, new)
            if_offline, _ = frames.presence_halves(user_id, False, new)
            stores.scripts.tell_of_person(
                keys=[keys.PRESENCE_ONLINE, keys.PRESENCE_SEEN],
                args=[frames.USERS, user_id, if_online, if_offline, after],
            )
