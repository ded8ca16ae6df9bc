"""The log of accepted messages, a Redis Stream: from here on a message is never lost.

This is the only module that knows what an entry looks like. An entry carries the draft as a JSON object, by field name,
so that entries written before a deploy that adds a field can still be read after it.
"""

from dataclasses import dataclass
from typing import NamedTuple, cast

import orjson
from redis import ResponseError

from chat import ids
from chat.store import keys
from chat.store.connection import Stores
from chat.wire import StoredMessage

DRAFT, ENTROPY = b"message", b"entropy"  # the fields of an entry
REFUSED_ENTRY = b"entry"  # of one that was set aside: the id it had
CONSUMER = "drainer"

RawEntry = tuple[bytes, dict[bytes, bytes]]
"""An entry as Redis gives it: its id and its fields."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to send. Text and recording may come together: then the text is the sender's own caption."""

    sender_id: str
    receiver_id: str
    text: str = ""
    audio_file_id: str | None = None
    client_id: str | None = None
    request_id: str = ""  # of the call that brought it; for logs alone


class Receipt(NamedTuple):
    """Which entry a send was accepted as. Kept as `<entry id>:<entropy>` under its `clientId` and at its upload."""

    entry_id: str
    entropy: str

    @property
    def message_id(self) -> str:
        return ids.message_id(self.entry_id, self.entropy)

    def __str__(self) -> str:
        return self.entry_id + receipt_suffix(self.entropy)


class Entry(NamedTuple):
    """An accepted draft."""

    receipt: Receipt
    draft: Draft

    @property
    def message(self) -> StoredMessage:
        """The message as it is stored first."""
        draft, milliseconds = self.draft, int(self.receipt.entry_id.partition("-")[0])
        return {
            "_id": self.receipt.message_id,
            "senderId": draft.sender_id,
            "receiverId": draft.receiver_id,
            "dateSent": ids.timestamp(milliseconds),
            "text": draft.text,
            "audioFileId": draft.audio_file_id,
            "clientId": draft.client_id,
            "status": "delivered" if draft.audio_file_id is None else "transcribing",
            "ownText": True if draft.audio_file_id and draft.text else None,
            "revision": 1,
        }


# The names in an entry's JSON, and the order of the entries of version 1.0, which had no names.
_NAMES = {
    "sender_id": "senderId",
    "receiver_id": "receiverId",
    "text": "text",
    "audio_file_id": "audioFileId",
    "client_id": "clientId",
    "request_id": "requestId",
}


def entry_fields(draft: Draft, entropy: str) -> list[bytes | str]:
    """The entry of a draft: field, value, field, value."""
    named = {name: value for field, name in _NAMES.items() if (value := getattr(draft, field))}
    return [DRAFT, orjson.dumps(named), ENTROPY, entropy]


def receipt_suffix(entropy: str) -> str:
    """What follows the entry's id in a receipt; the id is known only once the entry is there."""
    return f":{entropy}"


def parse_receipt(raw: bytes) -> Receipt:
    """The receipt that was kept. Raises ValueError when it is none."""
    entry_id, separator, entropy = raw.decode().partition(":")
    if not separator:
        raise ValueError("no receipt")
    return Receipt(entry_id, entropy)


def receipt_of(message_id: str) -> Receipt:
    """The receipt of a message, from its id alone."""
    return Receipt(ids.entry_id(message_id), ids.entropy(message_id))


def parse_entry(raw: RawEntry) -> Entry:
    """The entry in what Redis gives. Raises KeyError, TypeError or ValueError when it is none."""
    entry_id, fields = raw
    named = orjson.loads(fields[DRAFT])
    if isinstance(named, list):
        named = dict(zip(_NAMES.values(), named, strict=True))
    known = {field: named[name] for field, name in _NAMES.items() if named.get(name)}
    return Entry(Receipt(entry_id.decode(), fields[ENTROPY].decode()), Draft(**known))


def find(stores: Stores, receipt: Receipt) -> Entry | None:
    """The entry of a send, while it is in the log."""
    found = stores.redis.xrange(keys.ACCEPTED, receipt.entry_id, receipt.entry_id)
    return parse_entry(found[0]) if found else None


def contains(stores: Stores, message_id: str) -> bool:
    """Whether a message was accepted and is not stored yet."""
    entry_id = ids.entry_id(message_id)
    return bool(stores.redis.xrange(keys.ACCEPTED, entry_id, entry_id, count=1))


def is_unattended(stores: Stores) -> bool:
    """Whether the log has entries while nobody drains it."""
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.xlen(keys.ACCEPTED)
        pipe.exists(keys.ACCEPTED_DRAINER)
        length, drained = pipe.execute()
    return bool(length) and not drained


def has_older_than(stores: Stores, moment: str) -> bool:
    """Whether the log still has something that was accepted before that time (RFC 3339)."""
    oldest = stores.redis.xrange(keys.ACCEPTED, count=1)
    return bool(oldest) and ids.timestamp(int(oldest[0][0].partition(b"-")[0])) < moment


def create_group(stores: Stores) -> None:
    """Make the consumer group of the drainers where there is none."""
    try:
        stores.redis.xgroup_create(keys.ACCEPTED, keys.ACCEPTED_GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def read_group(stores: Stores, start: str, count: int, block_ms: int) -> list[RawEntry]:
    """The next entries for the drainer: those it has not acknowledged from '0', new ones from '>'."""
    # Once only: the entries of a reply that was lost are pending, and have to come before newer ones.
    reply = stores.redis_once.xreadgroup(
        keys.ACCEPTED_GROUP, CONSUMER, {keys.ACCEPTED: start}, count=count, block=block_ms or None
    )
    return cast("list[RawEntry]", reply[0][1]) if reply else []


def acknowledge(stores: Stores, entry_ids: list[bytes]) -> None:
    """These entries are stored: they leave the log."""
    with stores.redis.pipeline() as pipe:
        pipe.xack(keys.ACCEPTED, keys.ACCEPTED_GROUP, *entry_ids)
        pipe.xdel(keys.ACCEPTED, *entry_ids)
        pipe.execute()


def set_aside(stores: Stores, raw: RawEntry) -> None:
    """Keep an entry that cannot be stored for a person to look at; it must neither be lost nor stop the others."""
    entry_id, fields = raw
    stores.redis.xadd(keys.ACCEPTED_REFUSED, {**fields, REFUSED_ENTRY: entry_id})


def forget_refused(stores: Stores, sender_id: str) -> None:
    """Erase what this person sent and what was set aside."""
    refused = stores.redis.xrange(keys.ACCEPTED_REFUSED)
    own = [raw[0] for raw in refused if _sender_of(raw) == sender_id]
    if own:
        stores.redis.xdel(keys.ACCEPTED_REFUSED, *own)


def continue_after(stores: Stores, message_id: str) -> None:
    """Have the ids of a new log go on above that message's: a Redis that was lost has forgotten the last one."""
    if stores.redis.exists(keys.ACCEPTED):
        return
    entry_id = ids.entry_id(message_id)
    with stores.redis.pipeline() as pipe:  # in one step, so that no drainer ever sees the entry
        pipe.xadd(keys.ACCEPTED, {DRAFT: b""}, id=entry_id)
        pipe.xdel(keys.ACCEPTED, entry_id)
        pipe.execute()


def _sender_of(raw: RawEntry) -> str | None:
    try:
        return parse_entry(raw).draft.sender_id
    except (KeyError, TypeError, ValueError):
        return None  # nobody can tell any more
