"""Which words of a long utterance can be settled while it goes on: those on which two guesses in a row agree.

Whoever stops speaking waits until the words that are not settled are recognised once more, which takes the longer the
more they are. So an utterance is cut in its pauses as it grows. Its newest words are left, since what follows may still
change them; Macháček, Dabre and Bojar call this local agreement (2023, https://arxiv.org/abs/2307.14743).
"""

from collections.abc import Sequence
from itertools import pairwise

from chat.voice.recognisers.loops import bare
from chat.wire import Word

LONG_SECONDS = 4.0  # of speech; less is left as it is, for Whisper is surer of much than of little
LONGER_SECONDS = 9.0  # of speech; in more, any pause will do, not only one behind a sentence
NEWEST_SECONDS = 1.2  # of speech at the end that are left
SENTENCE_ENDS = tuple(".!?…。！？؟।")


def agreed(before: Sequence[Word], after: Sequence[Word]) -> int:
    """How many words two guesses have in common, from the first on. Case and punctuation may differ."""
    count = 0
    for one, other in zip(before, after, strict=False):
        if bare(one["word"]) != bare(other["word"]):
            break
        count += 1
    return count


def sure(words: Sequence[Word], count: int, end: float) -> int:
    """How many of the first `count` words, on which two guesses agree, what follows will hardly change.

    `end` is where the speech ended that was heard, in seconds of the recording, like the words' times.
    """
    return sum(word["end"] <= end - NEWEST_SECONDS for word in words[:count])


def cut(words: Sequence[Word], count: int, speech: Sequence[tuple[float, float]]) -> tuple[int, float] | None:
    """Where to cut an utterance that goes on, in its latest pause: behind how many words, and at which second.

    Args:
        words: of the newest guess.
        count: how many of them are agreed on.
        speech: where somebody speaks, as (begin, end) in seconds of the recording, like the words' times.
    """
    if not speech or speech[-1][1] - speech[0][0] < LONG_SECONDS:
        return None
    is_longer = speech[-1][1] - speech[0][0] >= LONGER_SECONDS
    for (_, ends), (begins, _) in reversed(list(pairwise(speech))):
        at = (ends + begins) / 2
        before = sum((word["start"] + word["end"]) / 2 < at for word in words)
        is_sentence = before > 0 and words[before - 1]["word"].rstrip("\"'”’»").endswith(SENTENCE_ENDS)
        if 0 < before <= count and at <= speech[-1][1] - NEWEST_SECONDS and (is_sentence or is_longer):
            return before, at
    return None
