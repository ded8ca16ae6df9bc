"""Whose recording is transcribed next: people take turns, and short recordings go before long ones.

- Each person stands where their first recording does: at the time it came plus `PATIENCE` times its length. So a short
  one goes before a long one that came a little earlier, one's own or another's, and no recording waits for ever: what
  comes later than its place goes behind it.
- Whoever has had recordings transcribed stands behind the time that took, `PATIENCE` times their length from then on.
  So one person's many do not make another wait for more than those that are on their way already.
- Of its slots a worker fills all but one with recordings longer than `LONG_SECONDS`; the last one is kept for short
  ones, which could come any moment. A worker with a single slot takes both. What has begun is not interrupted.
- A message whose workers keep dying (see `take_turn.lua`) waits in its turn until no other such is being tried.

A message is in `keys.TRANSCRIPTIONS` from the moment it is stored; whose turn it takes, and how long it is, is noted
when somebody first looks for the next one. So nobody who stores or restores messages needs to know of turns.
"""

from collections.abc import Container, Sequence
from typing import NamedTuple

import structlog
from pymongo.errors import PyMongoError

from chat import audio, ids, tracing
from chat.store import hot, keys
from chat.store.connection import Stores

log = structlog.get_logger(__name__)

PATIENCE = 2
LONG_SECONDS = 30.0  # what Whisper hears at once, and longer than most of what people say in a message
LEAST_SECONDS = 5.0  # a recording takes its recogniser at least as much time as one of this length, about
USED_KEPT_SECONDS = 3_600.0  # what somebody has used is forgotten so long after they are back at their place
CRASHES_TOGETHER = 2  # attempts of one message whose workers died, before it is tried alone
PAGE = 500  # messages looked at in one call
ROUNDS = 20  # of noting turns, before the next one is taken from those that are noted
DUE_PAGE = 100
NOBODY = "-"

_TAKE_KEYS = (
    keys.TRANSCRIPTIONS,
    keys.TRANSCRIPTION_TURNS,
    keys.TRANSCRIPTION_LINES,
    keys.TRANSCRIPTION_USED,
    keys.TRANSCRIPTION_PEOPLE_SHORT,
    keys.TRANSCRIPTION_PEOPLE_LONG,
    keys.TRANSCRIPTION_PEOPLE_ALONE,
    keys.TRANSCRIPTION_ATTEMPTS,
    keys.TRANSCRIPTION_CRASHES,
    keys.TRANSCRIPTION_ALONE,
    keys.TRANSCRIPTION_RUNNING,
)


class Taker(NamedTuple):
    """Who takes a turn: a task of a worker, by names without blanks, and how many turns that worker takes at once."""

    worker: str
    task: str
    slots: int


class Turn(NamedTuple):
    """A voice message whose turn it is, the number of this attempt, and whether it is made alone."""

    message_id: str
    attempt: int
    alone: bool


def take(stores: Stores, taker: Taker, lease_ms: int) -> Turn | None:
    """The next voice message in turn, leased to the taker for that long; None when no message's turn is now."""
    for left in reversed(range(ROUNDS)):
        reply = stores.scripts.take_turn(keys=_TAKE_KEYS, args=_arguments(taker, lease_ms, skip_unknown=left == 0))
        if reply is None:
            return None
        if reply[0] != b"unknown":
            message_id, attempt, alone = reply
            return Turn(message_id.decode(), attempt, bool(alone))
        _note_turns(stores, [raw.decode() for raw in reply[1:]])
    return None


def due(stores: Stores) -> list[str]:
    """Voice messages for which an attempt is due now, at most a page of each: in a line, and just become due."""
    now = _now(stores)
    with stores.redis.pipeline(transaction=False) as pipe:
        for least, most in (("+inf", "+inf"), ("-inf", str(now))):
            pipe.zrange(keys.TRANSCRIPTIONS, least, most, byscore=True, offset=0, num=DUE_PAGE)
        return [raw.decode() for page in pipe.execute() for raw in page]


def due_count(stores: Stores) -> int:
    """How many those are, all of them."""
    now = _now(stores)
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.zcount(keys.TRANSCRIPTIONS, "+inf", "+inf")
        pipe.zcount(keys.TRANSCRIPTIONS, "-inf", now)
        return sum(pipe.execute())


def held_by(stores: Stores, tasks: Container[str]) -> list[str]:
    """The messages that these tasks are at."""
    running = stores.redis.hgetall(keys.TRANSCRIPTION_RUNNING)
    return [raw.decode() for raw, by in running.items() if by.decode().split(" ")[1] in tasks]


def note_origin(stores: Stores, message_id: str) -> None:
    """Remember the call this message goes back to, for the logs and frames of whoever gets to it."""
    if tracing.request_id():
        stores.redis.hset(keys.TRANSCRIPTION_ORIGINS, message_id, tracing.request_id())


def origin(stores: Stores, message_id: str) -> str:
    """The id of that call, '' where nobody knows."""
    return (stores.redis.hget(keys.TRANSCRIPTION_ORIGINS, message_id) or b"").decode()


def _arguments(taker: Taker, lease_ms: int, *, skip_unknown: bool) -> list[str | int]:
    return [
        taker.worker,
        taker.task,
        lease_ms,
        CRASHES_TOGETHER,
        int(LONG_SECONDS * 1_000),
        max(1, taker.slots - 1),
        PATIENCE,
        int(LEAST_SECONDS * 1_000),
        int(USED_KEPT_SECONDS * 1_000),
        PAGE,
        int(skip_unknown),
    ]


def _note_turns(stores: Stores, message_ids: Sequence[str]) -> None:
    """Note whose turn each message takes: its sender's. One that is gone is nobody's, and let go in its turn."""
    known = dict(zip(message_ids, hot.read_messages(stores.redis, list(message_ids)), strict=True))
    found = {message_id: (each["senderId"], each["audioFileId"]) for message_id, each in known.items() if each}
    try:
        found |= _archived(stores, [message_id for message_id, each in known.items() if each is None])
        lengths = audio.durations(stores, [upload for _, upload in found.values() if upload])
    except PyMongoError as error:
        log.warning("transcription.turns_unknown", messages=len(message_ids), error=type(error).__name__)
        return
    with stores.redis.pipeline(transaction=False) as pipe:
        for message_id in message_ids:
            person, upload = found.get(message_id, (NOBODY, None))
            length = int(lengths.get(upload or "", 0) * 1_000)
            turn = f"{person} {ids.milliseconds(message_id)} {length}"
            pipe.hsetnx(keys.TRANSCRIPTION_TURNS, message_id, turn)
        pipe.execute()


def _archived(stores: Stores, message_ids: list[str]) -> dict[str, tuple[str, str | None]]:
    """Senders and recordings of messages that only the archive has. Raises PyMongoError."""
    if not message_ids:
        return {}
    wanted = stores.mongo.messages.find({"_id": {"$in": message_ids}}, {"senderId": 1, "audioFileId": 1})
    return {each["_id"]: (each["senderId"], each.get("audioFileId")) for each in wanted}


def _now(stores: Stores) -> int:
    """Milliseconds by the clock of Redis, which set the times."""
    seconds, microseconds = stores.redis.time()
    return int(seconds * 1_000 + microseconds // 1_000)
