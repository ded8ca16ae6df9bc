"""From a recording to what was said in it: one protocol, a recogniser behind it, chosen in one place."""

from chat.voice.recognisers.protocol import (
    Progress,
    Recogniser,
    Transcript,
    TranscriptionRefused,
    TranscriptionUnavailable,
)
from config.settings import Settings

__all__ = ["Progress", "Recogniser", "Transcript", "TranscriptionRefused", "TranscriptionUnavailable", "choose"]


def choose(settings: Settings) -> Recogniser:
    """Deepgram when there is a key for it, else Whisper. Build it in the process that uses it."""
    # Imported here: a process needs only one of them, and the web needs neither.
    if settings.deepgram_wanted:
        from chat.voice.recognisers.deepgram import Deepgram

        return Deepgram(settings)
    from chat.voice.recognisers.whisper import Whisper

    return Whisper(settings)
