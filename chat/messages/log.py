"""The logs of accepted messages, a Redis Stream for each partition. Once a message is here, it is never lost.

Only this module knows what an entry looks like. An entry stores the draft as a JSON object with named fields, so that
entries written before a deploy that adds a field can still be read after it.
"""

import contextlib
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import orjson
from redis import Redis, ResponseError
from redis.client import Pipeline

from chat import ids
from chat.store import keys, partitions
from chat.store.cluster import each_asked, has_slots, node_of
from chat.store.connection import Stores
from chat.wire import StoredMessage

DRAFT, ENTROPY = b"message", b"entropy"  # the fields of an entry
DURATION, PEAKS = b"duration", b"peaks"  # of an entry with a recording, copied from the upload's hash
REFUSED_ENTRY = b"entry"  # the extra field of an entry that was set aside: its original id
CONSUMER = "drainer"
SHORTEST_PAUSE, LONGEST_PAUSE = 0.001, 0.02  # seconds between two looks at the logs of a cluster

RawEntry = tuple[bytes, dict[bytes, bytes]]
"""An entry as Redis returns it: its id and its fields."""


class Waiting(NamedTuple):
    """The entries of all logs, and when the oldest of them was accepted (Unix, ms; 0 if there is none)."""

    entries: int
    oldest_ms: int


class Taken(NamedTuple):
    """An entry that a drainer has read, the key of its log, and whether nobody has read it before."""

    log: str
    raw: RawEntry
    is_first: bool = False


class Page(NamedTuple):
    """Entries that were read together, and whether Redis had all recent messages then, so every recent `clientId`."""

    entries: list[Taken]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A message somebody wants to send. If it has both text and a recording, the text is the sender's own caption."""

    sender_id: str
    receiver_id: str
    text: str = ""
    audio_file_id: str | None = None
    client_id: str | None = None
    request_id: str = ""  # of the call that sent it; only for logs
    languages: Sequence[str] = ()  # BCP 47; those the sender probably speaks, for voice messages only


class Receipt(NamedTuple):
    """Names the entry a send was accepted as.

    Stored as `<entry id>:<entropy>` under the sender's `clientId` and with the upload. There the entry's id is empty
    while the entry is being added.
    """

    entry_id: str
    entropy: str

    @property
    def message_id(self) -> str:
        return ids.message_id(self.entry_id, self.entropy)

    def __str__(self) -> str:
        return self.entry_id + receipt_suffix(self.entropy)


class Entry(NamedTuple):
    """An accepted draft, and what is known of its recording."""

    receipt: Receipt
    draft: Draft
    duration: float | None = None
    peaks: list[int] | None = None

    @property
    def message(self) -> StoredMessage:
        """The message in its first stored form."""
        draft, milliseconds = self.draft, int(self.receipt.entry_id.partition("-")[0])
        return {
            "_id": self.receipt.message_id,
            "senderId": draft.sender_id,
            "receiverId": draft.receiver_id,
            "dateSent": ids.timestamp(milliseconds),
            "text": draft.text,
            "audioFileId": draft.audio_file_id,
            "clientId": draft.client_id,
            "duration": self.duration,
            "peaks": self.peaks,
            "status": "delivered" if draft.audio_file_id is None else "transcribing",
            "ownText": True if draft.audio_file_id and draft.text else None,
            "revision": 1,
        }


# The names in an entry's JSON
_NAMES = {
    "sender_id": "senderId",
    "receiver_id": "receiverId",
    "text": "text",
    "audio_file_id": "audioFileId",
    "client_id": "clientId",
    "request_id": "requestId",
    "languages": "languages",
}
# Entries of version 1.0 had no names, only the values of these, in this order.
_VALUES_OF_1_0 = ("senderId", "receiverId", "text", "audioFileId", "clientId", "requestId")


def entry_fields(draft: Draft, entropy: str) -> list[bytes | str]:
    """A draft as the fields of an entry: field, value, field, value."""
    named = {name: value for field, name in _NAMES.items() if (value := getattr(draft, field))}
    return [DRAFT, orjson.dumps(named), ENTROPY, entropy]


def recording_fields(duration: bytes, peaks: bytes) -> list[bytes | str]:
    """What an entry has of its recording, from the upload's hash, as further fields; an empty value is left out."""
    return [part for name, value in ((DURATION, duration), (PEAKS, peaks)) if value for part in (name, value)]


def milliseconds_of(recording: Sequence[bytes | str]) -> int:
    """The length of the recording in those fields, rounded up; 0 if it is unknown."""
    fields = dict(zip(recording[::2], recording[1::2], strict=True))
    return math.ceil(float(fields.get(DURATION, 0)) * 1_000)


