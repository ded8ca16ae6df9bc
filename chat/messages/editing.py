"""What a sender may do to a message afterwards: correct it, or take it back."""

import time
from collections.abc import Sequence

from chat import audio, ids, wire
from chat.errors import Invalid, NotFound, Unavailable
from chat.messages import delivery, draining, storing
from chat.store import keys, search_terms
from chat.store.connection import Document, Stores

SETTLE_SECONDS = 2.0
SETTLE_STEP = 0.02


def edit(stores: Stores, sender_id: str, message_id: str, text: str) -> wire.Wire:
    """Give a message another text; on a voice message this corrects the transcript.

    The words and their times stay as they were heard, so that one can still jump in the audio.

    Raises:
        NotFound: there is no such message of this sender, or it was deleted.
        Invalid: the text is blank and there is no audio.
    """
    message = _own(stores, sender_id, message_id)
    if not text.strip() and not message.get("audioFileId"):
        raise Invalid("text", "A message cannot be empty. Delete it instead.")
    fields = {"text": text, "editedAt": ids.now()}
    terms = search_terms.of_message(message | fields)
    wired = wire.message(_changed(storing.change(stores, message_id, sender_id, fields | {"terms": terms})))
    delivery.deliver(stores, [delivery.status_frame(wired, "edited")])
    return wired


def delete(stores: Stores, sender_id: str, message_id: str) -> None:
    """Take a message back: its text and audio go from both stores, a tombstone stays.

    Raises:
        NotFound: there is no such message of this sender, or it was deleted.
    """
    buried = bury(stores, sender_id, [_own(stores, sender_id, message_id)])
    delivery.deliver(stores, [deleted_frame(_changed(buried[0]))])


def bury(stores: Stores, sender_id: str, messages: Sequence[Document]) -> list[Document | None]:
    """Leave only tombstones of a sender's messages, in Redis now, in the archive by the outbox.

    Returns each as it is now, or None where it is not in Redis or was deleted before.
    """
    gone = dict.fromkeys(("audioFileId", "confidence", "language", "words", "editedAt"))
    tombstone = {"text": "", "terms": "", "status": "delivered", "deletedAt": ids.now(), **gone}
    buried = storing.change_all(stores, [message["pk"] for message in messages], sender_id, tombstone)
    with stores.redis.pipeline() as pipe:
        for message in messages:
            pipe.zrem(keys.inbox_key(message["receiverId"], sender_id), message["pk"])
        pipe.execute()
    audio.delete(stores, [message["audioFileId"] for message in messages if message.get("audioFileId")])
    return buried


def deleted_frame(tombstone: Document) -> delivery.Frame:
    return delivery.status_frame(wire.message(tombstone), "deleted")


def _own(stores: Stores, sender_id: str, message_id: str) -> Document:
    """The sender's message. One that was accepted a moment ago is waited for until it is stored."""
    if not ids.is_id(message_id):
        raise NotFound("There is no such message.")
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        pending = draining.is_pending(stores, message_id)
        message = storing.warm_message(stores, message_id)
        if message is not None or not pending:
            break
        if time.monotonic() > until:
            raise Unavailable("That message is still on its way. Try again in a moment.")
        time.sleep(SETTLE_STEP)
    if message is None or message["senderId"] != sender_id or message.get("deletedAt"):
        raise NotFound("There is no such message.")
    return message


def _changed(message: Document | None) -> Document:
    if message is None:
        raise NotFound("There is no such message.")
    return message
