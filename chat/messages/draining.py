"""The accepted log's other end: stores what was accepted, delivers it, and only then lets go of it.

One drainer works at a time, so that a conversation is delivered in its order. One that dies leaves its
entries pending in the stream; the next takes those first. The drainer lingers while traffic flows, because a
Celery task for every message costs more than storing it; a flag in Redis tells the web not to send another.
"""

import contextlib
import time
from collections.abc import Callable

import pymongo
import structlog
from pymongo.errors import PyMongoError
from redis import RedisError
from redis.exceptions import LockError
from redis.lock import Lock

from chat import frames, wire
from chat.messages import delivery, hinting, storing
from chat.messages import log as accepted_log
from chat.messages.log import RawEntry
from chat.messages.sending import WAKING_MS
from chat.store import counters, keys
from chat.store.connection import Stores
from chat.tracing import traced
from chat.wire import StoredMessage

log = structlog.get_logger(__name__)

GROUP = 200  # entries stored in one go
LINGER_MS = 200  # one wait for the next entry
LINGER_ROUNDS = 5
RUN_SECONDS = 10.0  # a stopping worker waits for its task no longer than this
LEASE_SECONDS = 5.0  # what a dead drainer holds the log for
LEASE_WAIT = 1.0
RENEW_SECONDS = 1.0  # between two renewals of the lease
ARCHIVE_SECONDS = 2.0  # MongoDB may take for one group
ARCHIVE_PROBE_SECONDS = 0.2  # the same after it failed
ARCHIVE_PAUSE = 5.0  # seconds without asking MongoDB after it failed


def drain(stores: Stores, on_voice: Callable[[str], None]) -> bool:
    """Store and deliver what is in the log until it stays empty for a while; `on_voice` gets ids to transcribe.

    Returns:
        True when the time was up before the log was empty: call again.
    """
    accepted_log.create_group(stores)
    lease = Lock(stores.redis, keys.ACCEPTED_DRAINER, timeout=LEASE_SECONDS, sleep=0.01, blocking_timeout=LEASE_WAIT)
    if not lease.acquire():
        return False
    try:
        return _Drainer(stores, lease, on_voice).run()
    finally:
        try:
            lease.release()
        except LockError:
            log.warning("accepted.lease_lost")


class _Drainer:
    def __init__(self, stores: Stores, lease: Lock, on_voice: Callable[[str], None]) -> None:
        self.stores = stores
        self.redis = stores.redis
        self.lease = lease
        self.on_voice = on_voice
        self._renewed = 0.0

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
                self.redis.delete(keys.ACCEPTED_WAKING)
                if not (entries := self._read(">", 0)):
                    return False
                idle, self._renewed = 0, 0.0
                self._process(entries)
            self._renew_lease()
        return True

    def _read(self, start: str, block_ms: int) -> list[RawEntry]:
        return accepted_log.read_group(self.stores, start, GROUP, block_ms)

    def _process(self, entries: list[RawEntry]) -> None:
        """Store and deliver; an entry that cannot be stored, whatever is wrong with it, does not hold up the others."""
        self._renew_lease()
        try:
            self._store_and_deliver([entry for entry in entries if entry[1]])
        except (RedisError, PyMongoError):
            raise
        except Exception:
            log.exception("accepted.refused", entries=len(entries))
            if len(entries) == 1:
                self._set_aside(entries[0])
            else:
                for entry in entries:
                    self._process([entry])
            return
        self._acknowledge([entry_id for entry_id, _ in entries])

    def _store_and_deliver(self, raw_entries: list[RawEntry]) -> None:
        entries = [accepted_log.parse_entry(raw) for raw in raw_entries]
        messages = [entry.message for entry in entries]
        origins = {each["_id"]: entry.draft.request_id for each, entry in zip(messages, entries, strict=True)}
        messages, firsts = self._without_doubles(messages)
        spoken = [entry for entry in entries if entry.draft.audio_file_id]
        hinting.keep(self.stores, {entry.receipt.message_id: entry.draft.languages for entry in spoken})
        messages = storing.store_hot(self.stores, messages)
        # Before the archive: nobody waits for MongoDB, and the outbox knows what it has not got yet.
        # What a drainer that died has delivered keeps its place among what was delivered since.
        told = [_frame(each, origins) for each in (*messages, *firsts)]
        delivery.deliver(self.stores, told, again=False)
        _count(raw_entries)
        for each in messages:
            log.debug("message.delivered", message_id=each["_id"], request_id=origins[each["_id"]])
            if each["status"] == "transcribing":
                with traced(origins[each["_id"]]):
                    self.on_voice(each["_id"])
        archive.store(self.stores, messages)

    def _without_doubles(self, messages: list[StoredMessage]) -> tuple[list[StoredMessage], list[StoredMessage]]:
        """Those to store, and the first ones of those whose `clientId` only the archive still knows.

        Redis knows every `clientId`, until it was lost and before it is rebuilt.
        """
        if self.redis.exists(keys.HOT_COMPLETE):
            return messages, []
        firsts = archive.first_of_doubles(self.stores, messages)
        return [each for each in messages if each["_id"] not in firsts], list(firsts.values())

    def _set_aside(self, raw: RawEntry) -> None:
        accepted_log.set_aside(self.stores, raw)
        counters.count("messages_refused")
        self._acknowledge([raw[0]])

    def _acknowledge(self, entry_ids: list[bytes]) -> None:
        accepted_log.acknowledge(self.stores, entry_ids)

    def _renew_lease(self) -> None:
        """Keep the lease and the flag while we are here. Raises LockError when another drainer has taken over."""
        now = time.monotonic()
        if now - self._renewed > RENEW_SECONDS:
            self.lease.reacquire()
            self.redis.set(keys.ACCEPTED_WAKING, "1", px=WAKING_MS)
            self._renewed = now


class _Archive:
    """MongoDB as a drainer sees it: never waited for long, asked less while it is away. The outbox keeps the rest."""

    def __init__(self) -> None:
        self._again = 0.0
        self._seconds = ARCHIVE_SECONDS

    def store(self, stores: Stores, messages: list[StoredMessage]) -> None:
        if not messages or time.monotonic() < self._again:
            return
        try:
            with pymongo.timeout(self._seconds):
                stored, doubled = storing.store_archive(stores, messages)
        except PyMongoError as error:
            self._again, self._seconds = time.monotonic() + ARCHIVE_PAUSE, ARCHIVE_PROBE_SECONDS
            log.warning("archive.away", error=type(error).__name__)
            return
        self._seconds = ARCHIVE_SECONDS
        for double in doubled:
            storing.drop_double(stores, double)
        storing.confirm(stores, stored)

    def first_of_doubles(self, stores: Stores, messages: list[StoredMessage]) -> dict[str, StoredMessage]:
        """By the ids of those that are doubles: the message the archive has for their `clientId`."""
        with contextlib.suppress(PyMongoError), pymongo.timeout(self._seconds):
            return storing.first_of_doubles(stores, messages)
        return {}


archive = _Archive()


def _count(entries: list[RawEntry]) -> None:
    now = time.time()
    counters.count("messages_delivered", by=len(entries))
    for entry_id, _ in entries:
        counters.observe("delivery_seconds", seconds=max(0.0, now - int(entry_id.partition(b"-")[0]) / 1_000))


def _frame(stored: StoredMessage, origins: dict[str, str]) -> frames.Frame:
    return frames.first_frame(wire.message(stored))._replace(request_id=origins.get(stored["_id"], ""))
