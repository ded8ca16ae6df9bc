"""The one definition of a message: as clients get it, and as both stores keep it."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict, cast

import orjson

Status = Literal["accepted", "transcribing", "untranscribed", "delivered", "read"]


class Word(TypedDict):
    """One spoken word; times in seconds from the start. `confidence` is None if the recogniser gives none."""

    word: str
    start: float
    end: float
    confidence: float | None


class Message(TypedDict):
    """A message as clients get it. Fields that are not required are omitted if they have no value."""

    _id: str
    senderId: str
    receiverId: str
    dateSent: str  # RFC 3339, UTC, milliseconds
    text: str
    audioFileId: str | None
    status: Status
    clientId: NotRequired[str | None]
    duration: NotRequired[float | None]  # of the recording, seconds
    peaks: NotRequired[list[int] | None]  # how loud each two-hundredth of the recording is, 0 to 255
    confidence: NotRequired[float | None]
    language: NotRequired[str | None]  # BCP 47
    words: NotRequired[list[Word] | None]
    editedAt: NotRequired[str | None]
    deletedAt: NotRequired[str | None]


class StoredMessage(Message):
    """A message as the stores keep it.

    `revision` grows with every change and tells which of two copies is newer. `ownText` says whether the text of a
    voice message is its sender's own, a caption or a correction, rather than what was heard; old messages lack it.
    """

    revision: int
    ownText: NotRequired[bool | None]


class Changes(TypedDict, total=False):
    """The fields that a change sets in a message; None removes a field."""

    text: str
    audioFileId: str | None
    status: Status
    duration: float | None
    peaks: list[int] | None
    confidence: float | None
    language: str | None
    words: list[Word] | None
    editedAt: str | None
    deletedAt: str | None
    ownText: bool | None


OPTIONAL = tuple(sorted(Message.__optional_keys__))
ALWAYS = tuple(name for name in Message.__annotations__ if name not in OPTIONAL)


def message(stored: StoredMessage | Message) -> Message:
    """A stored message as clients get it."""
    document = cast("Mapping[str, Any]", stored)
    shown: dict[str, Any] = {name: document[name] for name in ALWAYS}
    for name in OPTIONAL:
        value = document.get(name)
        if value is not None and value != []:
            shown[name] = value
    return cast("Message", shown)


def with_read(shown: Message, read_up_to: str | None) -> Message:
    """The same message, with status `read` if the receiver has read that far. `untranscribed` stays as it is."""
    if read_up_to is not None and shown["status"] == "delivered" and shown["_id"] <= read_up_to:
        shown["status"] = "read"
    return shown


def dumps(value: Any) -> bytes:
    """A value as JSON for the wire."""
    return orjson.dumps(value)
