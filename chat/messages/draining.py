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
from redis import Redis, RedisError, ResponseError
from redis.exceptions import LockError
from redis.lock import Lock

from chat import ids, wire
from chat.messages import delivery, storing
from chat.messages.sending import WAKE_HOLDS_MS, document, read_draft
from chat.store import counters, keys
from chat.store.connection import Document, Stores
from chat.tracing import traced

log = structlog.get_logger(__name__)

GROUP = 200  # entries stored in one go
LINGER_MS = 200  # one wait for the next entry
LINGER_ROUNDS = 5
RUN_SECONDS = 10.0  # a stopping worker waits for its task no longer than this
LEASE_SECONDS = 5.0  # what a dead drainer holds the log for
LEASE_WAIT = 1.0
HOLD_SECONDS = 1.0  # between two renewals of the lease
ARCHIVE_SECONDS = 2.0  # MongoDB may take for one group
ARCHIVE_PROBE_SECONDS = 0.2  # the same after it failed
ARCHIVE_PAUSE = 5.0  # seconds without asking MongoDB after it failed
CONSUMER = "drainer"

Entry = tuple[bytes, dict[bytes, bytes]]


def drain(stores: Stores, on_voice: Callable[[str], None]) -> bool:
    """Store and deliver what is in the log until it stays empty for a while; `on_voice` gets ids to transcribe.

    Returns:
        True when the time was up before the log was empty: call again.
    """
    _create_group(stores.redis)
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


def waiting(stores: Stores) -> bool:
    """Whether the log has entries while nobody drains it."""
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.xlen(keys.ACCEPTED)
        pipe.exists(keys.ACCEPTED_DRAINER)
        length, drained = pipe.execute()
    return bool(length) and not drained


def waits_from_before(stores: Stores, moment: str) -> bool:
    """Whether the log still has something that was accepted before that time (RFC 3339)."""
    oldest = stores.redis.xrange(keys.ACCEPTED, count=1)
    return bool(oldest) and ids.timestamp(int(oldest[0][0].partition(b"-")[0])) < moment


def forget_refused(stores: Stores, sender_id: str) -> None:
    """Erase what this person sent and what could not be stored."""
    begins = f'["{sender_id}"'.encode()  # as `chat.messages.sending` writes a draft
    refused = stores.redis.xrange(keys.ACCEPTED_REFUSED)
    own = [entry_id for entry_id, fields in refused if fields.get(b"message", b"").startswith(begins)]
    if own:
        stores.redis.xdel(keys.ACCEPTED_REFUSED, *own)


def is_pending(stores: Stores, message_id: str) -> bool:
    """Whether a message was accepted and is not stored yet."""
    entry_id = ids.entry_id(message_id)
    return bool(stores.redis.xrange(keys.ACCEPTED, entry_id, entry_id, count=1))


