"""The one way to send a message, and its sender's changes to it.

A message is accepted when it is in the accepted log, a Redis Stream; `chat.messages.draining` takes it from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import structlog
from limits import parse_many

from chat import audio, ids, wire
from chat.errors import Invalid, NotFound, TooMany, Unavailable
from chat.messages import storing
from chat.people import sessions
from chat.people.sessions import Session
from chat.store import keys
from chat.store.connection import Stores
from chat.tracing import request_id

log = structlog.get_logger(__name__)

TEXT_LIMIT = 4_000
CLIENT_ID_LIMIT = 64
WAKE_HOLDS_MS = 5_000
AGAIN_SECONDS = 60  # within which the Redis client may repeat a call
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


def accept(stores: Stores, draft: Draft, wake: Callable[[], None], session: Session | None = None) -> wire.Wire:
    """Accept a message: from now on it is never lost and never doubled.

    `wake` makes sure that somebody will drain the log; it is called only when nobody is on the way. `session` is the
    sender's, and is checked here, where that costs no round trip of its own; without one the caller vouches for them.

    Raises:
        Unauthorized: the session was ended.
        TooMany: the sender's limit of messages is reached.
        Invalid: there is nothing to send, or it is addressed to its sender.
        NotFound: the receiver or the upload is unknown, not the sender's, or already sent.
        Unavailable: the log is full, or `wake` says that the queue is away. Nothing was accepted.
    """
    if not draft.text.strip() and draft.audio_file_id is None:
        raise Invalid("text", "There is nothing to send: give text or audioFileId.")
    if draft.receiver_id == draft.sender_id:
        raise Invalid("receiverId", "You cannot send messages to yourself.")
    what, entry = _Acceptance(stores, draft, session, wake).run()
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


class _Acceptance:
    """Calls the script until it says yes or no; in between it does what the script cannot."""

    def __init__(self, stores: Stores, draft: Draft, session: Session | None, wake: Callable[[], None]) -> None:
        self._stores = stores
        self._draft = draft
        self._session = session
        self._wake = wake
        self._limits = _parsed(stores.settings.limit_messages)
        self._woken = 0
        self._restored = False
        self._counts = True
        self._body = orjson.dumps(
            [draft.sender_id, draft.receiver_id, draft.text, draft.audio_file_id, draft.client_id, request_id()]
        )
        self._entropy = ids.new_entropy()

    def run(self) -> tuple[str, tuple[str, str]]:
        """`accepted` or `again`, with the entry's id and entropy. Raises whatever `accept` does."""
        script_keys = self._keys()
        while True:
            answer = self._stores.scripts.accept(keys=script_keys, args=self._arguments())
            what, *details = (part.decode() for part in answer)
            if what in ("accepted", "again"):
                return what, (details[0], details[1])
            self._counts = what == "session"
            if not self._help(what):
                raise _refusal(what, *details)

    def _help(self, what: str) -> bool:
        """Do what the script needs to go on; answers whether there was anything to do."""
        if what == "wake":
            self._woken += 1
            self._wake_drainer()
        elif what == "session" and self._session is not None:
            if not sessions.holds(self._stores, *self._session[:3]):
                raise sessions.refusal()
            self._session = None
        elif what in ("receiver", "upload") and not self._restored:
            self._restored = True  # Redis may have lost what the archive still knows
            storing.restore_user(self._stores, self._draft.receiver_id)
            if self._draft.audio_file_id:
                audio.restore_upload(self._stores, self._draft.audio_file_id, self._draft.sender_id)
        else:
            return False
        return True

    def _wake_drainer(self) -> None:
        try:
            self._wake()
        except Exception:
            self._stores.redis.delete(keys.ACCEPTED_WAKING)
            raise

    def _keys(self) -> list[str]:
        sender, draft = self._draft.sender_id, self._draft
        return [
            keys.ACCEPTED,
            keys.ACCEPTED_WAKING,
            keys.user_key(draft.receiver_id),
            keys.client_key(sender, draft.client_id) if draft.client_id else keys.call_key(self._entropy),
            keys.upload_key(draft.audio_file_id) if draft.audio_file_id else "",
            keys.revoked_key(self._session.token_id if self._session else ""),
            keys.sessions_key(sender),
            keys.user_key(sender),
            keys.HOT_COMPLETE,
            *(keys.message_limit_key(sender, seconds) for _, seconds in self._limits),
        ]

    def _arguments(self) -> list[str | int | bytes]:
        settings, session = self._stores.settings, self._session
        return [
            self._draft.sender_id,
            self._draft.receiver_id,
            self._body,
            self._entropy,
            settings.accepted_limit,
            settings.hot_window_days * 86_400 if self._draft.client_id else AGAIN_SECONDS,
            WAKE_HOLDS_MS,
            int(self._woken >= _WAKE_ROUNDS),
            session.token_id if session else "",
            session.issued_ms if session else 0,
            int(self._counts),
            *(part for limit in self._limits for part in limit),
        ]


@lru_cache(maxsize=16)
def _parsed(limits: str) -> tuple[tuple[int, int], ...]:
    """Messages, and the seconds in which there may be so many."""
    return tuple((each.amount, each.get_expiry()) for each in parse_many(limits))


def _refusal(what: str, *details: str) -> Exception:
    if what == "ended":
        return sessions.refusal()
    if what == "limited":
        return TooMany("Too many messages. Wait a moment.", retry_after=int(details[0]))
    if what == "receiver":
        return NotFound("There is no such person.")
    if what == "full":
        return Unavailable("Too many messages are waiting to be stored. Try again in a moment.", retry_after=5)
    return NotFound("There is no such upload.")


def _accepted_before(stores: Stores, entry_id: str, entropy: str) -> wire.Wire:
    """The message a `clientId` was accepted for, wherever it is by now."""
    message_id = ids.message_id(entry_id, entropy)
    for _, fields in stores.redis.xrange(keys.ACCEPTED, entry_id, entry_id):
        return wire.message(document(read_draft(fields), entry_id, entropy) | {"status": "accepted"})
    stored = storing.find_message(stores, message_id)
    if stored is None:
        raise NotFound("That message has been removed.")
    return wire.message(stored)


def read_draft(fields: dict[bytes, bytes]) -> Draft:
    """The draft in an entry of the accepted log."""
    return Draft(*orjson.loads(fields[b"message"]))
