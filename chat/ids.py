"""Message ids: ULIDs made from the ids that Redis assigns to entries of the accepted log.

Redis never assigns an id lower than the last one, whatever the clocks do. So message ids sort in the order of
acceptance and are unique across all processes, even within one millisecond. See https://github.com/ulid/spec.

A log is one of several partitions, each with the messages of some conversations; so this holds for each conversation. A
message's id tells its conversation's *hash*, and with it the partition, whatever the number of partitions.
"""

import secrets
import time
import zlib
from datetime import UTC, datetime

from ulid import ULID

ENTROPY_BYTES = 8
_SEQUENCE_BYTES = 2
_SEQUENCE_MAX = 2 ** (8 * _SEQUENCE_BYTES) - 1


def conversation_hash(conversation: str) -> int:
    """A number below 256, evenly spread over all conversations. It never changes: message ids contain it."""
    return zlib.crc32(conversation.encode()) & 0xFF


def new_entropy(conversation: str) -> str:
    """The hash of a conversation and random bits that make an id unguessable, as 16 hexadecimal digits."""
    return f"{conversation_hash(conversation):02x}{secrets.token_hex(ENTROPY_BYTES - 1)}"


def hash_in(message: str) -> int:
    """The hash of its conversation in a message id; a random number in those from before ids told it."""
    return int(entropy(message)[:2], 16)


def message_id(entry_id: str, entropy: str) -> str:
    """The ULID for the log entry `<ms>-<sequence>`: 48 bits of time, 16 of sequence, 64 of entropy."""
    milliseconds, _, sequence = entry_id.partition("-")
    ordinal = min(int(sequence), _SEQUENCE_MAX)
    raw = int(milliseconds).to_bytes(6, "big") + ordinal.to_bytes(_SEQUENCE_BYTES, "big") + bytes.fromhex(entropy)
    return str(ULID.from_bytes(raw))


def entry_id(message: str) -> str:
    """The id of the log entry that a message id was made from."""
    raw = bytes(ULID.from_str(message))
    return f"{int.from_bytes(raw[:6], 'big')}-{int.from_bytes(raw[6:8], 'big')}"


def entropy(message: str) -> str:
    """The entropy in a message id."""
    return bytes(ULID.from_str(message))[8:].hex()


def milliseconds(identifier: str) -> int:
    """The time (Unix, ms) in a ULID."""
    return int.from_bytes(bytes(ULID.from_str(identifier))[:6], "big")


def lowest_id(moment_ms: int) -> str:
    """The lowest ULID of that millisecond: every id made from then on sorts at or after it."""
    return str(ULID.from_bytes(max(moment_ms, 0).to_bytes(6, "big") + bytes(10)))


def is_id(text: str) -> bool:
    """Whether the text is a ULID in canonical form: 26 characters, upper case, within the format's range."""
    try:
        return len(text) == 26 and str(ULID.from_str(text)) == text
    except ValueError:
        return False


def conversation_id(one: str, other: str) -> str:
    """The id of two people's conversation, the same whichever of them comes first."""
    return f"{one}:{other}" if one < other else f"{other}:{one}"


def people_of(conversation: str) -> tuple[str, str]:
    """The two people of a conversation."""
    one, _, other = conversation.partition(":")
    return one, other


def cursor_id(conversation: str, reader: str) -> str:
    """The id of a read cursor: how far that reader has read the conversation."""
    return f"{conversation}#{reader}"


def parse_cursor_id(cursor: str) -> tuple[str, str]:
    """The conversation and the reader of a read cursor."""
    conversation, _, reader = cursor.rpartition("#")
    return conversation, reader


def now_ms() -> int:
    """The current time (Unix, ms)."""
    return int(time.time() * 1_000)


def now() -> str:
    """The current time in the format of `timestamp`."""
    return timestamp(now_ms())


def days_ago(days: int) -> str:
    """The lowest possible id of a message that is at most so many days old."""
    return lowest_id(now_ms() - days * 86_400_000)


def timestamp(moment_ms: int) -> str:
    """A time as RFC 3339 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(moment_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment_ms % 1000:03d}Z"
