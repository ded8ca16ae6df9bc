"""Which tokens hold. A token is a JWT and says itself when it expires; what ended earlier is in Redis.

Ending is told to every web process, which then closes the sockets it concerns.
"""

import time
from typing import Any

import orjson

from chat import channels
from chat.store import hot
from chat.store.connection import Stores


def end(stores: Stores, user_id: str, token_id: str, seconds: int) -> None:
    """A token holds no longer; `seconds` is how long it would have."""
    with stores.redis.pipeline() as pipe:
        pipe.set(channels.revoked_key(token_id), "1", ex=max(1, seconds))
        pipe.publish(channels.SESSIONS, _envelope({"userId": user_id, "tokenId": token_id}))
        pipe.execute()


def end_all(stores: Stores, user_id: str, but: str = "") -> None:
    """No token of this person issued until now holds any longer, except the one named."""
    before = int(time.time() * 1000)
    with stores.redis.pipeline() as pipe:
        pipe.set(channels.sessions_key(user_id), f"{before}:{but}", ex=stores.settings.token_lifetime)
        pipe.publish(channels.SESSIONS, _envelope({"userId": user_id, "before": before, "except": but}))
        pipe.execute()


def holds(stores: Stores, user_id: str, token_id: str, issued_ms: int) -> bool:
    """Whether a token was not ended and there still is such a person. One round trip.

    Raises:
        PyMongoError: Redis does not know the person, and the archive is away.
    """
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.mget(channels.revoked_key(token_id), channels.sessions_key(user_id))
        pipe.exists(channels.user_key(user_id))
        (revoked, ended), known = pipe.execute()
    if revoked is not None:
        return False
    if ended is not None:
        before, _, but = ended.decode().partition(":")
        if issued_ms <= int(before) and token_id != but:
            return False
    return bool(known) or _is_archived(stores, user_id)


def _is_archived(stores: Stores, user_id: str) -> bool:
    """For a person Redis does not know: it was lost, or they have left, and the archive says which."""
    user = stores.mongo.users.find_one({"_id": user_id})
    if user is not None:
        hot.save_user(stores.redis, user)
    return user is not None


def _envelope(data: dict[str, Any]) -> bytes:
    return channels.encode_envelope((), orjson.dumps(data))
