"""Drains the accepted log: stores each message, delivers it, and only then removes it from the log.

Only one drainer works at a time, so each conversation is delivered in order. If it dies, its entries stay pending in
the stream and the next drainer handles those first. A drainer lingers while traffic flows, because one Celery task per
message costs more than storing the message; a flag in Redis tells the web processes not to send another task.
"""

import time
from collections.abc import Callable

import structlog
from pymongo.errors import PyMongoError
from redis import RedisError
from redis.exceptions import LockError
from redis.lock import Lock

from chat import frames, tracing, wire
from chat.messages import archiving, delivery, hinting, spoken, storing
from chat.messages import log as accepted_log
from chat.messages.archiving import Archiver
from chat.messages.log import RawEntry
from chat.messages.sending import WAKING_MS
from chat.people import presence, telling
from chat.push import waiting as push_queue
from chat.store import counters, keys
from chat.store.connection import Stores
from chat.tracing import traced
from chat.wire import StoredMessage

log = structlog.get_logger(__name__)

GROUP = 200  # entries stored together
LINGER_MS = 200  # how long one wait for the next entry lasts
LINGER_ROUNDS = 5  # empty waits before the drainer stops
RUN_SECONDS = 10.0  # bounds how long a stopping worker has to wait for this task
LEASE_SECONDS = 5.0  # how long a dead drainer blocks the log
LEASE_WAIT = 1.0  # seconds to wait for another drainer's lease
RENEW_SECONDS = 1.0  # between two renewals of the lease


def drain(stores: Stores, on_voice: Callable[[str], None], on_push: Callable[[], None] = lambda: None) -> bool:
    """Stores and delivers what is in the log until it stays empty for a while.

    Calls `on_voice` with the id of each message to transcribe, and `on_push` if notifications have to be sent.

    Returns:
        True if time ran out before the log was empty: call again.
    """
    accepted_log.create_group(stores)
    lease = Lock(stores.redis, keys.ACCEPTED_DRAINER, timeout=LEASE_SECONDS, sleep=0.01, blocking_timeout=LEASE_WAIT)
    if not lease.acquire():
        return False
    try:
        return _Drainer(stores, lease, on_voice, on_push).run()
    finally:
        try:
            lease.release()
        except LockError:
            log.warning("accepted.lease_lost")


class _Drainer:
    def __init__(
        self, stores: Stores, lease: Lock, on_voice: Callable[[str], None], on_push: Callable[[], None]
    ) -> None:
        self.stores = stores
        self.redis = stores.redis
        self.lease = lease
        self.on_voice = on_voice
        self.on_push = on_push
        self._renewed = 0.0
        self._archiver = Archiver(stores)

    def run(self) -> bool:
        with self._archiver:
            return self._run()

    def _run(self) -> bool:
        until = time.monotonic() + RUN_SECONDS
        while entries := self._read("0", 0):  # left pending by an earlier drainer
            self._process(entries)
        idle = 0
        while time.monotonic() < until:
            if entries := self._read(">", LINGER_MS):
                idle = 0
                self._process(entries)
                continue
            idle += 1
            if idle >= LINGER_ROUNDS:
                # Clear the flag before the last look: a message accepted after that look wakes a new drainer.
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
        """Stores and delivers entries. One that cannot be stored, for whatever reason, does not hold up the others."""
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
        began = time.time_ns()
        entries = [accepted_log.parse_entry(raw) for raw in raw_entries]
        messages = [entry.message for entry in entries]
        origins = {each["_id"]: entry.draft.request_id for each, entry in zip(messages, entries, strict=True)}
        messages, originals = self._split_duplicates(messages)
        voices = [entry for entry in entries if entry.draft.audio_file_id]
        hinting.keep(self.stores, {entry.receipt.message_id: entry.draft.languages for entry in voices})
        met = presence.strangers(self.stores, [(each["senderId"], each["receiverId"]) for each in messages])
        messages = storing.store_hot(self.stores, spoken.with_words(self.stores, messages))
        spoken.forget(self.stores, messages)
        # Deliver before archiving: nobody has to wait for MongoDB, and the outbox records what it still lacks, also of
        # entries that are acknowledged meanwhile.
        # Anything a dead drainer already delivered keeps its position among later deliveries.
        outgoing = [_frame(each, origins) for each in (*messages, *originals)]
        delivery.deliver(self.stores, outgoing, reposition=False)
        telling.tell_of_meeting(self.stores, met)
        if push_queue.note(self.stores, messages):
            self.on_push()
        _count(raw_entries)
        for each in messages:
            tracing.record("message.delivered", origins[each["_id"]], began)
            log.debug("message.delivered", message_id=each["_id"], request_id=origins[each["_id"]])
            if each["status"] == "transcribing":
                with traced(origins[each["_id"]]):
                    self.on_voice(each["_id"])
        self._archiver.add(messages)

    def _split_duplicates(self, messages: list[StoredMessage]) -> tuple[list[StoredMessage], list[StoredMessage]]:
        """Returns the messages to store, and the archived originals of those that repeat an earlier `clientId`.

        Redis knows every recent `clientId`, except after it was lost and until it is rebuilt.
        """
        if self.redis.exists(keys.HOT_COMPLETE):
            return messages, []
        originals = archiving.archive.find_originals(self.stores, messages)
        return [each for each in messages if each["_id"] not in originals], list(originals.values())

    def _set_aside(self, raw: RawEntry) -> None:
        accepted_log.set_aside(self.stores, raw)
        counters.count("messages_refused")
        self._acknowledge([raw[0]])

    def _acknowledge(self, entry_ids: list[bytes]) -> None:
        accepted_log.acknowledge(self.stores, entry_ids)

    def _renew_lease(self) -> None:
        """Keeps the lease and the flag alive. Raises LockError if another drainer has taken over."""
        now = time.monotonic()
        if now - self._renewed > RENEW_SECONDS:
            self.lease.reacquire()
            self.redis.set(keys.ACCEPTED_WAKING, "1", px=WAKING_MS)
            self._renewed = now


def _count(entries: list[RawEntry]) -> None:
    now = time.time()
    counters.count("messages_delivered", by=len(entries))
    for entry_id, _ in entries:
        counters.observe("delivery_seconds", seconds=max(0.0, now - int(entry_id.partition(b"-")[0]) / 1_000))


def _frame(stored: StoredMessage, origins: dict[str, str]) -> frames.Frame:
    return frames.first_frame(wire.message(stored))._replace(request_id=origins.get(stored["_id"], ""))
