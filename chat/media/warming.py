"""Does once, before any process is forked, what would otherwise be done in each: imports, and codecs' tables."""

import io
import wave

import av.logging

from chat.media.converting import RATE, convert
from chat.media.decoding import speech
from chat.media.measuring import measure

SECONDS = 0.1
MOST_SECONDS = 1.0


def warm() -> None:
    """Measure, convert and decode a moment of silence. What FFmpeg has to say of recordings goes nowhere."""
    av.logging.set_level(None)
    silence, made = io.BytesIO(), io.BytesIO()
    with wave.open(silence, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(RATE)
        opened.writeframes(bytes(int(SECONDS * RATE) * 2))
    measure(silence, MOST_SECONDS)
    convert(silence, made, MOST_SECONDS)
    measure(made, MOST_SECONDS)
    for _ in speech(made, MOST_SECONDS, 0):
        pass
