"""A long utterance is settled while it goes on, as far as two guesses agree on it, and only where it may be cut."""

import pytest

from chat.voice.recognisers import agreement
from chat.voice.recognisers.hearing import Guess
from chat.voice.recognisers.languages import Detection
from chat.wire import Word

Stretches = list[tuple[float, float]]


def words(text: str, every: float = 0.5) -> list[Word]:
    return [
        Word(word=word, start=number * every, end=number * every + 0.4, confidence=0.9)
        for number, word in enumerate(text.split())
    ]


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ("The river", "the river, was high", 2),
        ("the message is", "a message is here", 0),
        ("the river was", "the river is high", 2),
        ("", "the river", 0),
        ("… the", "… the river", 2),
    ],
)
def test_words_are_agreed_on_up_to_the_first_that_differs(before: str, after: str, count: int) -> None:
    assert agreement.agreed(words(before), words(after)) == count


SPOKEN = "one two three. four five, six seven eight. nine ten"  # half a second each


@pytest.mark.parametrize(
    ("speech", "count", "expected"),
    [
        ([(0.0, 5.0)], 10, None),  # no pause
        ([(0.0, 1.45), (1.75, 5.0)], 10, (3, 1.6)),  # behind a sentence
        ([(0.0, 1.45), (1.75, 5.0)], 2, None),  # the guesses do not agree on it
        ([(0.0, 2.45), (2.75, 5.0)], 10, None),  # behind a clause
        ([(0.0, 2.45), (2.75, 9.5)], 10, (5, 2.6)),  # the same in a longer one
        ([(0.0, 1.45), (1.75, 3.95), (4.25, 5.0)], 10, (3, 1.6)),  # not in the newest speech
        ([(0.0, 1.45), (1.75, 3.95), (4.25, 8.0)], 10, (8, 4.1)),  # in the latest pause
        ([(0.0, 1.45), (1.75, 3.0)], 10, None),  # in a short one nowhere
        ([], 10, None),
    ],
)
def test_an_utterance_is_cut_in_its_latest_pause_that_is_agreed_on(
    speech: Stretches, count: int, expected: tuple[int, float] | None
) -> None:
    found = agreement.cut(words(SPOKEN), count, speech)
    assert (found and (found[0], round(found[1], 2))) == expected


def test_a_guess_is_split_between_its_words_without_losing_any_of_its_text() -> None:
    guess = Guess("Well, the “river” was high.", words("Well, the “river” was high."), Detection())
    first, rest = guess.split(3)
    assert (first.text, rest.text) == ("Well, the “river”", "was high.")
    assert first.words + rest.words == guess.words
    spaceless = Guess("川が高い。", words("川 が 高い。"), Detection())
    assert [each.text for each in spaceless.split(1)] == ["川", "が高い。"]
