"""Reads what Deepgram says, of a file or of a stream. The SDK does not check it, so any value may be anywhere."""

import math
import re
from typing import Any

from chat.voice.recognisers.protocol import Transcript, TranscriptionUnavailable
from chat.wire import Word

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def transcript(response: Any, language: str | None) -> Transcript:
    """Returns the first alternative of the first channel; an empty transcript when there is none, as for silence.

    The SDK builds its responses without checking them, so any value may be anywhere. What is not as documented is left
    out: a word without times can be read but does not light up.

    Raises:
        TranscriptionUnavailable: the response has no transcript.
    """
    channels = field_of(field_of(response, "results"), "channels")
    if not isinstance(channels, list):
        raise TranscriptionUnavailable("The transcription service sent an unreadable response.")
    channel = channels[0] if channels else None
    alternatives = field_of(channel, "alternatives")
    if not isinstance(alternatives, list) or not alternatives:
        return Transcript("", language=language or tag_of(field_of(channel, "detected_language")))
    best = alternatives[0]
    said = field_of(best, "words")
    spoken = said if isinstance(said, list) else []
    text = text_of(field_of(best, "transcript"))
    if not text and field_of(best, "transcript") != "":
        text = " ".join(filter(None, map(spelling_of, spoken)))
        if not text:
            raise TranscriptionUnavailable("The transcription service sent an unreadable response.")
    found = [tag_of(field_of(best, "languages")), tag_of(field_of(channel, "detected_language"))]
    return Transcript(
        text=text,
        confidence=probability(field_of(best, "confidence")) if text else None,
        language=language or next(filter(None, found), None),
        words=[word for each in spoken if (word := word_of(each)) is not None],
    )


def alternative_of(channel: Any) -> Any:
    """Returns the first alternative of a channel; None if there is none."""
    alternatives = field_of(channel, "alternatives")
    return alternatives[0] if isinstance(alternatives, list) and alternatives else None


def field_of(value: Any, name: str) -> Any:
    """Returns a field of a model of the SDK, or of a dictionary that it left unparsed."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def text_of(value: Any) -> str:
    """Returns a text, joining a list of them, with lone surrogates replaced, which no store accepts."""
    if isinstance(value, list):
        value = " ".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def tag_of(value: Any) -> str | None:
    """Returns a language tag, the first of a list."""
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) and LANGUAGE_TAG.fullmatch(first) else None


def positive(value: Any) -> float | None:
    """Returns a finite number of at least 0, else None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def probability(value: Any) -> float | None:
    number = positive(value)
    return number if number is not None and number <= 1 else None


def spelling_of(word: Any) -> str:
    return text_of(field_of(word, "punctuated_word")) or text_of(field_of(word, "word"))


def word_of(word: Any) -> Word | None:
    """Returns the word with its times; None when it has none."""
    spelled, start, end = spelling_of(word), positive(field_of(word, "start")), positive(field_of(word, "end"))
    if not spelled or start is None or end is None:
        return None
    return Word(
        word=spelled,
        start=round(start, 3),
        end=round(max(start, end), 3),
        confidence=probability(field_of(word, "confidence")),
    )
