"""Whisper listens while somebody speaks: each utterance is recognised at the pause that ends it, and settled.

The utterance that goes on is guessed again and again meanwhile, and what two guesses agree on of a long one is settled,
so that little is left to do when its speaker stops (`agreement.py`). A guess that heard all of an utterance is taken
for it without recognising it once more. Guessing takes at most half of the time, and ceases where Whisper is behind.

Whoever has stopped waits for the last words. So a guess under way is given up, and of an utterance only that is heard
which follows the words that the last two guesses share: else it would take the longer, the longer the utterance is.
"""

import time
from collections.abc import Callable

import numpy as np

from chat.audio.heard import Heard
from chat.voice.recognisers import agreement, utterances
from chat.voice.recognisers.hearing import Guess, Hearing, Interrupted, never
from chat.voice.recognisers.pieces import RATE, Samples, cut_in_pause, piece_of, spoken

LOOK_SECONDS = 0.25  # of new sound, after which to look for a pause
GUESS_SECONDS = 1.0  # between two guesses
FIRST_GUESS_SECONDS = 0.8  # of speech; less is no word yet
TAIL_SECONDS = 0.15  # of silence at the end of a guess, or its last word may have been cut
LONGEST = utterances.LONGEST_SECONDS * RATE


class WhisperStream:
    """See `Stream`."""

    def __init__(self, hearing: Hearing, begun: Heard) -> None:
        self._hearing = hearing
        self._settled = begun.settled
        self._taken = int(begun.settled_seconds * RATE)  # samples of the recording that are settled
        self._buffer: Samples = np.zeros(0, np.float32)
        self._looked = 0  # samples of the buffer
        self._guess: Guess | None = None
        self._sure = 0  # words at the guess's beginning that the one before it has as well
        self._guessed = 0  # samples of the buffer
        self._next_guess = self._next_look = 0.0
        self._owes_guess = False  # something was said for which it was not yet time
        self._has_settled = False  # since it was last asked what it heard

    @property
    def behind(self) -> float:
        """See `Stream`."""
        return len(self._buffer) / RATE

    def feed(self, samples: bytes) -> None:
        """See `Stream`."""
        new = np.frombuffer(samples, np.int16).astype(np.float32) / np.float32(32768)
        self._buffer = np.concatenate([self._buffer, new])

    def heard(self, is_ending: Callable[[], bool]) -> Heard | None:
        """See `Stream`."""
        if self._has_settled:
            self._has_settled = False
            return self._so_far()
        new = len(self._buffer) - self._looked
        # Whoever stopped wants all words, but looking costs too much to do it all the time.
        has_rest = (new or self._owes_guess) and time.monotonic() >= max(self._next_guess, self._next_look)
        if new < LOOK_SECONDS * RATE and not has_rest:
            return None
        self._looked = len(self._buffer)
        self._next_look = time.monotonic() + LOOK_SECONDS
        speech = spoken(self._buffer[:LONGEST])
        end = utterances.end(self._buffer, speech)
        try:
            if end is None:
                return self._so_far() if self._has_guessed(speech, is_ending) else None
            self._settle(end, speech, None, is_ending)
            return self._so_far() if speech else None
        except Interrupted:
            return None

    def settle(self) -> None:
        """See `Stream`."""
        while len(self._buffer):
            speech = spoken(self._buffer[:LONGEST])
            whole = len(self._buffer) <= LONGEST
            end = len(self._buffer) if whole else cut_in_pause(self._buffer[:LONGEST], speech)
            self._settle(end, speech, self._begun(end), never)
            self._has_settled = True

    def finish(self) -> Heard:
        """See `Stream`."""
        self.settle()
        return self._so_far()

    def _has_guessed(self, speech: list[tuple[int, int]], is_ending: Callable[[], bool]) -> bool:
        """Guesses what is said in the buffer, if it is time to. Returns whether it has."""
        is_worth_a_guess = self._is_worth_a_guess(speech)
        self._owes_guess = is_worth_a_guess and time.monotonic() < self._next_guess
        if self._owes_guess or not is_worth_a_guess:
            return False
        began, before = time.monotonic(), self._guess
        self._guess = self._hearing.guess(piece_of(self._taken, self._buffer, speech), None, is_ending)
        self._guessed = len(self._buffer)
        if before is not None:
            self._settle_agreed(before, self._guess, speech)
        now = time.monotonic()
        self._next_guess = max(began + GUESS_SECONDS, now + (now - began))
        return True

    def _is_worth_a_guess(self, speech: list[tuple[int, int]]) -> bool:
        if not speech or speech[-1][1] - speech[0][0] < FIRST_GUESS_SECONDS * RATE:
            return False
        return not self._has_guessed_until(speech[-1][1])

    def _has_guessed_until(self, end: int) -> bool:
        """Whether the guess heard everything up to `end`, in samples of the buffer."""
        return self._guess is not None and end <= self._guessed - TAIL_SECONDS * RATE

    def _begun(self, end: int) -> Guess | None:
        """The words with which the buffer's first `end` samples begin for certain."""
        if self._guess is None or not self._sure:
            return None
        begun, _ = self._guess.split(self._sure)
        return begun if begun.words[-1]["end"] <= (self._taken + end) / RATE else None

    def _settle_agreed(self, before: Guess, guess: Guess, speech: list[tuple[int, int]]) -> None:
        """Settles the beginning of a long utterance on which both guesses agree."""
        begins = self._taken / RATE
        count = agreement.agreed(before.words, guess.words)
        self._sure = agreement.sure(guess.words, count, begins + speech[-1][1] / RATE)
        seconds = [(begins + begin / RATE, begins + end / RATE) for begin, end in speech]
        cut = agreement.cut(guess.words, count, seconds)
        if cut is None:
            return
        count, at = cut
        first, self._guess = guess.split(count)
        self._sure = max(0, self._sure - count)
        self._hearing.add(first)
        self._drop(int(at * RATE) - self._taken)

    def _drop(self, end: int) -> None:
        """Drops the buffer's first `end` samples, whose words are settled."""
        self._settled = len(self._hearing.with_guess(None)[1])
        self._buffer = self._buffer[end:]
        self._taken += end
        self._looked = max(0, self._looked - end)
        self._guessed = max(0, self._guessed - end)

    def _settle(
        self, end: int, speech: list[tuple[int, int]], begun: Guess | None, is_unwanted: Callable[[], bool]
    ) -> None:
        """Settles the words of the buffer's first `end` samples, and drops those. They begin with `begun`.

        Raises Interrupted, before anything is settled, if that became unwanted.
        """
        inside = [stretch for stretch in speech if stretch[0] < end]
        if inside:
            # A guess that went beyond the end has words that belong to the next utterance.
            heard_all = self._guessed == end or (inside == speech and self._has_guessed_until(inside[-1][1]))
            if self._guess is not None and heard_all:
                self._hearing.add(self._guess)
            else:
                piece = piece_of(self._taken, self._buffer[:end], inside)
                self._hearing.add(self._hearing.guess(piece, begun, is_unwanted))
        self._drop(end)
        self._looked = self._guessed = self._sure = 0
        self._guess = None

    def _so_far(self) -> Heard:
        text, words = self._hearing.with_guess(self._guess)
        settled = self._hearing.transcript()
        return Heard(
            text=text,
            words=list(words),
            settled=self._settled,
            seconds=round((self._taken + self._guessed) / RATE, 3),
            settled_text=settled.text,
            settled_seconds=round(self._taken / RATE, 3),
            language=settled.language,
            confidence=settled.confidence,
        )
