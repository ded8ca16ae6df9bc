"""What every recogniser offers: to transcribe a recording that is there, and to listen to one that is being made."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from chat.audio.heard import Heard
from chat.wire import Word


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording and what is known about its language.

    `audio` is the file, in any container that can be uploaded, and `mimetype` its media type. `language` is BCP 47;
    None detects it. `hints` are the languages (BCP 47) the speaker probably speaks, likeliest first; they only help the
    detection.
    """

    audio: bytes
    mimetype: str
    language: str | None = None
    hints: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said; an empty text when nothing was. `language` is a BCP 47 tag."""

    text: str
    confidence: float | None = None
    language: str | None = None
    words: list[Word] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Progress:
    """The text of a recording's first `seconds`; the rest is still to be transcribed."""

    text: str
    seconds: float


Report = Callable[[Progress], None]


class TranscriptionRefused(Exception):
    """This recording cannot be transcribed like this, and trying again is useless. Its text may be shown to people."""

    code = "transcription_refused"  # says so to programs, such as the page, which says it in its reader's language


class LanguageNotKnown(TranscriptionRefused):
    """The recogniser does not transcribe this language."""

    code = "language_not_known"


class TranscriptionUnavailable(Exception):
    """The recogniser cannot be used now. Try again, after `retry_after` seconds if it named a time."""

    code = "transcription_unavailable"

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Stream(Protocol):
    """Listens to one recording while it is made. One thread uses it.

    Every method may raise TranscriptionUnavailable: it cannot go on.
    """

    @property
    def behind(self) -> float:
        """Seconds of what it was given that it has not dealt with. Do not feed it while they are many."""
        ...

    def feed(self, samples: bytes) -> None:
        """Takes the next samples: mono, signed 16 bit, 16,000 a second."""
        ...

    def heard(self, is_ending: Callable[[], bool]) -> Heard | None:
        """Returns what has been heard so far, None if that is as before.

        Call it often: it may do the hearing itself, and then takes as long as that.

        Args:
            is_ending: asked, perhaps often, whether the speaker has stopped. Then it gives up what would only guess at
                the newest words, since `settle` or `finish` is waiting.
        """
        ...

    def settle(self) -> None:
        """Says that its speaker has stopped, perhaps to go on later: `heard` will have all words settled soon."""
        ...

    def finish(self) -> Heard:
        """Says that there will be no more samples. Returns all that was heard, settled."""
        ...


class Recogniser(Protocol):
    """Any number of threads may use one at once."""

    def prepare(self) -> None:
        """Loads what is needed, so that the first recording does not wait for it.

        Raises:
            TranscriptionUnavailable: it cannot be loaded; the next recording tries again.
        """
        ...

    def transcribe(self, recording: Recording, on_progress: Report | None = None) -> Transcript:
        """Returns the transcript of a recording.

        Args:
            recording: what to transcribe.
            on_progress: called with the text so far, while there is more, by recognisers that work in pieces.

        Raises:
            TranscriptionRefused: for good, for instance because of the language.
            UnsupportedMedia: for good; nothing in it can be decoded.
            Unavailable: for now; this machine cannot decode it.
            TranscriptionUnavailable: for now; the recogniser cannot be used.
        """
        ...

    def listen(self, language: str | None, hints: Sequence[str], begun: Heard) -> AbstractContextManager[Stream]:
        """Listens to a recording that is being made; leaving the block stops that.

        Args:
            language, hints: as in `Recording`.
            begun: what an earlier stream has settled of it. The samples begin behind that, at `begun.settled_seconds`.

        Raises:
            TranscriptionRefused: not to this one, for instance because of the language.
            TranscriptionUnavailable: not now; the recogniser cannot be used.
        """
        ...
