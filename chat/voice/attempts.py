"""Attempts to transcribe voice messages.

A voice message is in `keys.TRANSCRIPTIONS` from the moment it is stored until it is done, however often workers die: a
task is only a nudge to take the next one in turn (see `chat.voice.turns`), and the sweep nudges as long as any is due.
Redis counts an attempt before it begins, so we give
up on a recording that kills its worker as on any other. Messages whose workers keep dying are tried one at a time, so
that we do not give up on those that merely ran alongside the culprit. After the last attempt the message is delivered
`untranscribed`, with its audio.
"""

import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import structlog
from pymongo.errors import PyMongoError
from redis import RedisError

from chat import audio, frames, ids, tracing, wire
from chat.audio import heard as hearing
from chat.audio.heard import Heard
from chat.errors import ChatError, NotFound, Unavailable, UnsupportedMedia
from chat.frames import Frame
from chat.messages import delivery, hinting, storing
from chat.messages import log as accepted_log
from chat.store import counters, keys
from chat.store.connection import Stores
from chat.tracing import traced
from chat.voice import requests, turns
from chat.voice.recognisers import (
    Progress,
    Recogniser,
    Recording,
    Transcript,
    TranscriptionRefused,
    TranscriptionUnavailable,
)
from chat.wire import Changes, Message, StoredMessage

log = structlog.get_logger(__name__)

LEASE_MS = 10_000  # an attempt whose worker died is due again after this
RENEW_SECONDS = 2.5
REPORT_SECONDS = 1.0  # between two frames with the text so far
BACKOFF_LIMIT = 300.0
ARCHIVE_PAUSE = 5.0  # seconds until the next attempt when MongoDB is away
ATTEMPT_KEYS = (
    keys.TRANSCRIPTIONS,
    keys.TRANSCRIPTION_ATTEMPTS,
    keys.TRANSCRIPTION_CRASHES,
    keys.TRANSCRIPTION_ALONE,
    keys.TRANSCRIPTION_RUNNING,
)
MESSAGE_HASHES = (  # by message id; forgotten with the message
    keys.TRANSCRIPTION_ATTEMPTS,
    keys.TRANSCRIPTION_CRASHES,
    keys.TRANSCRIPTION_LANGUAGES,
    keys.TRANSCRIPTION_TURNS,
    keys.TRANSCRIPTION_RUNNING,
    keys.TRANSCRIPTION_ORIGINS,
    keys.TRANSCRIPTION_REVISIONS,
)


def transcribe_next(stores: Stores, recogniser: Recogniser, taker: turns.Taker) -> bool:
    """Makes one attempt at the voice message whose turn it is, if any is due. Safe to call any number of times.

    Returns:
        True if an attempt was made, so that others that are due may have waited for it.
    """
    turn = turns.take(stores, taker, LEASE_MS)
    if turn is None:
        return False
    began = time.time_ns()
    with traced(turns.origin(stores, turn.message_id)):
        try:
            _handle(stores, recogniser, turn.message_id, turn.attempt)
        finally:
            tracing.record("transcription", tracing.request_id(), began)
            if turn.alone:
                _end_alone(stores, turn.message_id)
    return True


def _end_alone(stores: Stores, message_id: str) -> None:
    """Lets the next message be tried alone, unless our turn has expired and another message has already taken it."""
    with suppress(RedisError):  # then the turn expires
        if stores.redis.get(keys.TRANSCRIPTION_ALONE) == message_id.encode():
            stores.redis.delete(keys.TRANSCRIPTION_ALONE)


def give_back(stores: Stores, message_id: str, seconds: float = 0) -> None:
    """Cancels an attempt that could not be made, without counting it; the next is due after that many seconds."""
    counters.count("transcription_retries")
    _set_due(stores, message_id, seconds, "uncounted")


def finish_followed(stores: Stores, recording_id: str) -> None:
    """Gives the words that were heard in a recording to the message that waits for them, if there is one."""
    message_id = _waiting(stores, recording_id)
    heard = hearing.read(stores, recording_id)
    message = None if message_id is None else _current(stores, message_id)
    if message_id is None or heard is None or message is None:
        return
    if message["status"] == "transcribing" and heard.covers(message.get("duration")):
        _finish(stores, message_id, _transcript(heard))
    else:
        hurry_followed(stores, recording_id)


