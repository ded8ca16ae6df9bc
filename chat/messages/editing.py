"""What a sender may do to a message afterwards: correct it, or take it back."""

import time
from collections.abc import Sequence

from chat import audio, frames, ids, wire
from chat.errors import Invalid, NotFound, Unavailable
from chat.messages import delivery, storing
from chat.messages import log as accepted_log
from chat.store import keys
from chat.store.connection import Stores
from chat.wire import Changes, Message, StoredMessage

SETTLE_SECONDS = 2.0
SETTLE_STEP = 0.02


def edit(stores: Stores, sender_id: str, message_id: str, text: str) -> Message:
    """Give a message another text; on a voice message this corrects the transcript.

    The words and their times stay as they were heard, so that one can still jump in the audio.

    Raises:
        NotFound: there is no such message of this sender, or it was deleted.
        Invalid: the text is blank and there is no audio.
    """
    message = _own(stores, sender_id, message_id)
    if not text.strip() and not message["audioFileId"]:
        raise Invalid("text", "A message cannot be empty. Delete it instead.")
    fields: Changes = {"text": text, "editedAt": ids.now()}
    if message["audioFileId"]:
        fields["ownText"] = True
    changed = _changed(storing.change(stores, message, fields))
    shown = wire.message(changed)
    delivery.deliver(stores, [frames.status_frame(shown, "edited")])
    return shown


def delete(stores: Stores, sender_id: str, message_id: str) -> None:
    """Take a message back: its text and audio go from both stores, a tombstone stays.

    Raises:
        NotFound: there is no such message of this sender, or it was deleted.
    """
    buried = bury(stores, [_own(stores, sender_id, message_id)])
    delivery.deliver(stores, [deleted_frame(_changed(buried[0]))])


def bury(stores: Stores, messages: Sequence[StoredMessage]) -> list[StoredMessage | None]:
    """Leave only tombstones of messages, in Redis now, in the archive by the outbox; their recordings go.

    Returns each as it is now, or None where it is not in Redis or was deleted before: there nothing is touched.
    """
    tombstone: Changes = {
        "text": "",
        "status": "delivered",
        "deletedAt": ids.now(),
        "audioFileId": None,
        "confidence": None,
        "language": None,
        "words": None,
        "editedAt": None,
        "ownText": None,
    }
    buried = storing.change_all(stores, messages, tombstone)
    gone = [message for message, now in zip(messages, buried, strict=True) if now is not None]
    with stores.redis.pipeline() as pipe:
        for message in gone:
            pipe.zrem(keys.inbox_key(message["receiverId"], message["senderId"]), message["_id"])
        pipe.execute()
    audio.delete(stores, [message["audioFileId"] for message in gone if message["audioFileId"]])
    return buried


def deleted_frame(tombstone: StoredMessage) -> frames.Frame:
    """What the two people get when a message was deleted."""
    return frames.status_frame(wire.message(tombstone), "deleted")


def _own(stores: Stores, sender_id: str, message_id: str) -> StoredMessage:
    """The sender's message. One that was accepted a moment ago is waited for until it is stored."""
    if not ids.is_id(message_id):
        raise NotFound("There is no such message.")
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        pending = accepted_log.contains(stores, message_id)
        message = storing.load_for_change(stores, message_id)
        if message is not None or not pending:
            break
        if time.monotonic() > until:
            raise Unavailable("That message is still on its way. Try again in a moment.")
        time.sleep(SETTLE_STEP)
    if message is None or message["senderId"] != sender_id or message.get("deletedAt"):
        raise NotFound("There is no such message.")
    return message


def _changed(message: StoredMessage | None) -> StoredMessage:
    if message is None:
        raise NotFound("There is no such message.")
    return message
