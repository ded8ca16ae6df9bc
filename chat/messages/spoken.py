"""The words of voice messages that were heard while they were recorded."""

from collections.abc import Sequence

from chat.audio import heard as hearing
from chat.audio.heard import Heard
from chat.store.connection import Stores
from chat.wire import Changes, StoredMessage


def with_words(stores: Stores, messages: Sequence[StoredMessage]) -> list[StoredMessage]:
    """Returns new messages; those whose recordings were heard to the end have their transcript. One round trip at most.

    The others keep the status `transcribing`.
    """
    recordings = [message["audioFileId"] for message in messages if message["audioFileId"]]
    if not recordings:
        return list(messages)
    found = dict(zip(recordings, hearing.read_all(stores, recordings), strict=True))
    return [_with_words(message, found.get(message["audioFileId"] or "")) for message in messages]


def forget(stores: Stores, messages: Sequence[StoredMessage]) -> None:
    """Erases what was heard in the recordings of messages that are stored with their transcripts: they have it now."""
    delivered = [each["audioFileId"] for each in messages if each["audioFileId"] and each["status"] == "delivered"]
    hearing.forget(stores, [recording for recording in delivered if recording])


def transcript(message: StoredMessage, heard: Heard) -> Changes:
    """What a voice message gets from what was heard. A text that was sent with it and differs is a correction."""
    return {
        "status": "delivered",
        "text": message["text"] or heard.text,
        "ownText": bool(message["text"]) and message["text"] != heard.text,
        "confidence": heard.confidence,
        "language": heard.language,
        "words": heard.words,
    }


def _with_words(message: StoredMessage, heard: Heard | None) -> StoredMessage:
    if heard is None or not heard.covers(message.get("duration")):
        return message
    return {**message, **transcript(message, heard)}
