"""Which tokens hold. A token is a JWT and says itself when it expires; what ended earlier is in Redis.

Ending is told to every web process, which then closes the sockets it concerns. The sync keeps a copy in the archive,
so that a lost Redis brings no token back.
"""

import time
from typing import Any, NamedTuple

import orjson

from chat import frames, ids
from chat.errors import Unauthorized
from chat.people import restoring
from chat.store import keys
from chat.store.connection import Document, Stores


class Session(NamedTuple):
    """What a token says; `expires` in Unix seconds, `issued_ms` in milliseconds."""

    user_id: str
    token_id: str
    issued_ms: int
    expires: int


def refusal() -> Unauthorized:
    """What somebody is told whose token does not hold, whatever is wrong with it."""
    return Unauthorized("The token is missing, wrong, expired or revoked. Log in again.")


def end(stores: Stores, user_id: str, token_id: str, seconds: int) -> None:
    """A token holds no longer; `seconds` is how long it would have."""
    _end(stores, keys.revoked_key(token_id), "1", max(1, seconds), {"userId": user_id, "tokenId": token_id})


def end_all(stores: Stores, user_id: str, but: str = "") -> None:
    """No token of this person issued until now holds any longer, except the one named."""
    before = ids.now_ms()
    told = {"userId": user_id, "before": before, "except": but}
    _end(stores, keys.sessions_key(user_id), f"{before}:{but}", stores.settings.token_lifetime, told)


def is_valid(stores: Stores, user_id: str, token_id: str, issued_ms: int) -> bool:
    """Whether a token was not ended and there still is such a person. One round trip.

    Raises:
        PyMongoError: Redis was lost or does not know the person, and the archive is away.
    """
    script_keys = keys.revoked_key(token_id), keys.sessions_key(user_id)
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.mget(script_keys)
        pipe.exists(keys.user_key(user_id))
        pipe.exists(keys.HOT_COMPLETE)
        (revoked, ended), known, complete = pipe.execute()
    if not complete:
        archived = {
            each["_id"]: each["value"] for each in stores.mongo.sessions.find({"_id": {"$in": list(script_keys)}})
        }
        revoked = revoked or archived.get(script_keys[0])
        ended = ended or archived.get(script_keys[1], "").encode()
    if revoked:
        return False
    if ended:
        before, _, but = ended.decode().partition(":")
        if issued_ms <= int(before) and token_id != but:
            return False
    # Redis does not know them: it was lost, or they have left, and the archive says which.
    return bool(known) or restoring.find_user(stores, user_id) is not None


def restore(stores: Stores, archived: list[Document]) -> None:
    """Put back into Redis what the archive knows of ended sessions."""
    with stores.redis.pipeline() as pipe:
        for each in archived:
            pipe.set(each["_id"], each["value"], exat=int(each["until"].timestamp()), nx=True)
        pipe.execute()


def _end(stores: Stores, key: str, value: str, seconds: int, told: dict[str, Any]) -> None:
    until = int(time.time()) + seconds
    with stores.redis.pipeline() as pipe:
        pipe.set(key, value, exat=until)
        pipe.hset(keys.SESSIONS_OUTBOX, key, f"{value} {until}")
        pipe.publish(frames.SESSIONS, frames.encode_envelope((), orjson.dumps(told)))
        pipe.execute()
