"""What a message looks like to clients, whichever store it comes from."""

from collections.abc import Mapping
from typing import Any

import orjson

Wire = dict[str, Any]

# Always there, null or not; the others only when they have a value.
_ALWAYS = ("senderId", "receiverId", "dateSent", "text", "audioFileId", "status")
_OPTIONAL = ("clientId", "confidence", "language", "words", "editedAt", "deletedAt")


def message(stored: Mapping[str, Any]) -> Wire:
    """The message in a document of either store."""
    wire: Wire = {"_id": stored["_id"] if "_id" in stored else stored["pk"]}
    for name in _ALWAYS:
        wire[name] = stored.get(name)
    for name in _OPTIONAL:
        value = stored.get(name)
        if value is not None and value != []:
            wire[name] = value
    return wire


def with_read(wire: Wire, read_up_to: str | None) -> Wire:
    """The same, `read` where the receiver has read that far. What failed to be transcribed stays so."""
    if read_up_to is not None and wire["status"] == "delivered" and wire["_id"] <= read_up_to:
        wire["status"] = "read"
    return wire


def dumps(value: Any) -> bytes:
    return orjson.dumps(value)
