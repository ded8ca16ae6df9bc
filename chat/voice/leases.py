"""Who follows a recording while it is made: one follower at a time, by a lease in `keys.FOLLOWING`."""

import secrets

import structlog
from redis.client import Pipeline

from chat.audio import heard
from chat.store import clock, keys
from chat.store.connection import Stores

log = structlog.get_logger(__name__)

LEASE_MS = 3_000  # with the period of the sweep, a dead follower is replaced within ten seconds
MAX_DEATHS = 3  # followers that may die with a recording before it is left
DUE_PAGE = 20  # recordings without a follower that one sweep nudges for
PASS, REST = "pass", "rest"
_RENEW = "renew"


def begin(stores: Stores, recording_id: str) -> bool:
    """Has a recording followed whose next piece is there. Returns whether a task must be sent for it."""
    arguments = [recording_id, heard.KEPT_SECONDS]
    return bool(stores.scripts.begin_following(keys=_keys(recording_id), args=arguments))


def due(stores: Stores) -> list[str]:
    """Recordings without a follower, those first that have waited longest; a page of them."""
    now = clock.now_ms(stores.redis)
    found = stores.redis.zrange(keys.FOLLOWING, "-inf", now, byscore=True, offset=0, num=DUE_PAGE)
    return [raw.decode() for raw in found]


def ask(pipe: Pipeline, recording_id: str) -> None:
    """Adds a command to a pipeline; its reply is None if nobody follows the recording, nor is to."""
    pipe.zscore(keys.FOLLOWING, recording_id)


def read(stores: Stores, recording_id: str) -> float | None:
    """What the command of `ask` replies."""
    found: float | None = stores.redis.zscore(keys.FOLLOWING, recording_id)
    return found


def is_followed(stores: Stores, recording_id: str) -> bool:
    """Whether somebody follows a recording now, or did until a moment ago."""
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zscore(keys.FOLLOWING, recording_id)
        time, ends = pipe.execute()
    return ends is not None and ends > clock.read_ms(time)


def drop(stores: Stores, recording_id: str) -> None:
    """Ends the following of a recording that is gone, whoever follows it."""
    stores.redis.zrem(keys.FOLLOWING, recording_id)


class Lease:
    """The right to follow a recording. It runs out `LEASE_MS` after it was taken or renewed."""

    def __init__(self, stores: Stores, recording_id: str, follower: str) -> None:
        self._stores = stores
        self._id = recording_id
        self._follower = follower

    def renew(self) -> bool:
        """Returns whether it still holds: not if it ran out and another has it, or the recording is to be left."""
        return self.end(_RENEW)

    def end(self, action: str) -> bool:
        """Gives it back: `PASS` to another follower at once, `REST` until the next piece comes, for good where all was
        heard (`heard.FINISHED`) or the recording is left (`heard.LEFT`). Returns whether it still held.
        """
        arguments = [self._id, self._follower, action, LEASE_MS]
        return bool(self._stores.scripts.hold_following(keys=_keys(self._id), args=arguments))


def take(stores: Stores, recording_id: str) -> Lease | None:
    """Takes the lease of a recording; None if somebody has it, or nobody needs to."""
    follower = secrets.token_hex(8)
    arguments = [recording_id, follower, LEASE_MS, MAX_DEATHS]
    taken = stores.scripts.take_following(keys=_keys(recording_id), args=arguments)
    if taken == -1:
        log.warning("recording.left", recording_id=recording_id, reason="its followers die")
    return Lease(stores, recording_id, follower) if taken == 1 else None


def _keys(recording_id: str) -> list[str]:
    return [keys.FOLLOWING, keys.heard_key(recording_id)]
