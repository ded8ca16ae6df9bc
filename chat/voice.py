"""The way of a voice message to its transcript.

It waits in `channels.TRANSCRIPTIONS` from the moment it is stored until it is done, however often workers die:
a task is only a nudge, and the sweep nudges again what is due. Attempts are counted in Redis before they
begin, so a recording that kills its worker is given up as any other. After the last attempt the message is
delivered `untranscribed`, with its audio.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from chat import audio, channels, delivery, ids, persistence, wire
from chat.errors import Conflict, Invalid, NotFound
from chat.store import search_terms
from chat.store.connection import Document, Stores
from chat.transcription import Recogniser, Transcript, TranscriptionRefused, TranscriptionUnavailable

log = structlog.get_logger(__name__)

HOLD_MS = 20_000  # an attempt whose worker has died is due again after this
RENEW_SECONDS = 5.0
BACKOFF_LIMIT = 300.0
DUE_PAGE = 100
WARM_SECONDS = 7 * 86_400


def transcribe(stores: Stores, recogniser: Recogniser, message_id: str) -> None:
    """Make one attempt at a voice message, if one is due. Safe to call any number of times."""
    attempt = stores.scripts.attempt(
        keys=[channels.TRANSCRIPTIONS, channels.TRANSCRIPTION_ATTEMPTS], args=[message_id, HOLD_MS]
    )
    if attempt is None:
        return
    message = persistence.warm_message(stores, message_id, WARM_SECONDS)
    if message is None or message.get("deletedAt") or not message.get("audioFileId"):
        _let_go(stores, message_id)
        return
    if attempt > stores.settings.transcription_attempts:
        _give_up(stores, message, "Its transcription was attempted too often.")
        return
    language = stores.redis.hget(channels.TRANSCRIPTION_LANGUAGES, message_id)
    try:
        with _held(stores, message_id):
            recording = audio.read(stores, message["audioFileId"])
            transcript = recogniser.transcribe(
                recording.content, recording.mimetype, language.decode() if language else None
            )
    except (TranscriptionRefused, NotFound) as error:
        log.warning("transcription.refused", message_id=message_id, reason=str(error))
        _give_up(stores, message, str(error))
    except TranscriptionUnavailable as error:
        log.warning("transcription.unavailable", message_id=message_id, attempt=attempt, reason=str(error))
        if attempt >= stores.settings.transcription_attempts:
            _give_up(stores, message, str(error))
        else:
            _try_again(stores, message_id, attempt, error.retry_after)
    else:
        _finish(stores, message, transcript)


def due(stores: Stores) -> list[str]:
    """Voice messages for which an attempt is due now, oldest first, at most a page."""
    now = int(time.time() * 1000)
    found = stores.redis.zrange(channels.TRANSCRIPTIONS, "-inf", now, byscore=True, offset=0, num=DUE_PAGE)
    return [raw.decode() for raw in found]


def transcribe_again(
    stores: Stores, sender_id: str, message_id: str, language: str | None, nudge: Callable[[str], None]
) -> wire.Wire:
    """Have a voice message transcribed anew; the result comes as `edited`.

    Raises:
        NotFound: there is no such message of this sender.
        Invalid: it is no voice message.
        Conflict: it is being transcribed.
    """
    message = persistence.warm_message(stores, message_id, WARM_SECONDS) if ids.is_id(message_id) else None
    if message is None or message["senderId"] != sender_id or message.get("deletedAt"):
        raise NotFound("There is no such message.")
    if not message.get("audioFileId"):
        raise Invalid("messageId", "That is not a voice message.")
    keys = [
        channels.TRANSCRIPTIONS,
        channels.TRANSCRIPTIONS_AGAIN,
        channels.TRANSCRIPTION_ATTEMPTS,
        channels.TRANSCRIPTION_LANGUAGES,
    ]
    if not stores.scripts.again(keys=keys, args=[message_id, language or ""]):
        raise Conflict("That message is being transcribed.")
    nudge(message_id)
    return wire.message(message)


@contextmanager
def _held(stores: Stores, message_id: str) -> Iterator[None]:
    """Keeps the attempt ours while it runs, however long, and no longer than we live."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_SECONDS):
            stores.redis.zadd(channels.TRANSCRIPTIONS, {message_id: int(time.time() * 1000) + HOLD_MS}, xx=True)

    thread = threading.Thread(target=renew, name=f"hold-{message_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _finish(stores: Stores, message: Document, transcript: Transcript) -> None:
    fields: dict[str, Any] = {
        "status": "delivered",
        "confidence": transcript.confidence,
        "language": transcript.language,
        "words": transcript.words,
    }
    again = _is_again(stores, message["pk"])
    if again or not message["text"]:
        fields["text"] = transcript.text
    if again:
        fields["editedAt"] = ids.timestamp(int(time.time() * 1000))
    wired = _store(stores, message, fields)
    frames = (
        [] if wired is None else [delivery.status_frame(wired, "edited") if again else delivery.message_frame(wired)]
    )
    _let_go(stores, message["pk"], frames)


def _give_up(stores: Stores, message: Document, reason: str) -> None:
    frames = [delivery.status_frame(wire.message(message), "failed", detail=reason)]
    if not _is_again(stores, message["pk"]):
        wired = _store(stores, message, {"status": "untranscribed"})
        frames = [] if wired is None else [*frames, delivery.message_frame(wired)]
    _let_go(stores, message["pk"], frames)


def _is_again(stores: Stores, message_id: str) -> bool:
    """Whether the message was delivered before. Its status does not tell: a worker may have died after changing it."""
    return bool(stores.redis.sismember(channels.TRANSCRIPTIONS_AGAIN, message_id))


def _store(stores: Stores, message: Document, fields: dict[str, Any]) -> wire.Wire | None:
    """The message as it is now, None when it was deleted meanwhile."""
    fields["terms"] = search_terms.of_message(message | fields)
    changed = persistence.change(stores, message["pk"], message["senderId"], fields)
    return None if changed is None else wire.message(changed)


def _try_again(stores: Stores, message_id: str, attempt: int, retry_after: float | None) -> None:
    pause = retry_after or stores.settings.transcription_backoff * 2 ** (attempt - 1)
    moment = int((time.time() + min(pause, BACKOFF_LIMIT)) * 1000)
    stores.redis.zadd(channels.TRANSCRIPTIONS, {message_id: moment}, xx=True)


def _let_go(stores: Stores, message_id: str, frames: Iterable[delivery.Frame] = ()) -> None:
    """Tell both people, and in the same step forget that the message waits: nobody sees the one without the other."""
    with stores.redis.pipeline() as pipe:
        delivery.deliver(stores, frames, pipe)
        pipe.zrem(channels.TRANSCRIPTIONS, message_id)
        pipe.srem(channels.TRANSCRIPTIONS_AGAIN, message_id)
        pipe.hdel(channels.TRANSCRIPTION_ATTEMPTS, message_id)
        pipe.hdel(channels.TRANSCRIPTION_LANGUAGES, message_id)
        pipe.execute()
