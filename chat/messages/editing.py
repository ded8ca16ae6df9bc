"""Editing and deleting one's own messages."""

import time
from collections.abc import Sequence

from chat import audio, frames, ids, wire
from chat.errors import Invalid, NotFound, Unavailable
from chat.messages import delivery, sending, storing
from chat.messages import log as accepted_log
from chat.store.connection import Stores
from chat.text import characters
from chat.wire import Changes, Message, StoredMessage

SETTLE_SECONDS = 2.0  # how long to wait for a message that was just accepted to be stored
SETTLE_STEP = 0.02  # seconds between two looks


def edit(stores: Stores, sender_id: str, message_id: str, text: str) -> Message:
    """Changes a message's text; on a voice message this corrects the transcript.

    The timed words stay as they were recognised, so that listeners can still jump within the audio.

    Raises:
        NotFound: this sender has no such message, or it was deleted.
        Invalid: the text is blank and there is no audio, or it is longer than `longest_text`.
    """
    message = _own(stores, sender_id, message_id)
    longest = longest_text(message)
    if len(text) > longest:
        raise Invalid("text", "text_too_long", longest=longest)
    if characters.is_blank(text) and not message["audioFileId"]:
        raise Invalid("text", "text_empty")
    fields: Changes = {"text": text, "editedAt": ids.now()}
    if message["audioFileId"]:
        fields["ownText"] = True
    changed = _changed(storing.change(stores, message, fields))
    shown = wire.message(changed)
    delivery.deliver(stores, [frames.status_frame(shown, "edited")])
    return shown


def longest_text(message: StoredMessage) -> int:
    """How many characters a message's text may have: for a voice message, room for all that can have been said.

    The limit for what is typed does not apply to that; what was heard may also be more than we think can be said.
    """
    if not message["audioFileId"]:
        return sending.TEXT_LIMIT
    heard = sum(len(word["word"]) + 1 for word in message.get("words") or [])
    sayable = int((message.get("duration") or 0) * sending.CHARACTERS_A_SECOND)
    unedited = 0 if message.get("ownText") or message.get("editedAt") else len(message["text"])
    return sending.TEXT_LIMIT + max(heard, sayable, unedited)


def delete(stores: Stores, sender_id: str, message_id: str) -> None:
    """Deletes a message: its text and audio leave both stores, a tombstone remains.

    Raises:
        NotFound: this sender has no such message, or it was deleted. A deletion that somebody was killed over is
            finished before.
    """
    message = _sent(stores, sender_id, message_id)
    if message.get("deletedAt"):
        storing.drop_unread(stores, [message])
        delivery.deliver(stores, [deleted_frame(message)], reposition=False)
        raise NotFound("no_such_message")
    buried = bury(stores, [message])
    delivery.deliver(stores, [deleted_frame(_changed(buried[0]))])


def bury(stores: Stores, messages: Sequence[StoredMessage]) -> list[StoredMessage | None]:
    """Replaces messages with tombstones and deletes their recordings.

    Redis changes now; the archive follows through the outbox. Returns each message as it is now, or None for one that
    is not in Redis or was deleted before; those are not touched.
    """
    tombstone: Changes = {
        "text": "",
        "status": "delivered",
        "deletedAt": ids.now(),
        "audioFileId": None,
        "confidence": None,
        "language": None,
        "words": None,
        "duration": None,
        "peaks": None,
        "editedAt": None,
        "ownText": None,
    }
    buried = storing.change_all(stores, messages, tombstone)
    gone = [message for message, now in zip(messages, buried, strict=True) if now is not None]
    storing.drop_unread(stores, gone)
    audio.delete(stores, [message["audioFileId"] for message in gone if message["audioFileId"]])
    storing.forget_doomed(stores, gone)
    return buried


def deleted_frame(tombstone: StoredMessage) -> frames.Frame:
    """The frame that tells both people that a message was deleted."""
    return frames.status_frame(wire.message(tombstone), "deleted")


def _own(stores: Stores, sender_id: str, message_id: str) -> StoredMessage:
    """The sender's message, if it was not deleted."""
    message = _sent(stores, sender_id, message_id)
    if message.get("deletedAt"):
        raise NotFound("no_such_message")
    return message


def _sent(stores: Stores, sender_id: str, message_id: str) -> StoredMessage:
    """The sender's message, or its tombstone. Waits for one that was accepted a moment ago until it is stored."""
    if not ids.is_id(message_id):
        raise NotFound("no_such_message")
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        pending = accepted_log.contains(stores, message_id)
        message = storing.load_for_change(stores, message_id)
        if message is not None or not pending:
            break
        if time.monotonic() > until:
            raise Unavailable("message_on_its_way")
        time.sleep(SETTLE_STEP)
    if message is None or message["senderId"] != sender_id:
        raise NotFound("no_such_message")
    return message


def _changed(message: StoredMessage | None) -> StoredMessage:
    if message is None:
        raise NotFound("no_such_message")
    return message
