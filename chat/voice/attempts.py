"""Attempts to transcribe voice messages.

A voice message is in `keys.TRANSCRIPTIONS` from the moment it is stored until it is done, however often workers die: a
task is only a nudge, and the sweep nudges again whatever is due. Redis counts an attempt before it begins, so we give
up on a recording that kills its worker as on any other. Messages whose workers keep dying are tried one at a time, so
that we do not give up on those that merely ran alongside the culprit. After the last attempt the message is delivered
`untranscribed`, with its audio.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import structlog
from pymongo.errors import PyMongoError
from redis import RedisError

from chat import audio, frames, ids, wire
from chat.errors import Conflict, Invalid, NotFound, Unavailable, UnsupportedMedia
from chat.frames import Frame
from chat.messages import delivery, storing
from chat.store import counters, keys
from chat.store.connection import Stores
from chat.voice.recognisers import Recogniser, Transcript, TranscriptionRefused, TranscriptionUnavailable
from chat.wire import Changes, Message, StoredMessage

log = structlog.get_logger(__name__)

LEASE_MS = 10_000  # an attempt whose worker died is due again after this
RENEW_SECONDS = 2.5
BACKOFF_LIMIT = 300.0
ARCHIVE_PAUSE = 5.0  # seconds until the next attempt when MongoDB is away
DUE_PAGE = 100
CRASHES_TOGETHER = 2  # after this many attempts whose workers died, a message is tried alone
ATTEMPT_KEYS = (
    keys.TRANSCRIPTIONS,
    keys.TRANSCRIPTION_ATTEMPTS,
    keys.TRANSCRIPTION_CRASHES,
    keys.TRANSCRIPTION_ALONE,
)


def transcribe(stores: Stores, recogniser: Recogniser, message_id: str) -> bool:
    """Makes one attempt to transcribe a voice message, if one is due. Safe to call any number of times.

    Returns:
        True if the message was tried alone, so that others that are due may have waited for it.
    """
    begun = stores.scripts.begin_attempt(keys=ATTEMPT_KEYS, args=[message_id, LEASE_MS, CRASHES_TOGETHER])
    if begun is None:
        return False
    attempt, alone = begun
    try:
        _handle(stores, recogniser, message_id, attempt)
    finally:
        if alone:
            _end_alone(stores, message_id)
    return bool(alone)


def _end_alone(stores: Stores, message_id: str) -> None:
    """Lets the next message be tried alone, unless our turn has expired and another message has already taken it."""
    with suppress(RedisError):  # then the turn expires
        if stores.redis.get(keys.TRANSCRIPTION_ALONE) == message_id.encode():
            stores.redis.delete(keys.TRANSCRIPTION_ALONE)


def give_back(stores: Stores, message_id: str, seconds: float = 0) -> None:
    """Cancels an attempt that could not be made, without counting it; the next is due after that many seconds."""
    counters.count("transcription_retries")
    _set_due(stores, message_id, seconds, "uncounted")


def due(stores: Stores) -> list[str]:
    """The ids of voice messages with an attempt due now, the longest overdue first, at most a page."""
    seconds, microseconds = stores.redis.time()  # the due times were set by Redis's clock
    now = seconds * 1_000 + microseconds // 1_000
    found = stores.redis.zrange(keys.TRANSCRIPTIONS, "-inf", now, byscore=True, offset=0, num=DUE_PAGE)
    return [raw.decode() for raw in found]


def transcribe_again(
    stores: Stores, sender_id: str, message_id: str, language: str | None, nudge: Callable[[str], None]
) -> Message:
    """Has a voice message transcribed again; the result is delivered as an `edited` frame.

    Raises:
        NotFound: this sender has no such message.
        Invalid: it is not a voice message.
        Conflict: it is already being transcribed.
    """
    message = _current(stores, message_id) if ids.is_id(message_id) else None
    if message is None or message["senderId"] != sender_id:
        raise NotFound("There is no such message.")
    if not message["audioFileId"]:
        raise Invalid("messageId", "That is not a voice message.")
    script_keys = [
        keys.TRANSCRIPTIONS,
        keys.RETRANSCRIPTIONS,
        keys.TRANSCRIPTION_ATTEMPTS,
        keys.TRANSCRIPTION_LANGUAGES,
    ]
    if not stores.scripts.request_transcription(keys=script_keys, args=[message_id, language or ""]):
        raise Conflict("That message is already being transcribed.")
    try:
        nudge(message_id)
    except Unavailable as error:
        log.warning("transcription.not_nudged", message_id=message_id, error=str(error))  # the sweep will
    return wire.message(message)


def _handle(stores: Stores, recogniser: Recogniser, message_id: str, attempt: int) -> None:
    message = _current(stores, message_id)
    if message is None or not message["audioFileId"]:
        _deliver_and_remove(stores, message_id)
    elif message["status"] != "transcribing" and not _is_again(stores, message_id):
        # A worker died after storing the outcome and before delivering it.
        _deliver_and_remove(stores, message_id, [frames.message_frame(wire.message(message))])
    elif attempt > stores.settings.transcription_attempts:
        _give_up(stores, message_id, "There were too many failed attempts to transcribe it.")
    else:
        _attempt(stores, recogniser, message, message["audioFileId"], attempt)


def _attempt(stores: Stores, recogniser: Recogniser, message: StoredMessage, audio_file_id: str, attempt: int) -> None:
    message_id = message["_id"]
    language = stores.redis.hget(keys.TRANSCRIPTION_LANGUAGES, message_id)
    try:
        with _lease_renewed(stores, message_id):
            recording = audio.read(stores, audio_file_id)
            transcript = recogniser.transcribe(
                recording.content, recording.mimetype, language.decode() if language else None
            )
    except (TranscriptionRefused, UnsupportedMedia, NotFound) as error:
        log.warning("transcription.refused", message_id=message_id, reason=str(error))
        _give_up(stores, message_id, str(error))
    except (TranscriptionUnavailable, Unavailable) as error:
        log.warning("transcription.unavailable", message_id=message_id, attempt=attempt, reason=str(error))
        if attempt >= stores.settings.transcription_attempts:
            _give_up(stores, message_id, str(error))
        else:
            _try_again(stores, message_id, attempt, error.retry_after)
    except PyMongoError as error:
        log.warning("transcription.archive_away", message_id=message_id, error=type(error).__name__)
        give_back(stores, message_id, ARCHIVE_PAUSE)
    else:
        _finish(stores, message_id, transcript)


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
    if again or not message["text"]:
        fields["text"] = transcript.text
    if again:
        fields["editedAt"] = ids.now()
    shown = _store(stores, message, fields)
    outgoing = []
    if shown is not None:
        outgoing = [frames.status_frame(shown, "edited") if again else frames.message_frame(shown)]
    _deliver_and_remove(stores, message_id, outgoing)


def _give_up(stores: Stores, message_id: str, reason: str) -> None:
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
        outgoing = [frames.status_frame(shown, "failed", detail=reason)]
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
    """Delivers frames and removes the message from those waiting, in one transaction: never one without the other."""
    with stores.redis.pipeline() as pipe:
        delivery.deliver(stores, outgoing, pipe)
        pipe.zrem(keys.TRANSCRIPTIONS, message_id)
        pipe.srem(keys.RETRANSCRIPTIONS, message_id)
        pipe.hdel(keys.TRANSCRIPTION_ATTEMPTS, message_id)
        pipe.hdel(keys.TRANSCRIPTION_CRASHES, message_id)
        pipe.hdel(keys.TRANSCRIPTION_LANGUAGES, message_id)
        pipe.execute()