def receipt_suffix(entropy: str) -> str:
    """What follows the entry's id in a receipt. Redis assigns the id only when it adds the entry."""
    return f":{entropy}"


def parse_receipt(raw: bytes) -> Receipt:
    """Parses a stored receipt. Raises ValueError if it is not one."""
    entry_id, separator, entropy = raw.decode().partition(":")
    if not separator:
        raise ValueError("not a receipt")
    return Receipt(entry_id, entropy)


def receipt_of(message_id: str) -> Receipt:
    """The receipt of a message, computed from its id."""
    return Receipt(ids.entry_id(message_id), ids.entropy(message_id))


def parse_entry(raw: RawEntry) -> Entry:
    """Parses an entry. Raises KeyError, TypeError or ValueError if it is not a valid one."""
    entry_id, fields = raw
    named = orjson.loads(fields[DRAFT])
    if isinstance(named, list):
        named = dict(zip(_VALUES_OF_1_0, named, strict=True))
    if not isinstance(named, dict):
        raise TypeError("no entry")  # `null` and numbers are JSON as well
    known = {field: named[name] for field, name in _NAMES.items() if named.get(name)}
    receipt = Receipt(entry_id.decode(), fields[ENTROPY].decode())
    duration, peaks = fields.get(DURATION), fields.get(PEAKS)
    return Entry(receipt, Draft(**known), float(duration) if duration else None, list(peaks) if peaks else None)


def find(stores: Stores, receipt: Receipt, conversation: str) -> Entry | None:
    """The entry with this receipt, or None if it is no longer in the log.

    It was accepted for this conversation, or for another one with the same `clientId`.
    """
    likely = (partitions.of_message(stores, receipt.message_id), partitions.of_conversation(stores, conversation))
    for partition in dict.fromkeys(likely):
        for raw in stores.redis.xrange(keys.accepted_key(partition), receipt.entry_id, receipt.entry_id):
            entry = parse_entry(raw)
            if entry.receipt == receipt:  # another partition's entry may have come at the same moment
                return entry
    return None


def contains(stores: Stores, message_id: str) -> bool:
    """Whether a message was accepted but is not stored yet."""
    entry_id, log = ids.entry_id(message_id), keys.accepted_key(partitions.of_message(stores, message_id))
    return bool(stores.redis.xrange(log, entry_id, entry_id, count=1))


def is_unattended(stores: Stores) -> bool:
    """Whether a log has entries that nobody is draining."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition in partitions.every(stores):
            pipe.xlen(keys.accepted_key(partition))
            pipe.exists(keys.drainer_key(partition))
        found = pipe.execute()
    return any(length and not drained for length, drained in zip(found[::2], found[1::2], strict=True))


def waiting(stores: Stores) -> Waiting:
    """How many entries all logs have, and when the oldest was accepted. One round trip."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition in partitions.every(stores):
            pipe.xlen(keys.accepted_key(partition))
            pipe.xrange(keys.accepted_key(partition), count=1)
        found = pipe.execute()
    oldest = [int(first[0][0].partition(b"-")[0]) for first in found[1::2] if first]
    return Waiting(sum(found[::2]), min(oldest, default=0))


def has_older_than(stores: Stores, moment: str) -> bool:
    """Whether a log still has an entry that was accepted before that time (RFC 3339)."""
    found = waiting(stores)
    return bool(found.oldest_ms) and ids.timestamp(found.oldest_ms) < moment


