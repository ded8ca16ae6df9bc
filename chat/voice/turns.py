"""Decides which recording is transcribed next: people take turns, and short recordings go before long ones.

- A recording's place is the time it came plus `PATIENCE` times its length, and a person's place is that of their first
  recording. So a short one goes before a long one that came a little earlier, and none waits for ever: those that come
  after its place go behind it.
- Somebody whose recording is transcribed uses up their turn: from then on they stand `PATIENCE` times its length
  further back. So one person's many recordings delay another's only by those already running.
- A worker uses all its slots but one for recordings longer than `LONG_SECONDS`; the last is kept for short ones, which
  may come at any moment. A worker with a single slot takes both. A running attempt is never interrupted.
- A message whose workers keep crashing (see `take_turn.lua`) waits in its turn until no other such message is running.

A message is in `keys.TRANSCRIPTIONS` from the moment it is stored. Whose turn it takes, and how long it is, is noted
when a worker first looks for the next message, so the code that stores or restores messages knows nothing of turns.
"""

from collections.abc import Container, Sequence
from typing import NamedTuple

import structlog
from pymongo.errors import PyMongoError

from chat import audio, ids, tracing
from chat.messages import storing
from chat.store import clock, hot, keys
from chat.store.connection import Stores
from chat.wire import StoredMessage

log = structlog.get_logger(__name__)

PATIENCE = 2
LONG_SECONDS = 30.0  # Whisper hears as much at once; few people say more in a message
MIN_SECONDS = 5.0  # a shorter recording uses up as much of a turn: a recogniser takes some time for any
USED_SECONDS = 3_600.0  # how long to remember what a person used beyond the time they stand back
CRASHES_TOGETHER = 2  # after this many attempts whose workers died, a message is tried alone
PAGE = 500  # messages per script call
ROUNDS = 20  # script calls to note turns, before taking the next message among those already noted
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
    """A worker's task that asks for a message, by names without blanks, and the number of slots of the worker."""

    worker: str
    task: str
    slots: int


class Turn(NamedTuple):
    """A voice message whose turn it is, the number of this attempt, and whether it is made alone."""

    message_id: str
    attempt: int
    alone: bool


def take(stores: Stores, taker: Taker, lease_ms: int) -> Turn | None:
    """Returns the next voice message in turn, leased to the taker for that long, or None if none may be taken now."""
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
    """The ids of voice messages with an attempt due now: a page of those in a line, a page of those just due."""
    now = clock.now_ms(stores.redis)
    with stores.redis.pipeline(transaction=False) as pipe:
        for lowest, highest in (("+inf", "+inf"), ("-inf", str(now))):
            pipe.zrange(keys.TRANSCRIPTIONS, lowest, highest, byscore=True, offset=0, num=DUE_PAGE)
        return [raw.decode() for page in pipe.execute() for raw in page]


def due_count(stores: Stores) -> int:
    """The number of all voice messages with an attempt due now."""
    now = clock.now_ms(stores.redis)
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.zcount(keys.TRANSCRIPTIONS, "+inf", "+inf")
        pipe.zcount(keys.TRANSCRIPTIONS, "-inf", now)
        return sum(pipe.execute())


def held_by(stores: Stores, tasks: Container[str]) -> list[str]:
    """The ids of the messages that these tasks are working on."""
    running = stores.redis.hgetall(keys.TRANSCRIPTION_RUNNING)
    return [raw.decode() for raw, by in running.items() if by.decode().split(" ")[1] in tasks]


def note_origin(stores: Stores, message_id: str) -> None:
    """Remembers the current request as this message's origin, for the logs of the attempt."""
    if tracing.request_id():
        stores.redis.hset(keys.TRANSCRIPTION_ORIGINS, message_id, tracing.request_id())


def origin(stores: Stores, message_id: str) -> str:
    """The id of the request a message goes back to, '' if unknown."""
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
        int(MIN_SECONDS * 1_000),
        int(USED_SECONDS * 1_000),
        PAGE,
        int(skip_unknown),
    ]


def seconds(stores: Stores, messages: Sequence[StoredMessage]) -> dict[str, float]:
    """Returns the length of each message's recording by message id; 0 if there is no recording.

    Raises:
        PyMongoError: only MongoDB knows one, and is unavailable.
    """
    found = {message["_id"]: message.get("duration") or 0.0 for message in messages}
    old = {each["_id"]: each["audioFileId"] for each in messages if each["audioFileId"] and not found[each["_id"]]}
    if old:  # of a version that kept the length with the recording alone
        lengths = audio.durations(stores, list(old.values()))
        found |= {message_id: lengths.get(upload_id, 0.0) for message_id, upload_id in old.items()}
    return found


def _note_turns(stores: Stores, message_ids: Sequence[str]) -> None:
    """Notes whose turn each message takes: its sender's. A message that no longer exists takes nobody's."""
    messages = [each for each in hot.read_messages(stores, list(message_ids)) if each is not None]
    try:
        known = {message["_id"] for message in messages}
        messages += storing.archived(stores, [each for each in message_ids if each not in known])
        lengths = seconds(stores, messages)
    except PyMongoError as error:
        log.warning("transcription.turns_unknown", messages=len(message_ids), error=type(error).__name__)
        return
    senders = {message["_id"]: message["senderId"] for message in messages}
    with stores.redis.pipeline(transaction=False) as pipe:
        for message_id in message_ids:
            length_ms = int(lengths.get(message_id, 0) * 1_000)
            turn = f"{senders.get(message_id, NOBODY)} {ids.milliseconds(message_id)} {length_ms}"
            pipe.hsetnx(keys.TRANSCRIPTION_TURNS, message_id, turn)
        pipe.execute()
