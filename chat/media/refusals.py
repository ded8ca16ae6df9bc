"""What several parts refuse a recording for."""

from chat.errors import TooLarge

KINDS = "webm, ogg, mp4, m4a, mp3, aac, wav, flac, amr, caf, aiff, wma"
"""The recordings we know, as people call them."""


def too_long(max_seconds: float) -> TooLarge:
    return TooLarge("recording_too_long", seconds=max_seconds)
