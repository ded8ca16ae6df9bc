"""What every recogniser promises."""

from collections.abc import Callable, Sequence
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


@dataclass(frozen=True, slots=True)
class Progress:
    """The text of a recording's first `seconds`; the rest has yet to be heard."""

    text: str
    seconds: float


class TranscriptionRefused(Exception):
    """This recording will never be transcribed so; trying again is of no use. Its text may be shown to people."""


class TranscriptionUnavailable(Exception):
    """Not now: try again, after `retry_after` seconds if the recogniser named a time."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Recogniser(Protocol):
    """Any number of threads may use one at once."""

    def prepare(self) -> None:
        """Load what is needed, so that the first recording need not wait for it.

        Raises:
            TranscriptionUnavailable: it is not there; the next recording tries again.
        """
        ...

    def transcribe(
        self,
        audio: bytes,
        mimetype: str,
        language: str | None,
        hints: Sequence[str] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """The transcript of a recording.

        Args:
            audio: the file, in any container that can be uploaded.
            mimetype: its type.
            language: BCP 47; None has it detected.
            hints: languages (BCP 47) the speaker probably speaks, the likeliest first. They help the detection and
                force nothing.
            on_progress: called with what has been heard so far, while there is more, by recognisers that take a
                recording in pieces.

        Raises:
            TranscriptionRefused: for good.
            UnsupportedMedia: for good too, as there is nothing in it that can be decoded.
            Unavailable: for now too, as this machine cannot decode it.
            TranscriptionUnavailable: for now.
        """
        ...
