"""Drains the accepted logs: stores each message, delivers it, and only then removes it from its log.

A partition has one drainer at a time (`chat.messages.leases`), so each conversation is delivered in order. A group is
first written to its partitions and then to its people: their lists, unread messages and deliveries; on a single Redis
in one round trip. If the drainer dies, also between the two, its entries stay pending in the streams and the next
drainer handles those first; whatever was written before stays as it is. A drainer reads all its logs at once, and
lingers while traffic flows, because one Celery task per message costs more than storing the message; flags in Redis
tell the web processes not to send another task.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from pymongo.errors import PyMongoError
from redis import RedisError
from redis.client import Pipeline

from chat import frames, tracing, wire
from chat.messages import archiving, delivery, hinting, sending, spoken, storing
from chat.messages import log as accepted_log
from chat.messages.archiving import Archiver
from chat.messages.leases import HELPER_SECONDS, Leases
from chat.messages.log import RawEntry, Taken
from chat.messages.storing import Stored
from chat.people import presence, telling
from chat.push import waiting as push_queue
from chat.store import counters, keys
from chat.store.cluster import has_slots
from chat.store.connection import Stores
from chat.store.scripts import NotReplicated, execute
from chat.tracing import traced
from chat.wire import StoredMessage

log = structlog.get_logger(__name__)

GROUP = 200  # entries stored together
LINGER_MS = 200  # how long one wait for the next entry lasts
LINGER_ROUNDS = 5  # empty waits before the drainer stops
RUN_SECONDS = 10.0  # bounds how long a stopping worker has to wait for this task
HELP_SECONDS = 2.0  # the same for a helper: behind it, the other periodic tasks may be waiting
LEASE_WAIT = 1.0  # seconds to wait for a drainer that is about to end
LEASE_PAUSE = 0.02  # between two looks whether it has
RENEW_SECONDS = 1.0  # between two renewals of the leases
TAKE_SECONDS = 0.05  # between two looks for partitions that others have left
STORED_NOW_SECONDS = 60  # longer than a round trip; only a drainer that dies in one leaves the set behind
BUSY_SHARE = 0.9  # of a second without a wait for entries; then a drainer could use some help


def drain(
    stores: Stores,
    on_voice: Callable[[str], None],
    on_push: Callable[[], None] = lambda: None,
    on_busy: Callable[[], None] = lambda: None,
    *,
    helps: bool = False,
) -> bool:
    """Stores and delivers what is in the logs until they stay empty for a while.

    Calls `on_voice` with the id of each message to transcribe, `on_push` if notifications have to be sent, and
    `on_busy` if another drainer would be of help; that one is called with `helps`, and asks for partitions.

    Returns:
        True if time ran out before the logs were empty: call again.
    """
    leases = Leases(stores)
    if helps:
        leases.offer_help()
    try:
        if not _take_some(leases, HELPER_SECONDS if helps else LEASE_WAIT, waits=helps):
            return False
        return _Drainer(stores, leases, on_voice, on_push, on_busy, helps=helps).run()
    finally:
        if lost := leases.release():
            log.warning("accepted.lease_lost", partitions=lost)


def handle(stores: Stores, entries: list[Taken]) -> None:
    """Stores and delivers entries of a log that no drainer reads, and removes them from it.

    The sweep sends the tasks for what is to be transcribed or notified.
    """
    drainer = _Drainer(stores, Leases(stores), lambda _: None, lambda: None, lambda: None, helps=False)
    drainer.handle(entries)


def _take_some(leases: Leases, seconds: float, *, waits: bool) -> bool:
    """Takes the partitions that nobody has. Returns whether there were any.

    If there are none it waits for those of drainers that are about to end; with `waits`, also of those that go on.
    """
    until = time.monotonic() + seconds
    while True:
        taken, ending = leases.take()
        if taken or not (ending or waits) or time.monotonic() > until:
            return bool(taken)
        time.sleep(LEASE_PAUSE)


class _Drainer:
    def __init__(
        self,
        stores: Stores,
        leases: Leases,
        on_voice: Callable[[str], None],
        on_push: Callable[[], None],
        on_busy: Callable[[], None],
        *,
        helps: bool,
    ) -> None:
        self.stores = stores
        self.redis = stores.redis
        self.leases = leases
        self.on_voice = on_voice
        self.on_push = on_push
        self.on_busy = on_busy
        self._seconds = HELP_SECONDS if helps else RUN_SECONDS
        self._renewed = self._looked = 0.0
        self._measured, self._waited = time.monotonic(), 0.0  # how many seconds of those since then it has waited
        self._busy_logs = 1
        self._handled: list[Taken] = []  # to be acknowledged with the next read
        self._is_complete = False  # whether Redis had all recent messages at the last one
        self._archiver = Archiver(stores)

    def run(self) -> bool:
        with self._archiver, self._acknowledging():
            return self._run()

    def handle(self, entries: list[Taken]) -> None:
        with self._archiver, self._acknowledging():
            self._process_group(entries)
            self._acknowledge()

    def _run(self) -> bool:
        until = time.monotonic() + self._seconds
        self._handle_pending(self.leases.held)
        idle = 0
        while time.monotonic() < until:
            self._renew_leases()
            self._share_work()
            if entries := self._wait():
                idle = 0
                self._process(entries)
                continue
            idle += 1
            if idle >= LINGER_ROUNDS:
                # Lower the flags before the last look: a message accepted after that look wakes a new drainer.
                self.leases.lower_flags()
                if not (entries := self._read(self.leases.held, ">", 0)):
                    return False
                idle, self._renewed = 0, 0.0
                self._process(entries)
        return True

    def _wait(self) -> list[Taken]:
        began = time.monotonic()
        entries = self._read(self.leases.held, ">", LINGER_MS)
        if len(entries) < GROUP // 2:  # else it has not waited, only acknowledged and read much
            self._waited += time.monotonic() - began
        return entries

    def _read(self, of: list[int], start: str, block_ms: int) -> list[Taken]:
        """Reads about a group: from each log its share, by the number of logs that had something the last time."""
        share = max(1, GROUP // self._busy_logs)
        page = accepted_log.read_groups(self.stores, of, start, share, block_ms, self._handled)
        self._handled, self._is_complete = [], page.is_complete
        self._busy_logs = max(1, len({each.log for each in page.entries}))
        return page.entries

    @contextlib.contextmanager
    def _acknowledging(self) -> Iterator[None]:
        """In the end acknowledges what is done, also after an error: it is not to be done again."""
        try:
            yield
        finally:
            with contextlib.suppress(RedisError):
                self._acknowledge()

    def _acknowledge(self) -> None:
        accepted_log.acknowledge(self.stores, self._handled)
        self._handled = []

    def _handle_pending(self, of: list[int]) -> None:
        """Stores and delivers what an earlier drainer of these partitions has left unacknowledged."""
        while of and (entries := self._read(of, "0", 0)):
            self._process(entries)

    def _process(self, entries: list[Taken]) -> None:
        for start in range(0, len(entries), GROUP):
            self._renew_leases()
            self._process_group(entries[start : start + GROUP])
            if len(entries) > GROUP:
                self._acknowledge()

    def _process_group(self, entries: list[Taken]) -> None:
        """Stores and delivers entries. One that cannot be stored, for whatever reason, does not hold up the others."""
        try:
            raw_entries = [each.raw for each in entries if each.raw[1]]
            self._store_and_deliver(raw_entries, at_once=self._may_go_at_once(entries))
        except (RedisError, PyMongoError):
            raise
        except Exception:
            log.exception("accepted.refused", entries=len(entries))
            if len(entries) == 1:
                self._set_aside(entries[0])
            else:
                for each in entries:
                    self._process_group([each._replace(is_first=False)])
            return
        self._handled += entries

    def _may_go_at_once(self, entries: list[Taken]) -> bool:
        """Whether storing and delivering may be one round trip: nobody has tried before, and the order is kept."""
        return self._is_complete and all(each.is_first for each in entries) and not has_slots(self.redis)

    def _store_and_deliver(self, raw_entries: list[RawEntry], *, at_once: bool) -> None:
        began = time.time_ns()
        entries = [accepted_log.parse_entry(raw) for raw in raw_entries]
        messages = [entry.message for entry in entries]
        origins = {each["_id"]: entry.draft.request_id for each, entry in zip(messages, entries, strict=True)}
        messages, originals = self._split_duplicates(messages)
        voices = [entry for entry in entries if entry.draft.audio_file_id]
        hinting.keep(self.stores, {entry.receipt.message_id: entry.draft.languages for entry in voices})
        met = presence.strangers(self.stores, [(each["senderId"], each["receiverId"]) for each in messages])
        messages = spoken.with_words(self.stores, messages)
        stored = [Stored(each, "") for each in messages] if at_once else storing.store_hot(self.stores, messages)
        messages = [each.message for each in stored]
        # Deliver before archiving: nobody has to wait for MongoDB, and the outbox records what it still lacks, also of
        # entries that are acknowledged meanwhile.
        stored_now = keys.stored_now_key(secrets.token_hex(8)) if at_once else ""
        with self.redis.pipeline(transaction=False) as pipe:
            if at_once:
                pipe.delete(stored_now)  # should all of this be repeated because its reply was lost
                groups = storing.add_to_pipeline(self.stores, messages, pipe, stored_now)
                pipe.expire(stored_now, STORED_NOW_SECONDS)
            for entry in voices:
                sending.finish_claim(self.stores, entry.draft, entry.receipt, pipe)
            storing.queue_transcriptions(self.stores, messages, pipe)
            self._add_deliveries(stored, originals, origins, pipe, stored_now)
            if at_once:
                counted = len(pipe.command_stack)
                pipe.scard(stored_now)  # fewer where a call that was given up comes late, and has begun the set anew
                pipe.delete(stored_now)
            notes = push_queue.note(self.stores, messages, pipe)
            replies = self._replicated(pipe)
        if at_once and not (replies[counted] == len(messages) and storing.were_new(replies[1 : 1 + len(groups)])):
            messages = self._deliver_as_they_are(messages, origins)
        telling.tell_of_meeting(self.stores, met)
        if notes and replies[-1]:
            self.on_push()
        spoken.forget(self.stores, messages)
        _count(raw_entries)
        for each in messages:
            tracing.record("message.delivered", origins[each["_id"]], began)
            log.debug("message.delivered", message_id=each["_id"], request_id=origins[each["_id"]])
            if each["status"] == "transcribing":
                with traced(origins[each["_id"]]):
                    self.on_voice(each["_id"])
        self._archiver.add(messages)

    def _deliver_as_they_are(self, messages: list[StoredMessage], origins: dict[str, str]) -> list[StoredMessage]:
        """Delivers messages of which some were stored before: a reply was lost, or an older Redis has come back.

        Returns them as they are now.
        """
        stored = storing.store_hot(self.stores, messages)
        with self.redis.pipeline(transaction=False) as pipe:
            self._add_deliveries(stored, [], origins, pipe)
            self._replicated(pipe)
        return [each.message for each in stored]

    def _add_deliveries(
        self,
        stored: list[Stored],
        originals: list[StoredMessage],
        origins: dict[str, str],
        pipe: Pipeline,
        stored_now: str = "",
    ) -> None:
        """Anything a dead drainer already delivered keeps its position among later deliveries."""
        outgoing = [_frame(each, origins) for each in (*(each.message for each in stored), *originals)]
        listings = [listing for each in stored for listing in storing.listings(each)]
        delivery.deliver(self.stores, outgoing, pipe, reposition=False, listings=listings, stored_now=stored_now)

    def _replicated(self, pipe: Pipeline) -> list[Any]:
        """Executes a pipeline, and waits until the replicas have it: then the entries go, which are elsewhere."""
        try:
            return execute(pipe, replicas=self.stores.settings.redis_replicas)
        except NotReplicated as error:  # nobody else could do it better, and sending is refused meanwhile
            log.warning("accepted.not_replicated", error=str(error))
            return error.replies

    def _split_duplicates(self, messages: list[StoredMessage]) -> tuple[list[StoredMessage], list[StoredMessage]]:
        """Returns the messages to store, and the archived originals of those that repeat an earlier `clientId`.

        Redis knows every recent `clientId`, except after it was lost and until it is rebuilt.
        """
        if self._is_complete:
            return messages, []
        originals = archiving.archive.find_originals(self.stores, messages)
        return [each for each in messages if each["_id"] not in originals], list(originals.values())

    def _set_aside(self, entry: Taken) -> None:
        accepted_log.set_aside(self.stores, entry.raw)
        counters.count("messages_refused")
        accepted_log.acknowledge(self.stores, [entry])

    def _renew_leases(self) -> None:
        """Keeps the leases and the flags alive. Raises LockError if another drainer has taken over."""
        now = time.monotonic()
        if now - self._renewed > RENEW_SECONDS:
            self.leases.renew()
            self._renewed = now

    def _share_work(self) -> None:
        """Takes what others have left, and passes some on if all is too much. Only while nothing is read and undone."""
        now = time.monotonic()
        if not self.leases.all_held and now - self._looked > TAKE_SECONDS:
            self._looked = now
            taken, _ = self.leases.take()
            self._handle_pending(taken)
        if now - self._measured > RENEW_SECONDS:
            if self._waited < (1 - BUSY_SHARE) * (now - self._measured):
                self._acknowledge()  # or the helper would do the same again
                if not self.leases.share():
                    self._call_helper()
            self._measured, self._waited = now, 0.0

    def _call_helper(self) -> None:
        if self.leases.may_call_helper():
            self.on_busy()


def _count(entries: list[RawEntry]) -> None:
    now = time.time()
    counters.count("messages_delivered", by=len(entries))
    for entry_id, _ in entries:
        counters.observe("delivery_seconds", seconds=max(0.0, now - int(entry_id.partition(b"-")[0]) / 1_000))


def _frame(stored: StoredMessage, origins: dict[str, str]) -> frames.Frame:
    return frames.first_frame(wire.message(stored))._replace(request_id=origins.get(stored["_id"], ""))
