"""Asking for another transcript of a voice message: either of its two people may, within limits.

What its sender wrote themselves, a caption or a correction, is not overwritten, unless that was asked for by somebody
who saw it.
"""

from collections.abc import Callable

import structlog

from chat import audio, ids, wire
from chat.errors import Conflict, Invalid, NotFound, TooMany, Unavailable
from chat.messages import storing
from chat.store import keys, limits
from chat.store.connection import Stores
from chat.voice import turns
from chat.wire import Message, StoredMessage

log = structlog.get_logger(__name__)

REQUEST_KEYS = (
    keys.TRANSCRIPTIONS,
    keys.TRANSCRIPTIONS_AGAIN,
    keys.TRANSCRIPTION_ATTEMPTS,
    keys.TRANSCRIPTION_LANGUAGES,
    keys.TRANSCRIPTION_TURNS,
    keys.TRANSCRIPTION_REVISIONS,
)
REFUSALS = {
    "message": "This recording has been transcribed again as often as one may be. Try again later.",
    "person": "You have had as many recordings transcribed again as one person may for now. Try again later.",
    "audio": "You have had as many minutes of recordings transcribed as one person may for now. Try again later.",
}


def transcribe_again(
    stores: Stores,
    person_id: str,
    message_id: str,
    language: str | None,
    nudge: Callable[[], None],
    *,
    overwrite: bool = False,
) -> Message:
    """Have a voice message transcribed anew; the result comes as `edited`. It takes the turn of the person who asks.

    Raises:
        NotFound: there is no such message of this person's conversations.
        Invalid: it is no voice message.
        Conflict: it is being transcribed, or its text is its sender's own and is not to be overwritten.
        TooMany: a limit is reached: for this message, or for this person by number or minutes.
        PyMongoError: only the archive knows how long it is, and is away.
    """
    message = _visible(stores, person_id, message_id)
    if not message["audioFileId"]:
        raise Invalid("messageId", "That is not a voice message.")
    if has_own_text(message) and not overwrite:
        raise Conflict("Its sender wrote that text; say overwrite: true to have it replaced by what is heard.")
    length_ms = int(audio.durations(stores, [message["audioFileId"]]).get(message["audioFileId"], 0) * 1_000)
    windows = _windows(stores, person_id, message_id, length_ms)
    arguments = [message_id, language or "", person_id, length_ms, message["revision"] if overwrite else ""]
    for _, window, added in windows:
        arguments += [window.most, window.seconds, added]
    script_keys = [*REQUEST_KEYS, *(window.key for _, window, _ in windows)]
    what, *details = stores.scripts.request_transcription(keys=script_keys, args=arguments)
    if what == b"busy":
        raise Conflict("That message is being transcribed.")
    if what == b"limited":
        index, seconds = map(int, details)
        raise TooMany(REFUSALS[windows[index][0]], retry_after=seconds)
    turns.note_origin(stores, message_id)
    try:
        nudge()
    except Unavailable as error:
        log.warning("transcription.not_nudged", message_id=message_id, error=str(error))  # the sweep does it
    return wire.message(message)


def has_own_text(message: StoredMessage) -> bool:
    """Whether the text of a voice message is its sender's own. Of old messages only a change since tells so."""
    known = message.get("ownText")
    return bool(message["text"]) and (bool(known) if known is not None else bool(message.get("editedAt")))


def may_replace_text(stores: Stores, message: StoredMessage) -> bool:
    """Whether a new transcript becomes the message's text.

    Not over a text that its sender wrote, unless that was asked for and they have not written another one since.
    """
    if message["status"] == "transcribing":
        return not message["text"]
    seen = stores.redis.hget(keys.TRANSCRIPTION_REVISIONS, message["_id"])
    return not has_own_text(message) or (seen is not None and int(seen) == message["revision"])


def _visible(stores: Stores, person_id: str, message_id: str) -> StoredMessage:
    message = storing.load_for_change(stores, message_id) if ids.is_id(message_id) else None
    if message is None or message.get("deletedAt") or person_id not in (message["senderId"], message["receiverId"]):
        raise NotFound("There is no such message.")
    return message


def _windows(stores: Stores, person_id: str, message_id: str, length_ms: int) -> list[tuple[str, limits.Window, int]]:
    """The limits this request counts against: which of `REFUSALS`, the window, and what it adds."""
    settings = stores.settings
    of_message = limits.windows(settings.limit_transcribe_again_message, "again", message_id)
    of_person = limits.windows(settings.limit_transcribe_again, "again", person_id)
    of_audio = limits.audio_windows(settings.limit_transcription, person_id)
    return [
        *(("message", window, 1) for window in of_message),
        *(("person", window, 1) for window in of_person),
        *(("audio", window, length_ms) for window in of_audio),
    ]
