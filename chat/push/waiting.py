"""The notifications that wait to be sent. Redis records them; a Celery task is only a nudge to take the next one.

There is one for each conversation of a person who has no socket: a newer message takes the place of an older one.
"""

from collections.abc import Iterable
from typing import NamedTuple

from redis.client import Pipeline

from chat.store import clock, keys
from chat.store.connection import Stores
from chat.wire import StoredMessage

MAX_WAITING = 100_000  # conversations; beyond it, further ones get no notification
LEASE_MS = 120_000  # how long a dead sender holds one up: longer than ten devices take
WAKING_SECONDS = 60
_KEYS = (keys.PUSH_DUE, keys.PUSH_MESSAGES, keys.PUSH_ATTEMPTS, keys.PUSH_UNREACHED)


class Waiting(NamedTuple):
    """One that was taken to be sent; `attempt` counts from 1.

    `unreached` has the token ids of the devices that the attempts before did not reach; it is empty at the first one,
    which is for all.
    """

    receiver_id: str
    sender_id: str
    message_id: str
    attempt: int
    unreached: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.receiver_id} {self.sender_id}"


def note(stores: Stores, messages: Iterable[StoredMessage], pipe: Pipeline) -> bool:
    """Notes of new messages whether their receivers get a notification, as part of a pipeline.

    Returns whether there is anything to note; then the pipeline's next reply is true if a task has to be sent for it.
    """
    arguments: list[str | int] = []
    for each in messages:
        receiver, sender = each["receiverId"], each["senderId"]
        if receiver != sender:
            arguments += [receiver, f"{receiver} {sender}", each["_id"]]
    if not arguments:
        return False
    script_keys = [keys.PUSH_PEOPLE, keys.PRESENCE_ONLINE, *_KEYS]
    stores.scripts.note_pushes(keys=script_keys, args=[MAX_WAITING, *arguments], client=pipe)
    return True


def take(stores: Stores) -> Waiting | None:
    """Takes the one that has been due longest; None if none is due."""
    found = stores.scripts.take_push(keys=_KEYS, args=[LEASE_MS])
    if not found:
        return None
    receiver, _, sender = found[0].decode().partition(" ")
    return Waiting(receiver, sender, found[1].decode(), int(found[2]), frozenset(found[3].decode().split()))


def end(stores: Stores, waiting: Waiting) -> None:
    """Ends a notification for good."""
    stores.scripts.end_push(keys=_KEYS, args=[waiting.name, waiting.message_id, "", ""])


def repeat(stores: Stores, waiting: Waiting, seconds: float, unreached: Iterable[str]) -> None:
    """Ends an attempt that is to be repeated in so many seconds, for the devices with these token ids."""
    pause_ms = int(seconds * 1_000)
    stores.scripts.end_push(keys=_KEYS, args=[waiting.name, waiting.message_id, pause_ms, " ".join(unreached)])


def needs_waking(stores: Stores) -> bool:
    """Whether some are due and no task is on its way for them. True at most once a minute, until `woken`.

    Without a worker for them, tasks would pile up in the broker.
    """
    return due_count(stores) > 0 and bool(stores.redis.set(keys.PUSH_WAKING, "1", nx=True, ex=WAKING_SECONDS))


def woken(stores: Stores) -> None:
    """Notes that a worker has begun."""
    stores.redis.delete(keys.PUSH_WAKING)


def due_count(stores: Stores) -> int:
    """How many are due."""
    return int(stores.redis.zcount(keys.PUSH_DUE, "-inf", clock.now_ms(stores.redis)))
