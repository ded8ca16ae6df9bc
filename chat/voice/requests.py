"""Requests to transcribe a voice message again: either of its two people may make them, within limits.

A text that the sender wrote themselves, a caption or a correction, is overwritten only if the request says so, and only
if it has not changed since.
"""

from collections.abc import Callable, Sequence

import structlog

from chat import ids, wire
from chat.errors import Conflict, Invalid, NotFound, TooMany, Unavailable
from chat.messages import hinting, storing
from chat.store import keys, limits
from chat.store.connection import Stores
from chat.store.limits import Charge
from chat.voice import turns
from chat.wire import Message, StoredMessage

log = structlog.get_logger(__name__)

REQUEST_KEYS = (
    keys.TRANSCRIPTIONS,
    keys.RETRANSCRIPTIONS,
    keys.TRANSCRIPTION_ATTEMPTS,
    keys.TRANSCRIPTION_LANGUAGES,
    keys.TRANSCRIPTION_TURNS,
    keys.TRANSCRIPTION_REVISIONS,
    keys.TRANSCRIPTION_TOLD,
    keys.TRANSCRIPTION_CRASHES,
    keys.TRANSCRIPTION_RUNNING,
)
REFUSALS = {
    "message": "transcribed_too_often",
    "person": "too_many_transcribed_again",
    "audio": "too_much_audio_again",
}


def transcribe_again(
    stores: Stores,
    person_id: str,
    message_id: str,
    language: str | None,
    nudge: Callable[[], None],
    *,
    overwrite: bool = False,
    hints: Sequence[str] = (),
) -> Message:
    """Has a voice message transcribed again; the result is delivered as an `edited` frame. It takes this person's turn.

    Without a `language` that is detected, with the help of `hints` (both BCP 47).

    Raises:
        NotFound: this person has no conversation with such a message.
        Invalid: it is not a voice message.
        Conflict: it is already being transcribed, or its text is the sender's own and `overwrite` is False.
        TooMany: a limit is reached, of this message or of this person.
        PyMongoError: only MongoDB knows how long it is, and is unavailable.
    """
    message = _visible(stores, person_id, message_id)
    if not message["audioFileId"]:
        raise Invalid("messageId", "not_a_voice_message")
    if has_own_text(message) and not overwrite:
        raise Conflict(
            "text_is_senders_own",
        )
    length_ms = int(turns.seconds(stores, [message])[message_id] * 1_000)
    charged = _charge(stores, person_id, message_id, length_ms)
    arguments = [message_id, language or "", person_id, length_ms, message["revision"] if overwrite else ""]
    if not stores.scripts.request_transcription(keys=REQUEST_KEYS, args=arguments):
        _uncharge(stores, charged)
        raise Conflict("being_transcribed")
    hinting.keep(stores, {message_id: hints})
    turns.note_origin(stores, message_id)
    try:
        nudge()
    except Unavailable as error:
        log.warning("transcription.not_nudged", message_id=message_id, error=str(error))  # the sweep will
    return wire.message(message)


def has_own_text(message: StoredMessage) -> bool:
    """Whether the text of a voice message is the sender's own. For old messages, whether it was edited decides."""
    known = message.get("ownText")
    return bool(message["text"]) and (bool(known) if known is not None else bool(message.get("editedAt")))


def may_replace_text(stores: Stores, message: StoredMessage) -> bool:
    """Whether a new transcript becomes the message's text.

    It replaces a text of the sender's own only if that was requested and the message has not changed since.
    """
    if message["status"] == "transcribing":
        return not message["text"]
    seen = stores.redis.hget(keys.TRANSCRIPTION_REVISIONS, message["_id"])
    return not has_own_text(message) or (seen is not None and int(seen) == message["revision"])


def _visible(stores: Stores, person_id: str, message_id: str) -> StoredMessage:
    message = storing.load_for_change(stores, message_id) if ids.is_id(message_id) else None
    if message is None or message.get("deletedAt") or person_id not in (message["senderId"], message["receiverId"]):
        raise NotFound("no_such_message")
    return message


def _charge(stores: Stores, person_id: str, message_id: str, length_ms: int) -> list[Charge]:
    """Counts a request against the limits of the message, then against those of the person. Returns what was counted.

    Raises:
        TooMany: a limit is reached; nothing was counted.
    """
    settings = stores.settings
    of_message = limits.windows(settings.limit_transcribe_again_message, "again", message_id)
    of_person = limits.windows(settings.limit_transcribe_again, "again", person_id)
    of_audio = limits.audio_windows(settings.limit_transcription, person_id)
    steps = (
        [("message", Charge(window, 1)) for window in of_message],
        [("person", Charge(each, 1)) for each in of_person] + [("audio", Charge(each, length_ms)) for each in of_audio],
    )
    charged: list[Charge] = []
    for step in steps:
        charges = [charge for _, charge in step]
        if full := limits.charge(stores.scripts.charge, charges):
            _uncharge(stores, charged)
            raise TooMany("too_many_transcriptions", retry_after=full.seconds, sentence=REFUSALS[step[full.place][0]])
        charged += charges
    return charged


def _uncharge(stores: Stores, charged: Sequence[Charge]) -> None:
    for charge in charged:  # one by one: they are of a message and of a person
        limits.uncount(stores.scripts.uncount, [charge])
