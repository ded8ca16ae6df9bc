"""What every recogniser promises."""

from dataclasses import dataclass, field
from typing import Protocol

from chat.wire import Word


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said; an empty text when nothing was. `language` is a BCP 47 tag."""

    text: str
    confidence: float | None = None
    language: str | None = None
    words: list[Word] = field(default_factory=list)


class TranscriptionRefused(Exception):
    """This recording will never be transcribed so; trying again is of no use. Its text may be shown to people."""


class TranscriptionUnavailable(Exception):
    """Not now: try again, after `retry_after` seconds if the recogniser named a time."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Recogniser(Protocol):
    def transcribe(self, audio: bytes, mimetype: str, language: str | None) -> Transcript:
        """The transcript of a recording, in `language` (BCP 47) or, with None, in the one it is found to be in.

        Raises:
            TranscriptionRefused: for good.
            UnsupportedMedia: for good too, as there is nothing in it that can be decoded.
            Unavailable: for now too, as this machine cannot decode it.
            TranscriptionUnavailable: for now.
        """
        ...
