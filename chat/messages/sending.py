"""The one way to send a message: `accept` puts it in the accepted log, and `chat.messages.draining` takes it on."""

from collections.abc import Callable
from dataclasses import replace

import structlog
from redis.client import Pipeline

from chat import audio, ids, wire
from chat.errors import Invalid, NotFound, TooMany, Unavailable
from chat.messages import log as accepted_log
from chat.messages import storing
from chat.messages.log import Draft, Entry, Receipt
from chat.people import restoring, sessions
from chat.people.sessions import Session
from chat.store import keys, limits, partitions
from chat.store.connection import Stores
from chat.text import characters
from chat.tracing import request_id
from chat.wire import Message

log = structlog.get_logger(__name__)

TEXT_LIMIT = 4_000
CLIENT_ID_LIMIT = 64
CHARACTERS_A_COUNT = 1_000  # a longer text counts several times against the limit: it takes as much more to keep
# The fastest speakers on record (Guinness World Records: 655 words a minute) say some 60 characters a second.
CHARACTERS_A_SECOND = 60
WAKING_MS = 5_000  # lifetime of the flag that says a drainer is coming
FULL_RETRY_SECONDS = 30
RETRY_SECONDS = 60  # the Redis client repeats a call only within this time
_WAKE_ROUNDS = 3


def accept(stores: Stores, draft: Draft, wake: Callable[[], None], session: Session | None = None) -> Message:
    """Accepts a message: from now on it is neither lost nor duplicated. Returns the one that was accepted before where
    its `clientId` is repeated, or another device of the sender's has sent the same recording to the same person.

    `wake` makes sure that somebody will drain the log; it is called only if no drainer is running or coming. `session`
    is the sender's; checking it here saves a round trip. Without one, the caller vouches for the sender.

    Raises:
        Unauthorized: the session was ended.
        TooMany: the sender has reached the limit of messages or, with a recording, of transcribed audio.
        Invalid: there is nothing to send or the text is too long, or it is addressed to its sender.
        NotFound: the receiver or the upload is unknown, not the sender's, or already sent.
        Unavailable: the log or Redis is full, or `wake` says that the queue is down. Nothing was accepted.
    """
    if draft.audio_file_id is None and characters.is_blank(draft.text):
        raise Invalid("text", "nothing_to_send")
    if len(draft.text) > TEXT_LIMIT and len(draft.text) > (longest := longest_sent(stores, draft)):
        raise Invalid("text", "text_too_long", longest=longest)
    if draft.receiver_id == draft.sender_id:
        raise Invalid("receiverId", "receiver_is_sender")
    if stores.memory.is_full:
        raise Unavailable("no_room", FULL_RETRY_SECONDS)
    outcome, receipt = _Acceptance(stores, draft, session, wake).run()
    if outcome == "again":
        return _accepted_before(stores, receipt, ids.conversation_id(draft.sender_id, draft.receiver_id))
    log.debug("message.accepted", message_id=receipt.message_id)
    return _accepted(Entry(receipt, draft))


def longest_sent(stores: Stores, draft: Draft) -> int:
    """How many characters the text of a message may have.

    With a recording that travelled while it was made it corrects the words that were heard, so there is room for all
    that can have been said.
    """
    if draft.audio_file_id is None or not stores.redis.exists(keys.recording_key(draft.audio_file_id)):
        return TEXT_LIMIT
    seconds = float(stores.redis.hget(keys.upload_key(draft.audio_file_id), "duration") or 0)
    return TEXT_LIMIT + int(seconds * CHARACTERS_A_SECOND)


