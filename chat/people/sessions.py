"""Decides which tokens are valid. A token is a JWT that carries its own expiry; sessions ended early are in Redis.

When a session ends, every web process is told and closes its sockets. The sync copies ended sessions to the archive,
so that losing Redis does not make a token valid again.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson
from redis.client import Pipeline

from chat import frames
from chat.errors import SessionEnded, TooMany
from chat.people import restoring
from chat.store import clock, keys, limits
from chat.store.connection import Document, Stores
from chat.store.scripts import execute

CLOCK_LEEWAY = 60  # seconds that the clock of the process that issued a token may be ahead


class Session(NamedTuple):
    """The contents of a token; `expires` is in Unix seconds, `issued_ms` in Unix milliseconds."""

    user_id: str
    token_id: str
    issued_ms: int
    expires: int


class Beside:
    """What is read in the round trip that checks a session: `ask` adds its commands, `replies` are those to them."""

    def __init__(self, ask: Callable[[Pipeline], None]) -> None:
        self.ask = ask
        self.replies: list[Any] = []


def refusal() -> SessionEnded:
    """The error for a token that is not valid, whatever is wrong with it."""
    return SessionEnded("session_ended")


def end(stores: Stores, user_id: str, token_id: str, seconds: int) -> None:
    """Ends the session of one token; `seconds` is the time until it would expire by itself."""
    _end(stores, keys.revoked_key(token_id), "1", max(1, seconds), {"userId": user_id, "tokenId": token_id})


def end_all(stores: Stores, user_id: str, keep: str = "") -> None:
    """Ends all sessions this person has now, except that of the token with the id `keep`."""
    before = clock.now_ms(stores.redis)  # as the tokens were issued by
    notice = {"userId": user_id, "before": before, "except": keep}
    _end(stores, keys.sessions_key(user_id), f"{before}:{keep}", stores.settings.token_lifetime, notice)


def is_valid(
    stores: Stores,
    user_id: str,
    token_id: str,
    issued_ms: int,
    counted: limits.Counted | None = None,
    beside: Beside | None = None,
) -> bool:
    """Whether the token's session has not been ended and the person still exists. One round trip.

    The same round trip counts what the person is about to do; an invalid session does not count. It also reads what
    `beside` asks for.

    Raises:
        TooMany: the session is valid, and the person has done that too often.
        PyMongoError: Redis was lost or does not know the person, and the archive is away.
    """
    marks = keys.revoked_key(token_id), keys.sessions_key(user_id)
    windows = counted.windows if counted is not None else []
    with stores.redis.pipeline(transaction=False) as pipe:
        for mark in marks:
            pipe.get(mark)
        pipe.exists(keys.user_key(user_id))
        pipe.exists(keys.HOT_COMPLETE)
        limits.count(pipe, windows)
        if beside is not None:
            beside.ask(pipe)
        revoked, ended, known, complete, *rest = pipe.execute()
    counts = rest[: limits.COMMANDS * len(windows)]
    if beside is not None:
        beside.replies = rest[len(counts) :]
    if not complete:
        archived = {each["_id"]: each["value"] for each in stores.mongo.sessions.find({"_id": {"$in": list(marks)}})}
        revoked = revoked or archived.get(marks[0])
        ended = ended or archived.get(marks[1], "").encode()
    # If Redis does not know them, it was lost or they deleted their account: the archive knows which.
    if _has_ended(revoked, ended, token_id, issued_ms) or not (known or restoring.find_user(stores, user_id)):
        # or a stolen token would use up its owner's limits
        limits.uncount(stores.scripts.uncount, [limits.Charge(window, 1) for window in windows])
        return False
    if counted is not None and (seconds := limits.wait_seconds(windows, counts)):
        raise TooMany(counted.code, retry_after=seconds)
    return True


def ask(pipe: Pipeline, session: Session) -> None:
    """Asks, as part of a pipeline, for what `tells_end` needs."""
    pipe.get(keys.revoked_key(session.token_id))
    pipe.get(keys.sessions_key(session.user_id))


def tells_end(session: Session, replies: Sequence[Any]) -> bool:
    """Whether a session was ended, by the replies to what `ask` asked for."""
    revoked, ended = replies
    return _has_ended(revoked, ended, session.token_id, session.issued_ms)


def _has_ended(revoked: object, ended: bytes | None, token_id: str, issued_ms: int) -> bool:
    if not revoked and ended:
        before, _, kept = ended.decode().partition(":")
        return issued_ms <= int(before) and token_id != kept
    return bool(revoked)


def restore(stores: Stores, archived: list[Document]) -> None:
    """Copies ended sessions from the archive back into Redis."""
    left = [each for each in archived if each["until"].timestamp() > time.time()]
    with stores.redis.pipeline(transaction=False) as pipe:
        for each in left:
            arguments = [each["value"], int(each["until"].timestamp())]
            stores.scripts.restore_session(keys=[each["_id"]], args=arguments, client=pipe)
        execute(pipe)


def _end(stores: Stores, key: str, value: str, seconds: int, notice: dict[str, Any]) -> None:
    until = int(time.time()) + seconds + CLOCK_LEEWAY
    # The outbox comes first: a session that Redis knows to be ended is to be ended in the archive as well.
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.hset(keys.SESSIONS_OUTBOX, key, f"{value} {until}")
        pipe.set(key, value, exat=until)
        pipe.publish(frames.SESSIONS, frames.encode_envelope((), orjson.dumps(notice)))
        execute(pipe, replicas=stores.settings.redis_replicas)
