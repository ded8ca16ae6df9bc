"""Cuts loops: a model that is lost repeats the same words again and again.

People repeat themselves too. A repeated phrase is cut only where nobody can have said it: faster than anybody speaks,
or with a low confidence from the start.
"""

from collections.abc import Sequence

from chat.wire import Word

LONGEST_PHRASE = 12  # words
MAX_REPEATS = 4  # in a row that are never taken for a loop
MIN_DOUBLED = 3  # words
FASTEST = 30.0  # characters a second; a fast speaker of English reaches 20
MIN_CONFIDENCE = 0.5  # mean of the phrase's words


def without_loops(words: Sequence[Word]) -> list[Word]:
    """Returns the words with each loop reduced to its first round."""
    names = [bare(word["word"]) for word in words]
    kept: list[Word] = []
    at = 0
    while at < len(words):
        length, times = _repeated(names, at)
        if times > MAX_REPEATS and _is_loop(words[at : at + length * times], length):
            kept += words[at : at + length]
            at += length * times
        else:
            kept.append(words[at])
            at += 1
    return kept


def ends_twice(words: Sequence[str]) -> bool:
    """Whether the last words come twice in a row; few words may well be said so."""
    names = [*map(bare, words)]
    return any(names[-count:] == names[-2 * count : -count] for count in range(MIN_DOUBLED, len(names) // 2 + 1))


def bare(word: str) -> str:
    """A word without case and punctuation, to compare it."""
    return "".join(filter(str.isalnum, word)).casefold()


def _repeated(names: Sequence[str], at: int) -> tuple[int, int]:
    """Returns the length of the phrase repeated from `at` on and how often it comes; (1, 1) when none is."""
    for length in range(1, LONGEST_PHRASE + 1):
        phrase = names[at : at + length]
        times = 1
        while names[at + times * length : at + (times + 1) * length] == phrase:
            times += 1
        if times > MAX_REPEATS:
            return length, times
    return 1, 1


def _is_loop(words: Sequence[Word], length: int) -> bool:
    seconds = words[-1]["end"] - words[0]["start"]
    characters = sum(len(word["word"]) for word in words)
    confidence = sum(word["confidence"] or 0 for word in words[:length]) / length
    return characters > FASTEST * seconds or confidence < MIN_CONFIDENCE