def hurry_followed(stores: Stores, recording_id: str) -> None:
    """Has the message transcribed now that waited for a recording's follower, if there is one."""
    if (message_id := _waiting(stores, recording_id)) is not None:
        _set_due(stores, message_id, 0, "running")


def _waiting(stores: Stores, recording_id: str) -> str | None:
    """The message that waits for a recording's follower: it has this recording, and no attempt has begun."""
    receipt = stores.redis.hget(keys.upload_key(recording_id), "message")
    if receipt is None:
        return None
    if receipt.startswith(b":"):  # it is being accepted
        return None
    message_id = accepted_log.parse_receipt(receipt).message_id
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.zscore(keys.TRANSCRIPTIONS, message_id)
        pipe.hexists(keys.TRANSCRIPTION_RUNNING, message_id)
        due, is_running = pipe.execute()
    return message_id if due and not math.isinf(due) and not is_running else None


def _transcript(heard: Heard) -> Transcript:
    return Transcript(heard.text, heard.confidence, heard.language, heard.words)


def _handle(stores: Stores, recogniser: Recogniser, message_id: str, attempt: int) -> None:
    message = _current(stores, message_id)
    if message is None or not message["audioFileId"]:
        _deliver_and_remove(stores, message_id)
    elif message["status"] != "transcribing" and not _is_again(stores, message_id):
        # A worker died after storing the outcome and before delivering it.
        _deliver_and_remove(stores, message_id, [frames.message_frame(wire.message(message))])
    elif attempt > stores.settings.transcription_attempts:
        _give_up(stores, message_id, "There were too many failed attempts to transcribe it.", "too_many_attempts")
    else:
        _attempt(stores, recogniser, message, message["audioFileId"], attempt)


def _attempt(stores: Stores, recogniser: Recogniser, message: StoredMessage, audio_file_id: str, attempt: int) -> None:
    message_id = message["_id"]
    if not _is_again(stores, message_id):
        heard = hearing.read(stores, audio_file_id)
        if heard is not None and heard.covers(message.get("duration")):
            _finish(stores, message_id, _transcript(heard))
            return
        hearing.leave(stores, audio_file_id)
    language = stores.redis.hget(keys.TRANSCRIPTION_LANGUAGES, message_id)
    try:
        with _lease_renewed(stores, message_id):
            found = audio.read(stores, audio_file_id)
            hints = hinting.of(stores, message_id)
            recording = Recording(found.content, found.mimetype, language.decode() if language else None, hints)
            transcript = recogniser.transcribe(recording, _Reporter(stores, message))
    except (TranscriptionRefused, UnsupportedMedia, NotFound) as error:
        log.warning("transcription.refused", message_id=message_id, reason=str(error))
        _give_up(stores, message_id, _reason(error), error.code)
    except (TranscriptionUnavailable, Unavailable) as error:
        log.warning("transcription.unavailable", message_id=message_id, attempt=attempt, reason=str(error))
        if attempt >= stores.settings.transcription_attempts:
            _give_up(stores, message_id, _reason(error), error.code)
        else:
            _try_again(stores, message_id, attempt, error.retry_after)
    except PyMongoError as error:
        log.warning("transcription.archive_away", message_id=message_id, error=type(error).__name__)
        give_back(stores, message_id, ARCHIVE_PAUSE)
    else:
        _finish(stores, message_id, transcript)


class _Reporter:
    """Shows both people the text so far, at most every `REPORT_SECONDS`. What is stored stays as it is."""

    def __init__(self, stores: Stores, message: StoredMessage) -> None:
        self._stores = stores
        self._message = message
        # A caption, and a transcript that is being made anew, are shown until the new one is complete.
        self._wanted = message["status"] == "transcribing" and not message["text"]
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        if not self._wanted or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + REPORT_SECONDS
        frame = frames.progress_frame(wire.message(self._message), progress.text, progress.seconds)
        with suppress(RedisError):  # the next time, perhaps
            delivery.announce(self._stores, frame)


