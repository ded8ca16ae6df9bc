"""The one way to send a message, and its sender's changes to it.

A message is accepted when it is in the accepted log, a Redis Stream; `chat.accepted` takes it from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from chat import audio, channels, ids, persistence, wire
from chat.errors import Invalid, NotFound, Unavailable
from chat.store.connection import Stores
from chat.tracing import request_id

log = structlog.get_logger(__name__)

TEXT_LIMIT = 4_000
CLIENT_ID_LIMIT = 64
WAKE_HOLDS_MS = 5_000
_WAKE_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to send. Text and upload may come together: then the text is the sender's own caption."""

    sender_id: str
    receiver_id: str
    text: str = ""
    audio_file_id: str | None = None
    client_id: str | None = None
    request_id: str = ""  # of the call that brought it; for logs alone


def accept(stores: Stores, draft: Draft, wake: Callable[[], None]) -> wire.Wire:
    """Accept a message: from now on it is never lost and never doubled.

    `wake` makes sure that somebody will drain the log; it is called only when nobody is on the way.

    Raises:
        Invalid: there is nothing to send, or it is addressed to its sender.
        NotFound: the receiver or the upload is unknown, not the sender's, or already sent.
        Unavailable: the log is full, or `wake` says that the queue is away. Nothing was accepted.
    """
    if not draft.text.strip() and draft.audio_file_id is None:
        raise Invalid("text", "There is nothing to send: give text or audioFileId.")
    if draft.receiver_id == draft.sender_id:
        raise Invalid("receiverId", "You cannot send messages to yourself.")
    what, entry = _append(stores, draft, wake)
    if what == "again":
        return _accepted_before(stores, *entry)
    message = wire.message(document(draft, *entry) | {"status": "accepted"})
    log.debug("message.accepted", message_id=message["_id"])
    return message


def document(draft: Draft, entry_id: str, entropy: str) -> dict[str, Any]:
    """The stored form of an accepted message."""
    milliseconds = int(entry_id.partition("-")[0])
    return {
        "pk": ids.message_id(entry_id, entropy),
        "senderId": draft.sender_id,
        "receiverId": draft.receiver_id,
        "dateSent": ids.timestamp(milliseconds),
        "text": draft.text,
        "audioFileId": draft.audio_file_id,
        "clientId": draft.client_id,
        "status": "delivered" if draft.audio_file_id is None else "transcribing",
        "revision": 1,
    }


def _append(stores: Stores, draft: Draft, wake: Callable[[], None]) -> tuple[str, tuple[str, str]]:
    keys = [
        channels.ACCEPTED,
        channels.ACCEPTED_WAKING,
        channels.user_key(draft.receiver_id),
        channels.client_key(draft.sender_id, draft.client_id) if draft.client_id else "",
        channels.upload_key(draft.audio_file_id) if draft.audio_file_id else "",
    ]
    entropy = ids.new_entropy()
    settings = stores.settings
    kept = settings.hot_window_days * 86_400
    body = orjson.dumps(
        [draft.sender_id, draft.receiver_id, draft.text, draft.audio_file_id, draft.client_id, request_id()]
    )
    restored = False
    woken = 0
    while True:
        force = int(woken >= _WAKE_ROUNDS)
        what, *entry = (
            part.decode()
            for part in stores.scripts.accept(
                keys=keys,
                args=[
                    draft.sender_id,
                    draft.receiver_id,
                    body,
                    entropy,
                    settings.accepted_limit,
                    kept,
                    WAKE_HOLDS_MS,
                    force,
                ],
            )
        )
        if what == "wake":
            woken += 1
            _wake(stores, wake)
        elif what in ("receiver", "upload") and not restored:
            # Redis may have lost what the archive still knows.
            restored = True
            persistence.restore_user(stores, draft.receiver_id)
            if draft.audio_file_id:
                audio.restore_upload(stores, draft.audio_file_id, draft.sender_id)
        elif what in ("accepted", "again"):
            return what, (entry[0], entry[1])
        else:
            raise _refusal(what)


def _wake(stores: Stores, wake: Callable[[], None]) -> None:
    try:
        wake()
    except Exception:
        stores.redis.delete(channels.ACCEPTED_WAKING)
        raise


def _refusal(what: str) -> Exception:
    if what == "receiver":
        return NotFound("There is no such person.")
    if what == "full":
        return Unavailable("Too many messages are waiting to be stored. Try again in a moment.", retry_after=5)
    return NotFound("There is no such upload.")


def _accepted_before(stores: Stores, entry_id: str, entropy: str) -> wire.Wire:
    """The message a `clientId` was accepted for, wherever it is by now."""
    message_id = ids.message_id(entry_id, entropy)
    for _, fields in stores.redis.xrange(channels.ACCEPTED, entry_id, entry_id):
        return wire.message(document(read_draft(fields), entry_id, entropy) | {"status": "accepted"})
    stored = persistence.find_message(stores, message_id)
    if stored is None:
        raise NotFound("That message has been removed.")
    return wire.message(stored)


def read_draft(fields: dict[bytes, bytes]) -> Draft:
    """The draft in an entry of the accepted log."""
    return Draft(*orjson.loads(fields[b"message"]))
