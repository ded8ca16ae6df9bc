"""The accepted log's other end: stores what was accepted, delivers it, and only then lets go of it.

One drainer works at a time, so that a conversation is delivered in its order. One that dies leaves its
entries pending in the stream; the next takes those first. The drainer lingers while traffic flows, because a
Celery task for every message costs more than storing it; a flag in Redis tells the web not to send another.
"""

import time
from collections.abc import Callable

import structlog
from pymongo.errors import PyMongoError
from redis import Redis, ResponseError
from redis.exceptions import LockError
from redis.lock import Lock

from chat import channels, delivery, ids, persistence, wire
from chat.messages import WAKE_HOLDS_MS, document, read_draft
from chat.store.connection import Document, Stores

log = structlog.get_logger(__name__)

GROUP = 200  # entries stored in one go
LINGER_MS = 200  # one wait for the next entry
LINGER_ROUNDS = 5
RUN_SECONDS = 10.0  # a stopping worker waits for its task no longer than this
LEASE_SECONDS = 10.0  # what a dead drainer holds the log for
LEASE_WAIT = 1.0
ARCHIVE_PAUSE = 5.0  # seconds without asking MongoDB after it failed
CONSUMER = "drainer"

Entry = tuple[bytes, dict[bytes, bytes]]


def drain(stores: Stores, on_voice: Callable[[str], None]) -> bool:
    """Store and deliver what is in the log until it stays empty for a while; `on_voice` gets ids to transcribe.

    Returns:
        True when the time was up before the log was empty: call again.
    """
    _create_group(stores.redis)
    lease = Lock(
        stores.redis, channels.ACCEPTED_DRAINER, timeout=LEASE_SECONDS, sleep=0.01, blocking_timeout=LEASE_WAIT
    )
    if not lease.acquire():
        return False
    try:
        return _Drainer(stores, lease, on_voice).run()
    finally:
        try:
            lease.release()
        except LockError:
            log.warning("accepted.lease_lost")


def waiting(stores: Stores) -> bool:
    """Whether the log has entries while nobody drains it."""
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.xlen(channels.ACCEPTED)
        pipe.exists(channels.ACCEPTED_DRAINER)
        length, drained = pipe.execute()
    return bool(length) and not drained


def is_pending(stores: Stores, message_id: str) -> bool:
    """Whether a message was accepted and is not stored yet."""
    entry_id = ids.entry_id(message_id)
    return bool(stores.redis.xrange(channels.ACCEPTED, entry_id, entry_id, count=1))


def _create_group(redis: Redis) -> None:
    try:
        redis.xgroup_create(channels.ACCEPTED, channels.ACCEPTED_GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


class _Drainer:
    def __init__(self, stores: Stores, lease: Lock, on_voice: Callable[[str], None]) -> None:
        self.stores = stores
        self.redis = stores.redis
        self.lease = lease
        self.on_voice = on_voice
        self.archive_again = 0.0

    def run(self) -> bool:
        until = time.monotonic() + RUN_SECONDS
        while entries := self._read("0", 0):  # what a drainer before us left
            self._process(entries)
        idle = 0
        while time.monotonic() < until:
            if entries := self._read(">", LINGER_MS):
                idle = 0
                self._process(entries)
                continue
            idle += 1
            if idle >= LINGER_ROUNDS:
                # Only after the flag is down may the last look be taken: whoever comes later wakes a new drainer.
                self.redis.delete(channels.ACCEPTED_WAKING)
                if not (entries := self._read(">", 0)):
                    return False
                idle = 0
                self._process(entries)
            self._hold()
        return True

    def _read(self, start: str, block_ms: int) -> list[Entry]:
        answer = self.redis.xreadgroup(
            channels.ACCEPTED_GROUP, CONSUMER, {channels.ACCEPTED: start}, count=GROUP, block=block_ms or None
        )
        return answer[0][1] if answer else []

    def _process(self, entries: list[Entry]) -> None:
        self._hold()
        documents = [
            document(read_draft(fields), entry_id.decode(), fields[b"entropy"].decode())
            for entry_id, fields in entries
            if fields
        ]
        documents = persistence.store_hot(self.stores, documents)
        stored, doubled = self._archive(documents)
        refused = {double["pk"] for double in doubled}
        frames = [_frame(each) for each in documents if each["pk"] not in refused]
        firsts = [persistence.drop_double(self.stores, double) for double in doubled]
        frames += [_frame(first) for first in firsts if first is not None]
        with self.redis.pipeline(transaction=False) as pipe:
            persistence.confirm(self.stores, stored, pipe)
            delivery.deliver(self.stores, frames, pipe)
            pipe.execute()
        for each in documents:
            if each["status"] == "transcribing" and each["pk"] not in refused:
                self.on_voice(each["pk"])
        self._acknowledge([entry_id for entry_id, _ in entries])

    def _archive(self, documents: list[Document]) -> tuple[list[Document], list[Document]]:
        """Into MongoDB; while it is away, the outbox keeps them and chatting goes on."""
        if time.monotonic() < self.archive_again:
            return [], []
        try:
            return persistence.store_archive(self.stores, documents)
        except PyMongoError as error:
            self.archive_again = time.monotonic() + ARCHIVE_PAUSE
            log.warning("archive.away", error=type(error).__name__)
            return [], []

    def _acknowledge(self, entry_ids: list[bytes]) -> None:
        with self.redis.pipeline() as pipe:
            pipe.xack(channels.ACCEPTED, channels.ACCEPTED_GROUP, *entry_ids)
            pipe.xdel(channels.ACCEPTED, *entry_ids)
            pipe.execute()

    def _hold(self) -> None:
        """Keep the lease and the flag while we are here. Raises LockError when another drainer has taken over."""
        self.lease.reacquire()
        self.redis.set(channels.ACCEPTED_WAKING, "1", px=WAKE_HOLDS_MS)


def _frame(stored: Document) -> delivery.Frame:
    message = wire.message(stored)
    if message["status"] == "transcribing":
        return delivery.status_frame(message, "transcribing")
    return delivery.message_frame(message)
