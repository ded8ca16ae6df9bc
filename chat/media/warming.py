"""Does once, before the forks, what each child would otherwise repeat: imports, and initialising codecs."""

import io
import wave

import av.logging

from chat.media.converting import RATE, convert
from chat.media.decoding import speech
from chat.media.measuring import measure

SECONDS = 0.1
MAX_SECONDS = 1.0


def warm() -> None:
    """Measures, converts and decodes a moment of silence, and turns FFmpeg's own log off."""
    av.logging.set_level(None)
    silence, made = io.BytesIO(), io.BytesIO()
    with wave.open(silence, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(RATE)
        opened.writeframes(bytes(int(SECONDS * RATE) * 2))
    measure(silence, MAX_SECONDS)
    convert(silence, made, MAX_SECONDS)
    measure(made, MAX_SECONDS)
    for _ in speech(made, MAX_SECONDS, 0):
        pass
