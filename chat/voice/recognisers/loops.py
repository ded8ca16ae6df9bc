"""Cuts loops: a model that has lost its way says the same words again and again."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

LONGEST_PHRASE = 12  # words
MOST_REPEATS = 4  # people say a word so often on end; what comes oftener is a loop, of which one is kept


def without_loops(items: Sequence[Item], names: Sequence[str]) -> list[Item]:
    """The items, but of each phrase that is repeated more than `MOST_REPEATS` times on end only the first.

    Args:
        items: whatever the phrases consist of.
        names: what each item is compared by.
    """
    kept: list[Item] = []
    at = 0
    while at < len(items):
        length, times = _loop(names, at)
        kept += items[at : at + length]
        at += length * times
    return kept


def _loop(names: Sequence[str], at: int) -> tuple[int, int]:
    """How long the phrase that is repeated from there on is, and how often it comes; 1 and 1 when there is none."""
    for length in range(1, LONGEST_PHRASE + 1):
        phrase = names[at : at + length]
        times = 1
        while names[at + times * length : at + (times + 1) * length] == phrase and len(phrase) == length:
            times += 1
        if times > MOST_REPEATS:
            return length, times
    return 1, 1