def create_groups(stores: Stores, of: Iterable[int]) -> None:
    """Creates the drainers' consumer group of these partitions where it does not exist."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for partition in of:
            pipe.xgroup_create(keys.accepted_key(partition), keys.ACCEPTED_GROUP, id="0", mkstream=True)
        for reply in pipe.execute(raise_on_error=False):
            if isinstance(reply, Exception) and "BUSYGROUP" not in str(reply):
                raise reply


def read_groups(
    stores: Stores, of: Iterable[int], start: str, count: int, block_ms: int, handled: Sequence[Taken] = ()
) -> Page:
    """Reads the next entries of these partitions, of each at most `count`, in the order of each.

    With `start` '0' it reads the unacknowledged ones, with '>' new ones. Before that, those that were `handled` are
    acknowledged. Without waiting that is one round trip.
    """
    logs = list(map(keys.accepted_key, of))
    if not has_slots(stores.redis_once):
        return _read_logs(stores.redis_once, logs, start, count, block_ms, handled)
    acknowledge(stores, handled)
    until, pause = time.monotonic() + block_ms / 1_000, SHORTEST_PAUSE
    while not (found := _read_everywhere(stores.redis_once, logs, start, count)):
        if (left := until - time.monotonic()) <= 0:
            return Page([], False)
        time.sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE)
    return Page(found, bool(stores.redis.exists(keys.HOT_COMPLETE)))


def _read_logs(redis: Redis, logs: list[str], start: str, count: int, block_ms: int, handled: Sequence[Taken]) -> Page:
    # Never retried: if a reply is lost, its entries are pending and must be handled before newer ones.
    with redis.pipeline(transaction=False) as pipe:
        _acknowledge(handled, pipe)
        wanted = dict.fromkeys(logs, start)
        pipe.xreadgroup(keys.ACCEPTED_GROUP, CONSUMER, wanted, count=count, block=block_ms or None)
        pipe.exists(keys.HOT_COMPLETE)
        *_, entries, is_complete = pipe.execute()
    return Page(_taken(entries, start), bool(is_complete))


def _read_everywhere(cluster: Redis, logs: list[str], start: str, count: int) -> list[Taken]:
    """The same for a cluster, which has no call that waits for entries of several slots; without waiting.

    Each node is asked for its own, by a call that is not retried either.
    """
    by_node: dict[Redis, list[str]] = {}
    found: list[Taken] = []
    with each_asked(cluster):
        for log in logs:
            by_node.setdefault(node_of(cluster, log), []).append(log)
        for node, own in by_node.items():
            with node.pipeline(transaction=False) as pipe:
                for log in own:
                    pipe.xreadgroup(keys.ACCEPTED_GROUP, CONSUMER, {log: start}, count=count)
                found += [each for reply in pipe.execute() for each in _taken(reply, start)]
    return found


def _taken(reply: Any, start: str) -> list[Taken]:
    found = cast("list[tuple[bytes, list[RawEntry]]]", reply or [])
    return [Taken(log.decode(), raw, start == ">") for log, page in found for raw in page]


def acknowledge(stores: Stores, taken: Sequence[Taken]) -> None:
    """Removes entries from their logs, because they are stored. One round trip."""
    if taken:
        with stores.redis.pipeline(transaction=False) as pipe:
            _acknowledge(taken, pipe)
            pipe.execute()


def _acknowledge(taken: Sequence[Taken], pipe: Pipeline) -> None:
    # Should only the first half happen, the next drainer finds the entries pending and empty.
    for log in {each.log for each in taken}:
        entry_ids = [entry_id for of, (entry_id, _), _ in taken if of == log]
        pipe.xdel(log, *entry_ids)
        pipe.xack(log, keys.ACCEPTED_GROUP, *entry_ids)


def set_aside(stores: Stores, raw: RawEntry) -> None:
    """Keeps an entry that cannot be stored for an operator to look at: it must neither be lost nor block the others."""
    entry_id, fields = raw
    stores.redis.xadd(keys.ACCEPTED_REFUSED, {**fields, REFUSED_ENTRY: entry_id})


def forget_refused(stores: Stores, sender_id: str) -> None:
    """Erases the set-aside entries that this person sent."""
    refused = stores.redis.xrange(keys.ACCEPTED_REFUSED)
    own = [raw[0] for raw in refused if _sender_of(raw) == sender_id]
    if own:
        stores.redis.xdel(keys.ACCEPTED_REFUSED, *own)


def continue_after(stores: Stores, message_id: str) -> None:
    """Makes the ids of all logs continue above that message's: a Redis that was lost has forgotten the last ones."""
    for partition in partitions.every(stores):
        _continue_after(stores, keys.accepted_key(partition), ids.entry_id(message_id))


def _continue_after(stores: Stores, log: str, entry_id: str) -> None:
    if stores.redis.exists(log):
        last = stores.redis.xinfo_stream(log)["last-generated-id"].decode()
        if _order(last) < _order(entry_id):  # an older copy of Redis was restored
            with contextlib.suppress(ResponseError):  # it has just gone on by itself
                stores.redis.execute_command("XSETID", log, entry_id)
        return
    with stores.redis.pipeline() as pipe:  # one transaction, so that no drainer ever sees the entry
        pipe.xadd(log, {DRAFT: b""}, id=entry_id)
        pipe.xdel(log, entry_id)
        pipe.execute()


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence)


def _sender_of(raw: RawEntry) -> str | None:
    try:
        return parse_entry(raw).draft.sender_id
    except (KeyError, TypeError, ValueError):
        return None  # unreadable, so its sender is unknown
