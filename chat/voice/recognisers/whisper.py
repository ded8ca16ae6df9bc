"""The recogniser without a key: OpenAI's Whisper, run by faster-whisper on this machine's processor.

A recording is transcribed in pieces of at most 30 s, cut at its pauses, so that memory stays flat and the first words
appear before the last are known.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chat.audio import decoding
from chat.audio.heard import Heard
from chat.voice.recognisers.protocol import (
    Progress,
    Recording,
    Report,
    Stream,
    Transcript,
    TranscriptionUnavailable,
)
from chat.voice.recognisers.whisper_model import Models
from config.settings import Settings

if TYPE_CHECKING:
    from chat.voice.recognisers.pieces import Piece

TIME_FACTOR, TIME_SLACK = 6.0, 60.0  # an attempt may take this many times the speech so far, plus this many seconds


class Whisper:
    def __init__(self, settings: Settings) -> None:
        self._max_seconds = settings.audio_max_seconds
        self._models = Models(settings.whisper_model, settings.speech_threads, settings.recordings_together)

    def prepare(self) -> None:
        """See `Recogniser`."""
        self._models.get()
        from chat.voice.recognisers.pieces import MOMENT, spoken

        spoken(MOMENT)  # loads the speech detector

    def transcribe(self, recording: Recording, on_progress: Report | None = None) -> Transcript:
        """See `Recogniser`."""
        model = self._models.get()
        from chat.voice.recognisers.hearing import Hearing  # its packages are installed if there is a model

        hearing = Hearing(model, recording.language, recording.hints)
        began = time.monotonic()
        heard = 0.0
        for piece in self._pieces(recording.audio, self._track(recording.audio)):
            if heard and on_progress is not None:
                on_progress(Progress(hearing.text, round(heard, 3)))
            hearing.hear(piece)
            heard = piece.end
            if time.monotonic() - began > TIME_SLACK + TIME_FACTOR * heard:
                raise TranscriptionUnavailable("Transcribing took too long; the machine is busy.")
        return hearing.transcript()

    @contextmanager
    def listen(self, language: str | None, hints: Sequence[str], begun: Heard) -> Iterator[Stream]:
        """See `Recogniser`."""
        model = self._models.get()
        from chat.voice.recognisers.hearing import Hearing
        from chat.voice.recognisers.whisper_stream import WhisperStream

        likely = [begun.language, *hints] if begun.language else hints
        yield WhisperStream(Hearing(model, language, likely, begun), begun)

    def _track(self, audio: bytes) -> int:
        """Returns the track with the most speech; a screen recording has the computer's sound on another."""
        count = decoding.tracks(audio)
        if count < 2:
            return 0
        return max(range(count), key=lambda track: sum(piece.seconds for piece in self._pieces(audio, track)))

    def _pieces(self, audio: bytes, track: int) -> "Iterator[Piece]":
        from chat.voice.recognisers.pieces import pieces

        return pieces(decoding.speech(audio, self._max_seconds, track))
