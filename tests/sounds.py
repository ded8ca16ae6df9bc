"""Sounds made for tests of recognisers: what nobody says, and a human voice under circumstances."""

import io
import wave

import av
import numpy as np
import numpy.typing as npt

from chat.audio.decoding import RATE, speech
from tests import recordings

Samples = npt.NDArray[np.float32]


def voice(name: str = "respectable.webm") -> Samples:
    """The samples of a recording of the tests."""
    heard = b"".join(speech(recordings.spoken(name), 600))
    return np.frombuffer(heard, np.int16).astype(np.float32) / np.float32(32768)


def wav(*channels: Samples) -> bytes:
    """A file of these channels."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as opened:
        opened.setnchannels(len(channels))
        opened.setsampwidth(2)
        opened.setframerate(RATE)
        opened.writeframes((np.clip(np.stack(channels, axis=1), -1, 1) * 32767).astype(np.int16).tobytes())
    return buffer.getvalue()


def tracks(*voices: Samples) -> bytes:
    """A WebM with a track for each of these."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm") as target:
        streams = [target.add_stream("libopus", rate=48_000, layout="mono") for _ in voices]
        for stream, samples in zip(streams, voices, strict=True):
            with av.open(io.BytesIO(wav(samples))) as source:
                for frame in source.decode(audio=0):
                    target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
    return buffer.getvalue()


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.float32)


def _time(seconds: float) -> Samples:
    return np.arange(int(seconds * RATE), dtype=np.float32) / RATE


def noise(seconds: float, loudness: float = 0.2, slope: float = 0.0) -> Samples:
    """White noise, or with a slope of 0.5 pink, of 1 brown."""
    random = np.random.default_rng(7)
    spectrum = np.fft.rfft(random.standard_normal(int(seconds * RATE)))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** slope
    made = np.fft.irfft(spectrum)
    return (loudness * made / np.abs(made).max()).astype(np.float32)


def tone(seconds: float, *frequencies: float) -> Samples:
    return np.sum([0.3 * np.sin(2 * np.pi * each * _time(seconds)) for each in frequencies], axis=0).astype(np.float32)


def music(seconds: float) -> Samples:
    """Chords that are plucked twice a second, over a drum."""
    random = np.random.default_rng(7)
    parts = []
    for _ in range(int(seconds * 2)):
        root = random.choice([261.6, 293.7, 329.6, 349.2, 392.0, 440.0, 493.9])
        chord = sum(
            tone(0.5, root * step * overtone) / overtone for step in (1, 1.26, 1.5) for overtone in (1, 2, 3, 4)
        )
        beat = random.standard_normal(RATE // 2) * np.exp(-np.arange(RATE // 2) / 250)
        parts.append(chord * np.exp(-1.2 * _time(0.5)) / 2 + 0.2 * beat)
    return np.concatenate(parts).astype(np.float32)


def humming(seconds: float) -> Samples:
    """A voice that sings no words: one vowel with a vibrato."""
    pitch = 220 * (1 + 0.03 * np.sin(2 * np.pi * 5.5 * _time(seconds)))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    overtones = [np.sin(each * phase) * np.exp(-(((each * 220 - 700) / 400) ** 2)) for each in range(1, 20)]
    made = np.sum(overtones, axis=0)
    return (made / np.abs(made).max() / 2).astype(np.float32)


NOTHING_SAID = {
    "silence": silence(5),
    "hiss": noise(5, 0.001),
    "white noise": noise(5, 0.5),
    "pink noise": noise(5, 0.5, 0.5),
    "a rumble": noise(5, 0.8, 1.0),
    "a tone": tone(5, 440),
    "mains hum": tone(5, 50, 100, 150),
    "a dialling tone": tone(5, 350, 440),
    "music": music(10),
    "humming": humming(5),
    "a click": np.concatenate([silence(1), noise(0.02, 0.9), silence(1)]),
}
