"""What people are told if their recording is refused."""

from chat.errors import TooLarge

NOT_AUDIO = (
    "That is no audio recording of a kind we know (webm, ogg, mp4, m4a, mp3, aac, wav, flac, amr, caf, aiff, wma)."
)
A_VIDEO = "That is a video. Only audio can be sent."
DAMAGED = "This recording is damaged and cannot be read."
TOO_MUCH = "This recording needs more memory or time to read than a real one would."
NO_ROOM = "There is no room for recordings at the moment. Try again later."
BUSY = "Too many recordings are arriving. Try again in a moment."


def too_long(max_seconds: float) -> TooLarge:
    return TooLarge(f"A recording may last at most {max_seconds:g} seconds.", code="recording_too_long")
