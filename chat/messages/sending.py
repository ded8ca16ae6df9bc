"""The one way to send a message: `accept` puts it in the accepted log, and `chat.messages.draining` takes it on."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

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
# How long a message may take until it is appended. The final pass over a deleted account begins later than that
# (`chat.upkeep.erasure.SETTLE_SECONDS`), and so does a partition forget later that a `clientId` was closed.
ADMITTED_SECONDS = 30.0
HOME_SECONDS = 86_400  # how long a `clientId` that is repeated for somebody else is recognised
CLAIM_SECONDS = 7 * 86_400  # how long a recording stays claimed if whoever did so died before its message was accepted
_WAKE_ROUNDS = 3
_HOME_ROUNDS = 5  # of moving a `clientId`, while others move it elsewhere


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
        Unavailable: the log or Redis is full, `wake` says that the queue is down, or both took too long. Nothing was
            accepted.
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


class _Home(NamedTuple):
    """Where what has a `clientId` is appended: in the partition of the sender and this receiver."""

    receiver_id: str
    generation: int = 1  # each move makes the next one

    def __str__(self) -> str:
        return f"{self.receiver_id} {self.generation}"

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        receiver_id, _, generation = raw.decode().rpartition(" ")
        return cls(receiver_id, int(generation))


class _Acceptance:
    """Accepts one message in two steps, each safe to repeat: the sender's, then the partition's.

    The first one checks the session and counts against the limits; the second one appends the entry, once for each
    `clientId`. After a crash between the two nothing is accepted, and the message has counted once. A recording is
    claimed in between, by an entropy that everybody who sends it again takes over; so its entry is appended once.

    The first step also notes in whose partition this `clientId` is appended, its home. For another receiver it moves
    only after it was closed there, so a call that is still on its way there is refused and looks where the home is now.
    """

    def __init__(self, stores: Stores, draft: Draft, session: Session | None, wake: Callable[[], None]) -> None:
        self._stores = stores
        self._draft = draft
        self._session = session
        self._wake = wake
        self._conversation = ids.conversation_id(draft.sender_id, draft.receiver_id)
        self._entropy = ids.new_entropy(self._conversation)
        self._home = _Home(draft.receiver_id)
        self._until = time.monotonic() + ADMITTED_SECONDS

    def run(self) -> tuple[str, Receipt]:
        """Returns `accepted`, or `again` for what was accepted before, and the receipt. Raises what `accept` raises."""
        is_known = self._admit()
        upload_id = self._draft.audio_file_id
        # A recording is looked for before it is claimed: the message of this `clientId` may have another one.
        is_sure = upload_id is None and is_known and self._is_home()
        if not is_sure and (before := self._find(self._of_receiver(self._home.receiver_id))):
            return "again", before
        if not is_known:
            raise NotFound("no_such_person")
        return self._append([]) if upload_id is None else self._send_recording(upload_id)

    def _send_recording(self, upload_id: str) -> tuple[str, Receipt]:
        recording = self._claim(upload_id)
        if isinstance(recording, Receipt):
            return "again", recording
        self._charge(upload_id, recording)
        try:
            outcome, receipt = self._append(recording)
        except Unavailable:  # not so if Redis is away: then it may have been appended
            self._give_up(upload_id, recording)
            raise
        if receipt.entropy == self._entropy:
            finish_claim(self._stores, self._draft, receipt)
        else:  # meanwhile a message of this `clientId` was accepted, with another recording or none
            self._give_up(upload_id, recording)
        return outcome, receipt

    def _admit(self) -> bool:
        """Returns whether the receiver exists. One round trip, if Redis has what it needs."""
        draft, session = self._draft, self._session
        windows = limits.windows(self._stores.settings.limit_messages, "message", draft.sender_id)
        cost = max(1, -(-len(draft.text) // CHARACTERS_A_COUNT))
        arguments: list[str | int] = [cost, str(self._home), HOME_SECONDS]
        arguments += [part for window in windows for part in (window.max, window.seconds)]
        script_keys = [window.key for window in windows]
        if draft.client_id:
            script_keys.append(keys.home_key(draft.sender_id, draft.client_id))
        known = [keys.user_key(draft.receiver_id)]
        if session is not None:
            known += [keys.user_key(draft.sender_id), keys.HOT_COMPLETE]

        def ask(pipe: Pipeline) -> None:
            pipe.exists(*known)
            self._stores.scripts.admit_message(keys=script_keys, args=arguments, client=pipe)
            if session is not None:
                sessions.ask(pipe, session)

        found, (outcome, detail), *ended = self._stores.together.run(ask)
        if session is not None and (sessions.tells_end(session, ended) or not self._is_valid(session, found, known)):
            if outcome == b"admitted":
                # or a stolen token would use up its owner's limits, and Redis's memory
                limits.uncount(self._stores.scripts.uncount, [limits.Charge(window, cost) for window in windows])
                if draft.client_id and not detail:
                    self._change_home("")
            raise sessions.refusal()
        if outcome == b"limited":
            raise TooMany("too_many_messages", retry_after=int(detail))
        if detail:
            self._home = _Home.parse(detail)
        return found == len(known) or self._knows_receiver()

    def _is_valid(self, session: Session, found: int, known: list[str]) -> bool:
        """Whether the session is valid where Redis says nothing against it: it may have been lost."""
        return found == len(known) or sessions.is_valid(self._stores, *session[:3])

    def _knows_receiver(self) -> bool:
        receiver = self._draft.receiver_id
        known = self._stores.redis.exists(keys.user_key(receiver))
        return bool(known or restoring.restore_users(self._stores, [receiver]))

    def _claim(self, upload_id: str) -> list[bytes | str] | Receipt:
        """Claims the recording. Returns what the entry has of it, or the receipt where it was sent before."""
        draft = self._draft
        script_keys = [keys.upload_key(upload_id)]
        for attempt in range(2):
            claim = accepted_log.receipt_suffix(self._entropy)
            arguments = [draft.sender_id, draft.receiver_id, claim, CLAIM_SECONDS]
            outcome, *details = self._stores.scripts.claim_upload(keys=script_keys, args=arguments)
            if outcome == b"claimed":
                self._entropy = accepted_log.parse_receipt(details[0]).entropy
                return accepted_log.recording_fields(*details[1:])
            if before := self._find(self._of_receiver(draft.receiver_id)):
                return before
            if outcome == b"sent" and self._is_same_recording(details[1].decode()):
                return accepted_log.parse_receipt(details[0])
            if outcome != b"upload" or attempt:
                break
            if not audio.restore_upload(self._stores, upload_id, draft.sender_id):  # Redis may have lost it
                break
        if outcome == b"upload" and (receipt := self._sent_long_ago()):
            return receipt
        raise NotFound("no_such_upload")

    def _is_same_recording(self, receiver_id: str) -> bool:
        """Whether the recording travelled while it was made, so that several devices may have it and each send it."""
        is_recording = self._stores.redis.exists(keys.recording_key(self._draft.audio_file_id or ""))
        return bool(is_recording) and receiver_id == self._draft.receiver_id

    def _sent_long_ago(self) -> Receipt | None:
        """The same when Redis has forgotten the recording."""
        message_id = audio.sent_recording(
            self._stores, self._draft.audio_file_id or "", self._draft.sender_id, self._conversation
        )
        return accepted_log.receipt_of(message_id) if message_id else None

    def _charge(self, upload_id: str, recording: Sequence[bytes | str]) -> None:
        """Counts the recording once, however often it is tried to send it."""
        mark = keys.charged_key(self._draft.sender_id, upload_id)
        if full := limits.charge(self._stores.scripts.charge, self._charges(recording), mark):
            self._release(upload_id)
            raise TooMany("too_much_audio", retry_after=full.seconds)

    def _give_up(self, upload_id: str, recording: Sequence[bytes | str]) -> None:
        """Releases the recording and takes back what it counted for, unless another call is sending it too."""
        if self._release(upload_id):
            mark = keys.charged_key(self._draft.sender_id, upload_id)
            limits.uncount(self._stores.scripts.uncount, self._charges(recording), mark)

    def _charges(self, recording: Sequence[bytes | str]) -> list[limits.Charge]:
        windows = limits.audio_windows(self._stores.settings.limit_transcription, self._draft.sender_id)
        return [limits.Charge(window, accepted_log.milliseconds_of(recording)) for window in windows]

    def _release(self, upload_id: str) -> bool:
        arguments = [accepted_log.receipt_suffix(self._entropy), self._stores.settings.upload_ttl]
        return bool(self._stores.scripts.release_claim(keys=[keys.upload_key(upload_id)], args=arguments))

    def _append(self, recording: Sequence[bytes | str]) -> tuple[str, Receipt]:
        """Appends the entry in its home, which moves here if nothing was accepted where it is."""
        for _ in range(_HOME_ROUNDS):
            if self._is_home():
                outcome, receipt = self._add(recording)
                if receipt is not None:
                    return outcome, receipt
            if before := self._move_home():
                return "again", before
        raise Unavailable("message_on_its_way", retry_after=5)

    def _is_home(self) -> bool:
        return self._of_receiver(self._home.receiver_id) == self._of_receiver(self._draft.receiver_id)

    def _move_home(self) -> Receipt | None:
        """Moves the home here, or learns where somebody else has moved it meanwhile.

        Returns the receipt, and moves nothing, if something was accepted where it is.
        """
        if before := self._call_append(self._of_receiver(self._home.receiver_id), "close", [])[1]:
            return before
        now = self._change_home(str(_Home(self._draft.receiver_id, self._home.generation + 1)))
        self._home = _Home.parse(now)
        return None

    def _change_home(self, new: str) -> bytes:
        home = keys.home_key(self._draft.sender_id, self._draft.client_id or "")
        arguments = [str(self._home), new, HOME_SECONDS]
        return bytes(self._stores.scripts.move_home(keys=[home], args=arguments))

    def _add(self, recording: Sequence[bytes | str]) -> tuple[str, Receipt | None]:
        """Returns `closed` and no receipt if the home has moved."""
        partition = partitions.of_conversation(self._stores, self._conversation)
        fields = accepted_log.entry_fields(replace(self._draft, request_id=request_id()), self._entropy)
        for woken in range(_WAKE_ROUNDS + 1):
            if time.monotonic() > self._until:  # Redis or the queue was slow
                raise Unavailable("store_unavailable")
            action = "force" if woken == _WAKE_ROUNDS else "add"
            outcome, receipt = self._call_append(partition, action, [*fields, *recording])
            if receipt is not None or outcome == "closed":
                return outcome, receipt
            if outcome != "wake":
                break
            self._wake_drainer(partition)
        raise Unavailable("log_full", retry_after=5)

    def _find(self, partition: int) -> Receipt | None:
        """The receipt of what was accepted before under this `clientId` in a partition."""
        return self._call_append(partition, "look", [])[1] if self._draft.client_id else None

    def _call_append(self, partition: int, action: str, fields: list[bytes | str]) -> tuple[str, Receipt | None]:
        settings, draft = self._stores.settings, self._draft
        script_keys = [keys.accepted_key(partition), keys.waking_key(partition)]
        if draft.client_id:
            script_keys.append(keys.client_key(partition, draft.sender_id, draft.client_id))
        if draft.audio_file_id or not draft.client_id:
            script_keys.append(keys.call_key(partition, self._entropy))
        is_named = draft.client_id or draft.audio_file_id
        arguments: list[str | int | bytes] = [
            accepted_log.receipt_suffix(self._entropy),
            -(-settings.accepted_limit // settings.partitions),
            settings.hot_window_days * 86_400 if is_named else RETRY_SECONDS,
            WAKING_MS,
            action,
            self._home.generation,
            HOME_SECONDS,
            *fields,
        ]

        def append(pipe: Pipeline) -> None:
            self._stores.scripts.append_message(keys=script_keys, args=arguments, client=pipe)

        ((outcome, *receipt),) = self._stores.together.run(append)
        return outcome.decode(), accepted_log.parse_receipt(receipt[0]) if receipt else None

    def _wake_drainer(self, partition: int) -> None:
        try:
            self._wake()
        except Exception:
            self._stores.redis.delete(keys.waking_key(partition))
            raise

    def _of_receiver(self, receiver_id: str) -> int:
        return partitions.of_people(self._stores, self._draft.sender_id, receiver_id)


def finish_claim(stores: Stores, draft: Draft, receipt: Receipt, client: Pipeline | None = None) -> None:
    """Notes with an upload which message it was claimed for. Safe to repeat."""
    upload = [keys.upload_key(draft.audio_file_id or "")]
    stores.scripts.finish_claim(keys=upload, args=[str(receipt), draft.receiver_id], client=client)


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