def _create_group(redis: Redis) -> None:
    try:
        redis.xgroup_create(keys.ACCEPTED, keys.ACCEPTED_GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


class _Drainer:
    def __init__(self, stores: Stores, lease: Lock, on_voice: Callable[[str], None]) -> None:
        self.stores = stores
        self.redis = stores.redis
        self.lease = lease
        self.on_voice = on_voice
        self.held = 0.0

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
                idle, self.held = 0, 0.0
                self._process(entries)
            self._hold()
        return True

    def _read(self, start: str, block_ms: int) -> list[Entry]:
        # Once only: the entries of an answer that was lost are pending, and have to come before newer ones.
        answer = self.stores.redis_once.xreadgroup(
            keys.ACCEPTED_GROUP, CONSUMER, {keys.ACCEPTED: start}, count=GROUP, block=block_ms or None
        )
        return answer[0][1] if answer else []

    def _process(self, entries: list[Entry]) -> None:
        """Store and deliver; an entry that cannot be stored, whatever is wrong with it, does not hold up the others."""
        self._hold()
        try:
            self._store_and_deliver([entry for entry in entries if entry[1]])
        except (RedisError, PyMongoError):
            raise
        except Exception:
            log.exception("accepted.refused", entries=len(entries))
            if len(entries) == 1:
                self._set_aside(*entries[0])
            else:
                for entry in entries:
                    self._process([entry])
            return
        self._acknowledge([entry_id for entry_id, _ in entries])

    def _store_and_deliver(self, entries: list[Entry]) -> None:
        drafts = [read_draft(fields) for _, fields in entries]
        documents = [
            document(draft, entry_id.decode(), fields[b"entropy"].decode())
            for draft, (entry_id, fields) in zip(drafts, entries, strict=True)
        ]
        origins = {each["pk"]: draft.request_id for each, draft in zip(documents, drafts, strict=True)}
        documents, firsts = self._without_doubles(documents)
        documents = storing.store_hot(self.stores, documents)
        # Before the archive: nobody waits for MongoDB, and the outbox knows what it has not got yet.
        # What a drainer that died has delivered keeps its place among what was delivered since.
        delivery.deliver(self.stores, [_frame(each, origins) for each in (*documents, *firsts)], again=False)
        _count(entries)
        for each in documents:
            log.debug("message.delivered", message_id=each["pk"], request_id=origins[each["pk"]])
            if each["status"] == "transcribing":
                with traced(origins[each["pk"]]):
                    self.on_voice(each["pk"])
        archive.store(self.stores, documents)

    def _without_doubles(self, documents: list[Document]) -> tuple[list[Document], list[Document]]:
        """Those to store, and the first ones of those whose `clientId` only the archive still knows.

        Redis knows every `clientId`, until it was lost and before it is rebuilt.
        """
        if self.redis.exists(keys.HOT_COMPLETE):
            return documents, []
        firsts = archive.first_of_doubles(self.stores, documents)
        return [each for each in documents if each["pk"] not in firsts], list(firsts.values())

    def _set_aside(self, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        """Keep it for a person to look at. It was accepted, and must neither be lost nor stop everybody else."""
        self.redis.xadd(keys.ACCEPTED_REFUSED, {**fields, b"entry": entry_id})
        counters.count("messages_refused")
        self._acknowledge([entry_id])

    def _acknowledge(self, entry_ids: list[bytes]) -> None:
        with self.redis.pipeline() as pipe:
            pipe.xack(keys.ACCEPTED, keys.ACCEPTED_GROUP, *entry_ids)
            pipe.xdel(keys.ACCEPTED, *entry_ids)
            pipe.execute()

    def _hold(self) -> None:
        """Keep the lease and the flag while we are here. Raises LockError when another drainer has taken over."""
        now = time.monotonic()
        if now - self.held > HOLD_SECONDS:
            self.lease.reacquire()
            self.redis.set(keys.ACCEPTED_WAKING, "1", px=WAKE_HOLDS_MS)
            self.held = now


class _Archive:
    """MongoDB as a drainer sees it: never waited for long, asked less while it is away. The outbox keeps the rest."""

    def __init__(self) -> None:
        self._again = 0.0
        self._seconds = ARCHIVE_SECONDS

    def store(self, stores: Stores, documents: list[Document]) -> None:
        if not documents or time.monotonic() < self._again:
            return
        try:
            with pymongo.timeout(self._seconds):
                stored, doubled = storing.store_archive(stores, documents)
        except PyMongoError as error:
            self._again, self._seconds = time.monotonic() + ARCHIVE_PAUSE, ARCHIVE_PROBE_SECONDS
            log.warning("archive.away", error=type(error).__name__)
            return
        self._seconds = ARCHIVE_SECONDS
        for double in doubled:
            storing.drop_double(stores, double)
        storing.confirm(stores, stored)

    def first_of_doubles(self, stores: Stores, documents: list[Document]) -> dict[str, Document]:
        """By the ids of those that are doubles: the message the archive has for their `clientId`."""
        with contextlib.suppress(PyMongoError), pymongo.timeout(self._seconds):
            return storing.first_of_doubles(stores, documents)
        return {}


archive = _Archive()


def _count(entries: list[Entry]) -> None:
    now = time.time()
    counters.count("messages_delivered", by=len(entries))
    for entry_id, _ in entries:
        counters.observe("delivery_seconds", seconds=max(0.0, now - int(entry_id.partition(b"-")[0]) / 1_000))


def _frame(stored: Document, origins: dict[str, str]) -> delivery.Frame:
    message = wire.message(stored)
    is_voice = message["status"] == "transcribing"
    frame = delivery.status_frame(message, "transcribing") if is_voice else delivery.message_frame(message)
    return frame._replace(request_id=origins.get(message["_id"], ""))
