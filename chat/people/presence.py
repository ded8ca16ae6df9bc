"""Who is online: somebody with at least one live socket on any web process.

A web process holds one lease for all its people and renews it while it lives, so that a killed one needs nobody to
clean up: its lease runs out after `PRESENCE_LEASE` seconds, and `sweep` then takes its people offline, unless they
have come back elsewhere. A frame goes out only when somebody's state changes. When they were last seen is
kept in Redis, and in the archive by the sync.
"""

from collections.abc import Mapping, Sequence

from chat import frames, ids
from chat.people import restoring
from chat.store import keys
from chat.store.connection import Stores

SWEEP_PAGE = 500  # people taken offline in one step
STEPS_MOST = 100  # a sweep ends after so many; the next one goes on


def renew(stores: Stores, process_id: str, seconds: float | None = None) -> bool:
    """Renew the lease of a web process, for `seconds` where that is not the usual time.

    Returns whether it had run out or was lost: then all its people have to be reported again.
    """
    now = ids.now_ms()
    holds = int((stores.settings.presence_lease if seconds is None else seconds) * 1_000)
    with stores.redis.pipeline() as pipe:
        pipe.zscore(keys.PRESENCE_PROCESSES, process_id)
        pipe.zadd(keys.PRESENCE_PROCESSES, {process_id: now + holds})
        before, _ = pipe.execute()
    return before is None or before < now


def report(stores: Stores, process_id: str, changes: Mapping[str, bool]) -> None:
    """Whether these people have a socket on this process. Safe to repeat; one round trip.

    A process without a lease is not listened to; `renew` then has it report everybody.
    """
    if changes:
        unknown = _note(stores, process_id, changes)
        # Redis was lost and is not rebuilt yet, or they have just left: the archive says which.
        if restored := restoring.restore_users(stores, unknown):
            _note(stores, process_id, dict.fromkeys(restored, True))


def sweep(stores: Stores) -> None:
    """Take offline the people of processes whose lease has run out."""
    for _ in range(STEPS_MOST):
        expired = stores.redis.zrange(keys.PRESENCE_PROCESSES, "-inf", ids.now_ms(), byscore=True, offset=0, num=1)
        if not expired:
            break
        _sweep_page(stores, expired[0].decode())


def forget(stores: Stores, user_id: str) -> None:
    """Take somebody who has left offline, for good: their user is gone, so that no report brings them back."""
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
    if was_online:
        stores.redis.publish(frames.USERS, frames.presence_envelope(user_id, False, None))


def online(stores: Stores, user_ids: Sequence[str]) -> set[str]:
    """Those of these people who are online."""
    if not user_ids:
        return set()
    found = stores.redis.smismember(keys.PRESENCE_ONLINE, user_ids)
    return {user_id for user_id, is_online in zip(user_ids, found, strict=True) if is_online}


def last_seen(stores: Stores, user_ids: Sequence[str]) -> dict[str, str]:
    """When these people were last seen, where Redis knows it."""
    if not user_ids:
        return {}
    found = stores.redis.hmget(keys.PRESENCE_SEEN, user_ids)
    return {user_id: seen.decode() for user_id, seen in zip(user_ids, found, strict=True) if seen is not None}


def _sweep_page(stores: Stores, process_id: str) -> None:
    people = stores.redis.srandmember(keys.presence_process_key(process_id), SWEEP_PAGE)
    _note(stores, process_id, dict.fromkeys((raw.decode() for raw in people), False), only_expired=True)


def _note(stores: Stores, process_id: str, changes: Mapping[str, bool], *, only_expired: bool = False) -> list[str]:
    """Answers those who have a socket and are not known to Redis."""
    now = ids.now_ms()
    script_keys = [
        keys.PRESENCE_PROCESSES,
        keys.PRESENCE_ONLINE,
        keys.PRESENCE_SEEN,
        keys.SEEN_OUTBOX,
        keys.presence_process_key(process_id),
    ]
    arguments: list[str | int | bytes] = [process_id, int(only_expired), now, ids.timestamp(now), frames.USERS]
    for user_id, connected in changes.items():
        script_keys += [keys.presence_user_key(user_id), keys.user_key(user_id)]
        arguments += [user_id, int(connected), *frames.presence_halves(user_id, connected)]
    return [raw.decode() for raw in stores.scripts.report_presence(keys=script_keys, args=arguments)]