class _Acceptance:
    """Runs the script until it accepts or refuses, doing in between what the script asks for and cannot do itself."""

    def __init__(self, stores: Stores, draft: Draft, session: Session | None, wake: Callable[[], None]) -> None:
        self._stores = stores
        self._draft = draft
        self._session = session
        self._wake = wake
        self._limits = limits.windows(stores.settings.limit_messages, "message", draft.sender_id)
        self._audio_limits = (
            limits.audio_windows(stores.settings.limit_transcription, draft.sender_id) if draft.audio_file_id else []
        )
        self._woken = 0
        self._restored = False
        self._counts = True
        conversation = ids.conversation_id(draft.sender_id, draft.receiver_id)
        self._partition = partitions.of_conversation(stores, conversation)
        self._entropy = ids.new_entropy(conversation)
        self._fields = accepted_log.entry_fields(replace(draft, request_id=request_id()), self._entropy)

    def run(self) -> tuple[str, Receipt]:
        """Returns `accepted`, or `again` for what was accepted before, and the receipt. Raises what `accept` raises."""
        script_keys = self._keys()
        while True:
            reply = self._call(script_keys)
            outcome, *details = (part.decode() for part in reply)
            if outcome in ("accepted", "again"):
                return outcome, accepted_log.parse_receipt(reply[1])
            if outcome == "sent" and self._is_same_recording(details[1]):
                return "again", accepted_log.parse_receipt(reply[1])
            if outcome == "upload" and self._restored and (receipt := self._sent_long_ago()):
                return "again", receipt
            self._counts = outcome == "session"
            if not self._resolve(outcome):
                raise _refusal(outcome, *details)

    def _call(self, script_keys: list[str]) -> list[bytes]:
        """Calls the script, together with other messages that are accepted at the same time."""

        def add(pipe: Pipeline) -> None:
            self._stores.scripts.accept_message(keys=script_keys, args=self._arguments(), client=pipe)

        (reply,) = self._stores.together.run(add)
        return list(reply)

    def _is_same_recording(self, receiver_id: str) -> bool:
        """Whether the recording travelled while it was made, so that several devices may have it and each send it."""
        is_recording = self._stores.redis.exists(keys.recording_key(self._draft.audio_file_id or ""))
        return bool(is_recording) and receiver_id == self._draft.receiver_id

    def _sent_long_ago(self) -> Receipt | None:
        """The same when Redis has forgotten the recording."""
        sender, receiver = self._draft.sender_id, self._draft.receiver_id
        conversation = ids.conversation_id(sender, receiver)
        message_id = audio.sent_recording(self._stores, self._draft.audio_file_id or "", sender, conversation)
        return accepted_log.receipt_of(message_id) if message_id else None

    def _resolve(self, outcome: str) -> bool:
        """Does what the script needs in order to continue. Returns whether there was anything to do."""
        if outcome == "wake":
            self._woken += 1
            self._wake_drainer()
        elif outcome == "session" and self._session is not None:
            if not sessions.is_valid(self._stores, *self._session[:3]):
                raise sessions.refusal()
            self._session = None
        elif outcome in ("receiver", "upload") and not self._restored:
            self._restored = True  # Redis may have lost what the archive still has
            restoring.restore_users(self._stores, [self._draft.receiver_id])
            if self._draft.audio_file_id:
                audio.restore_upload(self._stores, self._draft.audio_file_id, self._draft.sender_id)
        else:
            return False
        return True

    def _wake_drainer(self) -> None:
        try:
            self._wake()
        except Exception:
            self._stores.redis.delete(keys.waking_key(self._partition))
            raise

    def _keys(self) -> list[str]:
        sender, draft = self._draft.sender_id, self._draft
        return [
            keys.accepted_key(self._partition),
            keys.waking_key(self._partition),
            keys.user_key(draft.receiver_id),
            keys.client_key(sender, draft.client_id) if draft.client_id else keys.call_key(self._entropy),
            keys.upload_key(draft.audio_file_id) if draft.audio_file_id else "",
            keys.revoked_key(self._session.token_id if self._session else ""),
            keys.sessions_key(sender),
            keys.user_key(sender),
            keys.HOT_COMPLETE,
            *(window.key for window in (*self._limits, *self._audio_limits)),
        ]

    def _arguments(self) -> list[str | int | bytes]:
        settings, session = self._stores.settings, self._session
        return [
            self._draft.sender_id,
            self._draft.receiver_id,
            accepted_log.receipt_suffix(self._entropy),
            -(-settings.accepted_limit // settings.partitions),
            settings.hot_window_days * 86_400 if self._draft.client_id else RETRY_SECONDS,
            WAKING_MS,
            int(self._woken >= _WAKE_ROUNDS),
            session.token_id if session else "",
            session.issued_ms if session else 0,
            int(self._counts),
            len(self._limits),
            len(self._audio_limits),
            max(1, -(-len(self._draft.text) // CHARACTERS_A_COUNT)),
            *(part for window in (*self._limits, *self._audio_limits) for part in (window.max, window.seconds)),
            *self._fields,
        ]


def _refusal(outcome: str, *details: str) -> Exception:
    if outcome == "ended":
        return sessions.refusal()
    if outcome == "limited":
        return TooMany("too_many_messages", retry_after=int(details[0]))
    if outcome == "audio":
        return TooMany(
            "too_much_audio",
            retry_after=int(details[0]),
        )
    if outcome == "receiver":
        return NotFound("no_such_person")
    if outcome == "full":
        return Unavailable("log_full", retry_after=5)
    return NotFound("no_such_upload")


def _accepted(entry: Entry) -> Message:
    message = wire.message(entry.message)
    message["status"] = "accepted"
    return message


def _accepted_before(stores: Stores, receipt: Receipt, conversation: str) -> Message:
    """The message that was accepted under this `clientId`, wherever it is by now."""
    entry = accepted_log.find(stores, receipt, conversation)
    if entry is not None:
        return _accepted(entry)
    stored = storing.find_message(stores, receipt.message_id)
    if stored is None:
        raise NotFound("message_removed")
    return wire.message(stored)
