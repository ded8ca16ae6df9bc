"""From a recording to what was said in it: one protocol, a recogniser behind it, chosen in one place."""

import os

from chat.voice.recognisers.protocol import (
    Progress,
    Recogniser,
    Recording,
    Report,
    Stream,
    Transcript,
    TranscriptionRefused,
    TranscriptionUnavailable,
)
from config.settings import Settings

# Both report to their makers unless told not to, before they are imported. onnxruntime, which runs the speech detector,
# sends even the first report otherwise, and leaves an identifier of the machine in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

__all__ = [
    "Progress",
    "Recogniser",
    "Recording",
    "Report",
    "Stream",
    "Transcript",
    "TranscriptionRefused",
    "TranscriptionUnavailable",
    "choose",
]


def choose(settings: Settings) -> Recogniser:
    """Deepgram when there is a key for it, else Whisper. Build it in the process that uses it."""
    # Imported here: a process needs only one of them, and the web needs neither.
    if settings.deepgram_wanted:
        from chat.voice.recognisers.deepgram import Deepgram

        return Deepgram(settings)
    from chat.voice.recognisers.whisper import Whisper

    return Whisper(settings)
