"""The way of a voice message to its transcript.

It waits in `keys.TRANSCRIPTIONS` from the moment it is stored until it is done, however often workers die: a task is
only a nudge to take the next one in turn (see `chat.voice.turns`), and the sweep nudges while any is due. Attempts are
counted in Redis before they begin, so a recording that kills its worker is given up as any other, and those that were
only beside it are not: whose workers keep dying are tried one by one. After the last attempt the message is delivered
`untranscribed`, with its audio.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import structlog
from pymongo.errors import PyMongoError
from redis import RedisError

from chat import audio, frames, ids, wire
from chat.errors import NotFound, UnsupportedMedia
from chat.frames import Frame
from chat.messages import delivery, storing
from chat.store import counters, keys
from chat.store.connection import Stores
from chat.tracing import traced
from chat.voice import requests, turns
from chat.voice.recognisers import Recogniser, Transcript, TranscriptionRefused, TranscriptionUnavailable
from chat.wire import Changes, Message, StoredMessage

log = structlog.get_logger(__name__)

LEASE_MS = 10_000  # an attempt whose worker has died is due again after this
RENEW_SECONDS = 2.5
BACKOFF_LIMIT = 300.0
ARCHIVE_PAUSE = 5.0  # seconds until the next attempt when MongoDB is away
ATTEMPT_KEYS = (
    keys.TRANSCRIPTIONS,
    keys.TRANSCRIPTION_ATTEMPTS,
    keys.TRANSCRIPTION_CRASHES,
    keys.TRANSCRIPTION_ALONE,
    keys.TRANSCRIPTION_RUNNING,
)
OF_A_MESSAGE = (  # hashes that know something of a message that waits
    keys.TRANSCRIPTION_ATTEMPTS,
    keys.TRANSCRIPTION_CRASHES,
    keys.TRANSCRIPTION_LANGUAGES,
    keys.TRANSCRIPTION_TURNS,
    keys.TRANSCRIPTION_RUNNING,
    keys.TRANSCRIPTION_ORIGINS,
    keys.TRANSCRIPTION_REVISIONS,
)


def transcribe_next(stores: Stores, recogniser: Recogniser, taker: turns.Taker) -> bool:
    """Make one attempt at the voice message whose turn it is, if any is due. Safe to call any number of times.

    Returns:
        True when one was made: then others that are due may have waited for that.
    """
    turn = turns.take(stores, taker, LEASE_MS)
    if turn is None:
        return False
    with traced(turns.origin(stores, turn.message_id)):
        try:
            _handle(stores, recogniser, turn.message_id, turn.attempt)
        finally:
            if turn.alone:
                _end_alone(stores, turn.message_id)
    return True


def _end_alone(stores: Stores, message_id: str) -> None:
    """Let the next one be tried alone, unless our time for it has run out and another is at it already."""
    with suppress(RedisError):  # then it runs out
        if stores.redis.get(keys.TRANSCRIPTION_ALONE) == message_id.encode():
            stores.redis.delete(keys.TRANSCRIPTION_ALONE)


def give_back(stores: Stores, message_id: str, seconds: float = 0) -> None:
    """An attempt that could not begin, or not go on where it began, is none: the next is due after that time."""
    counters.count("transcription_retries")
    _set_due(stores, message_id, seconds, "uncounted")


def _handle(stores: Stores, recogniser: Recogniser, message_id: str, attempt: int) -> None:
    message = _current(stores, message_id)
    if message is None or not message["audioFileId"]:
        _let_go(stores, message_id)
    elif message["status"] != "transcribing" and not _is_again(stores, message_id):
        # A worker died between storing the outcome and telling it.
        _let_go(stores, message_id, [frames.message_frame(wire.message(message))])
    elif attempt > stores.settings.transcription_attempts:
        _give_up(stores, message_id, "Its transcription was attempted too often.")
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
    except TranscriptionUnavailable as error:
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
    """Keeps the attempt ours while it runs, however long, and no longer than we live."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_SECONDS):
            with suppress(RedisError):  # the next time, perhaps
                _set_due(stores, message_id, LEASE_MS / 1_000, "running")

    thread = threading.Thread(target=renew, name=f"lease-{message_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _current(stores: Stores, message_id: str) -> StoredMessage | None:
    """The message as it is now, None when it is not there or deleted."""
    message = storing.load_for_change(stores, message_id)
    return None if message is None or message.get("deletedAt") else message


def _finish(stores: Stores, message_id: str, transcript: Transcript) -> None:
    message = _current(stores, message_id)  # anew: its sender may have changed it meanwhile
    if message is None:
        _let_go(stores, message_id)
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
        fields["ownText"] = True
    if again:
        fields["editedAt"] = ids.now()
    wired = _store(stores, message, fields)
    told = []
    if wired is not None:
        told = [frames.status_frame(wired, "edited") if again else frames.message_frame(wired)]
    _let_go(stores, message_id, told)


def _give_up(stores: Stores, message_id: str, reason: str) -> None:
    again = _is_again(stores, message_id)
    message = _current(stores, message_id)
    if message is None:
        wired = None
    elif again:  # it stays as it was
        wired = wire.message(message)
    else:
        wired = _store(stores, message, {"status": "untranscribed"})
    told = []
    if wired is not None:
        told = [frames.status_frame(wired, "failed", detail=reason)]
        told += [] if again else [frames.message_frame(wired)]
    _let_go(stores, message_id, told)


def _is_again(stores: Stores, message_id: str) -> bool:
    """Whether the message was delivered before. Its status does not tell: a worker may have died after changing it."""
    return bool(stores.redis.sismember(keys.TRANSCRIPTIONS_AGAIN, message_id))


def _store(stores: Stores, message: StoredMessage, fields: Changes) -> Message | None:
    """The message as it is now, None when it was deleted meanwhile."""
    changed = storing.change(stores, message, fields)
    return None if changed is None else wire.message(changed)


def _try_again(stores: Stores, message_id: str, attempt: int, retry_after: float | None) -> None:
    pause = retry_after or stores.settings.transcription_backoff * 2 ** (attempt - 1)
    counters.count("transcription_retries")
    _set_due(stores, message_id, min(pause, BACKOFF_LIMIT), "failed")


def _set_due(stores: Stores, message_id: str, seconds: float, outcome: str) -> None:
    """The next attempt is due after that time; see `postpone_attempt.lua`."""
    stores.scripts.postpone_attempt(keys=ATTEMPT_KEYS, args=[message_id, int(seconds * 1_000), outcome])


def _let_go(stores: Stores, message_id: str, told: Iterable[Frame] = ()) -> None:
    """Tell both people, and in the same step forget that the message waits: nobody sees the one without the other."""
    with stores.redis.pipeline() as pipe:
        delivery.deliver(stores, told, pipe)
        pipe.zrem(keys.TRANSCRIPTIONS, message_id)
        pipe.srem(keys.TRANSCRIPTIONS_AGAIN, message_id)
        for key in OF_A_MESSAGE:
            pipe.hdel(key, message_id)
        pipe.execute()
