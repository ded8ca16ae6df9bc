"""Cuts a recording at its pauses into pieces short enough for Whisper, and leaves out where nobody speaks.

Only one piece is in memory at a time, however long the recording. Silero's detector (in faster-whisper) tells speech
from silence, noise and most music.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from faster_whisper.vad import VadOptions, get_speech_timestamps

Samples = npt.NDArray[np.float32]  # between -1 and 1

RATE = 16_000  # samples a second
PIECE_SECONDS = 30  # the longest Whisper takes at a time
MIN_SECONDS = 12  # of a piece that is not the last; Whisper needs as long for a short one as for a long one
KEPT_SECONDS = 0.4  # of silence kept around speech, since the detector is late and misses soft sounds
LONGEST_PAUSE = 1.6  # seconds; the middle of a longer one is left out, since Whisper invents words in silence
_QUIETEST_OF = RATE // 10  # samples; without a pause, the cut is in the quietest tenth of a second
_SEARCHED = 5 * RATE  # samples at the end of a piece in which to look for it
MOMENT = np.zeros(RATE // 10, np.float32)  # of silence
_DETECTOR = VadOptions(threshold=0.5, min_speech_duration_ms=90, min_silence_duration_ms=250, speech_pad_ms=30)


@dataclass(frozen=True, slots=True)
class Piece:
    """The speech in a stretch of a recording."""

    start: float  # seconds, in the recording
    end: float
    samples: Samples  # stretches of speech, one after another
    stretches: list[tuple[int, int]] = field(
        default_factory=list
    )  # where each begins and ends, in samples from `start`

    @property
    def seconds(self) -> float:
        """The length of `samples`."""
        return len(self.samples) / RATE

    def time(self, heard: float) -> float:
        """Converts a time in `samples` to the time in the recording, both in seconds."""
        left = heard * RATE
        for begins, ends in self.stretches:
            if left <= ends - begins:
                return self.start + (begins + left) / RATE
            left -= ends - begins
        return self.end

    def behind(self, second: float) -> "Piece":
        """Returns what is spoken from that second of the recording on, as a piece with the same start and end."""
        first, rest = max(0, round((second - self.start) * RATE)), []
        taken = skipped = 0
        for begins, ends in self.stretches:
            if ends > first:
                rest.append((max(begins, first), ends))
                skipped += max(0, first - begins)
            else:
                skipped += ends - begins
            taken += ends - begins
        return Piece(self.start, self.end, self.samples[skipped:taken], rest)


def pieces(blocks: Iterable[bytes]) -> Iterator[Piece]:
    """Yields the pieces of a recording in which somebody speaks, in order.

    Args:
        blocks: its samples, 16-bit, mono, at `RATE`.
    """
    longest_piece = PIECE_SECONDS * RATE
    rest: list[Samples] = []
    held = taken = 0
    for block in blocks:
        samples = np.frombuffer(block, np.int16).astype(np.float32) / np.float32(32768)
        rest.append(samples)
        held += len(samples)
        while held >= longest_piece:
            buffer = np.concatenate(rest)
            speech = spoken(buffer[:longest_piece])
            cut = cut_in_pause(buffer[:longest_piece], speech)
            if speech:
                yield piece_of(taken, buffer[:cut], speech)
            rest, held, taken = [buffer[cut:]], len(buffer) - cut, taken + cut
    if held:
        buffer = np.concatenate(rest)
        if speech := spoken(buffer):
            yield piece_of(taken, buffer, speech)


def spoken(samples: Samples) -> list[tuple[int, int]]:
    """Returns where somebody speaks, as (begin, end) in samples."""
    return [(each["start"], each["end"]) for each in get_speech_timestamps(samples, _DETECTOR)]


def spoken_seconds(samples: Samples) -> float:
    """Returns for how many seconds somebody speaks."""
    return sum(end - begin for begin, end in spoken(samples)) / RATE if len(samples) else 0.0


def cut_in_pause(buffer: Samples, speech: list[tuple[int, int]]) -> int:
    """Returns where to end a piece, in samples: in its longest late pause, else where it is quietest."""
    kept = int(KEPT_SECONDS * RATE)
    if not speech:
        return len(buffer) - kept  # a word may just be beginning
    ends = [end for _, end in speech]
    begins = [begin for begin, _ in speech[1:]] + [len(buffer)]
    pauses = [(begin - end, end) for end, begin in zip(ends, begins, strict=True) if begin > end >= MIN_SECONDS * RATE]
    if len(buffer) - ends[-1] > 2 * kept:  # silence at the end
        return max(ends[-1] + kept, len(buffer) - kept)
    if pauses:
        length, end = max(pauses)
        return end + length // 2
    late = np.square(buffer[-_SEARCHED:]).reshape(-1, _QUIETEST_OF).sum(axis=1)
    return len(buffer) - _SEARCHED + int(late.argmin()) * _QUIETEST_OF + _QUIETEST_OF // 2


def piece_of(taken: int, buffer: Samples, speech: list[tuple[int, int]]) -> Piece:
    """Returns the speech in a buffer that begins behind `taken` samples of the recording."""
    kept, longest = int(KEPT_SECONDS * RATE), int(LONGEST_PAUSE * RATE)
    stretches: list[tuple[int, int]] = []
    for begin, end in speech:
        if begin >= len(buffer):
            break  # it belongs to the next piece
        stretch = max(0, begin - kept), min(len(buffer), end + kept)
        if stretches and stretch[0] - stretches[-1][1] < longest - 2 * kept:
            stretches[-1] = stretches[-1][0], stretch[1]
        else:
            stretches.append(stretch)
    heard = np.concatenate([buffer[begin:end] for begin, end in stretches])
    return Piece(taken / RATE, (taken + len(buffer)) / RATE, heard, stretches)
