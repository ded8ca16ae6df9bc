"""The recogniser without a key: PocketSphinx, whose US English model comes with it.

It is poor beside Deepgram, and it is honest about it: its word scores say nothing of certainty, so none are
passed on. It holds the interpreter while it works; speech is cut into utterances at pauses, each of bounded
length, so that no single call does so for long.
"""

from collections.abc import Iterable, Iterator

from pocketsphinx import Decoder, Endpointer

from chat.audio.decoding import RATE, SAMPLE_BYTES, speech
from chat.voice.recognisers.protocol import Transcript, TranscriptionRefused
from chat.wire import Word
from config.settings import Settings

LANGUAGE = "en-US"
UTTERANCE_SECONDS = 20.0  # a longer one is cut even where there is no pause
FRAMES_A_SECOND = 100
PIECE_BYTES = RATE * SAMPLE_BYTES // 4  # taken in one call, which holds the interpreter
FILLERS = ("<", "[", "+")  # silence and noises, not words


class PocketSphinx:
    """Not to be used by two threads at once."""

    def __init__(self, settings: Settings) -> None:
        self._most_seconds = settings.audio_max_seconds
        self._decoder = Decoder(samprate=RATE, frate=FRAMES_A_SECOND, loglevel="FATAL")
        self._mean = self._decoder.get_cmn(False)

    def transcribe(self, audio: bytes, mimetype: str, language: str | None) -> Transcript:  # noqa: ARG002
        """See `Recogniser`. The type is told from the bytes."""
        if language is not None and not language.lower().startswith("en"):
            raise TranscriptionRefused("The local recogniser understands only English.")
        self._decoder.set_cmn(self._mean)  # it gets used to a voice, and the next recording is another's
        words: list[Word] = []
        for start, utterance in _utterances(speech(audio, self._most_seconds)):
            words += self._recognise(start, utterance)
        return Transcript(text=" ".join(word["word"] for word in words), language=LANGUAGE, words=words)

    def _recognise(self, start: float, samples: bytes) -> Iterator[Word]:
        self._decoder.start_utt()
        try:
            for at in range(0, len(samples), PIECE_BYTES):
                self._decoder.process_raw(samples[at : at + PIECE_BYTES])
        finally:
            self._decoder.end_utt()
        if self._decoder.hyp() is None:
            return
        for segment in self._decoder.seg():
            if not segment.word.startswith(FILLERS):
                yield Word(
                    word=segment.word.partition("(")[0],  # `read(2)` is another way to say `read`
                    start=round(start + segment.start_frame / FRAMES_A_SECOND, 3),
                    end=round(start + (segment.end_frame + 1) / FRAMES_A_SECOND, 3),
                    confidence=None,
                )


def _utterances(pieces: Iterable[bytes]) -> Iterator[tuple[float, bytes]]:
    """Stretches of speech: where each begins (s), and its samples."""
    endpointer = Endpointer(sample_rate=RATE)
    most = int(UTTERANCE_SECONDS * RATE) * SAMPLE_BYTES
    utterance = bytearray()
    start: float | None = None
    for frame in _frames(pieces, endpointer.frame_bytes):
        heard = _hear(endpointer, frame)
        if heard is None:
            continue
        if start is None:
            start = endpointer.speech_start
        utterance += heard
        if not endpointer.in_speech:
            yield start, bytes(utterance)
            utterance.clear()
            start = None
        elif len(utterance) >= most:
            yield start, bytes(utterance)
            start += len(utterance) / (RATE * SAMPLE_BYTES)
            utterance.clear()
    if utterance and start is not None:
        yield start, bytes(utterance)


def _hear(endpointer: Endpointer, frame: bytes) -> bytes | None:
    """The speech that a frame brings out, if any; a short frame is the last."""
    heard: bytes | None = None
    if len(frame) == endpointer.frame_bytes:
        heard = endpointer.process(frame)
    elif endpointer.in_speech:
        heard = endpointer.end_stream(frame or bytes(SAMPLE_BYTES))  # it cannot take an empty one
    return heard


def _frames(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same samples in frames of `size` bytes, the last one shorter, perhaps empty."""
    rest = b""
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % size
        for at in range(0, whole, size):
            yield rest[at : at + size]
        rest = rest[whole:]
    yield rest