@contextmanager
def _lease_renewed(stores: Stores, message_id: str) -> Iterator[None]:
    """Renews the attempt's lease while the block runs, however long; if this process dies, the lease expires."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_SECONDS):
            with suppress(RedisError):  # the next renewal may succeed
                _set_due(stores, message_id, LEASE_MS / 1_000, "running")

    thread = threading.Thread(target=renew, name=f"lease-{message_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _current(stores: Stores, message_id: str) -> StoredMessage | None:
    """The message as it is now, None if it does not exist or is deleted."""
    message = storing.load_for_change(stores, message_id)
    return None if message is None or message.get("deletedAt") else message


def _finish(stores: Stores, message_id: str, transcript: Transcript) -> None:
    message = _current(stores, message_id)  # read again: its sender may have changed it in the meantime
    if message is None:
        _deliver_and_remove(stores, message_id)
        return
    fields: Changes = {
        "status": "delivered",
        "confidence": transcript.confidence,
        "language": transcript.language,
        "words": transcript.words,
    }
    again = _is_again(stores, message_id)
    if requests.may_replace_text(stores, message):
        fields["text"], fields["ownText"] = transcript.text, False
    else:
        fields["ownText"] = message["text"] != transcript.text
    if again:
        fields["editedAt"] = ids.now()
    shown = _store(stores, message, fields)
    outgoing = []
    if shown is not None:
        outgoing = [frames.status_frame(shown, "edited") if again else frames.message_frame(shown)]
    _deliver_and_remove(stores, message_id, outgoing)
    hearing.forget(stores, [message["audioFileId"] or ""])


def _reason(error: Exception) -> str:
    """The text for old clients, in English; others say the same by the error's code."""
    return "The recording cannot be read." if isinstance(error, ChatError) else str(error)


def _give_up(stores: Stores, message_id: str, reason: str, code: str) -> None:
    again = _is_again(stores, message_id)
    message = _current(stores, message_id)
    if message is None:
        shown = None
    elif again:  # it keeps its transcript
        shown = wire.message(message)
    else:
        shown = _store(stores, message, {"status": "untranscribed"})
    outgoing = []
    if shown is not None:
        outgoing = [frames.status_frame(shown, "failed", detail=reason, code=code)]
        outgoing += [] if again else [frames.message_frame(shown)]
    _deliver_and_remove(stores, message_id, outgoing)


def _is_again(stores: Stores, message_id: str) -> bool:
    """Whether the message was delivered before. Its status cannot tell: a worker may have changed it and died."""
    return bool(stores.redis.sismember(keys.RETRANSCRIPTIONS, message_id))


def _store(stores: Stores, message: StoredMessage, fields: Changes) -> Message | None:
    """Changes the message. Returns it as it is now, None if it was deleted in the meantime."""
    changed = storing.change(stores, message, fields)
    return None if changed is None else wire.message(changed)


def _try_again(stores: Stores, message_id: str, attempt: int, retry_after: float | None) -> None:
    pause = retry_after or stores.settings.transcription_backoff * 2 ** (attempt - 1)
    counters.count("transcription_retries")
    _set_due(stores, message_id, min(pause, BACKOFF_LIMIT), "failed")


def _set_due(stores: Stores, message_id: str, seconds: float, outcome: str) -> None:
    """Makes the next attempt due after that many seconds; see `postpone_attempt.lua`."""
    stores.scripts.postpone_attempt(keys=ATTEMPT_KEYS, args=[message_id, int(seconds * 1_000), outcome])


def _deliver_and_remove(stores: Stores, message_id: str, outgoing: Iterable[Frame] = ()) -> None:
    """Delivers frames, then removes the message from those waiting: if we die in between, all of it is repeated.

    Whoever sees it before it is removed may have it transcribed again.
    """
    stores.redis.sadd(keys.TRANSCRIPTION_TOLD, message_id)
    delivery.deliver(stores, outgoing)
    script_keys = [keys.TRANSCRIPTION_TOLD, keys.TRANSCRIPTIONS, keys.RETRANSCRIPTIONS, *MESSAGE_HASHES]
    stores.scripts.end_transcription(keys=script_keys, args=[message_id])
