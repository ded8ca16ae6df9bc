"""How many words a recogniser gets wrong.

Texts are compared as words alone: in lower case, without punctuation, hyphens as blanks, numbers up to 99 and *Mr*
spelled out. The share of words wrong is the least number of words to replace, leave out or put in, over the number of
words said.
"""

import re
import unicodedata

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SPELLED = {"mr": "mister", "mrs": "missus"}


def words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return [part for word in re.findall(r"\w+", plain) for part in _spelled(word).split()]


def _spelled(word: str) -> str:
    if not word.isascii() or not word.isdigit() or len(word) > 2:
        return _SPELLED.get(word, word)
    number = int(word)
    if number < len(_ONES):
        return _ONES[number]
    return f"{_TENS[number // 10]} {_ONES[number % 10] if number % 10 else ''}"


def wrong(said: list[str], heard: list[str]) -> int:
    """The least number of words to replace, leave out or put in, to make one of the other."""
    before = list(range(len(heard) + 1))
    for row, word in enumerate(said, 1):
        now = [row]
        for column, other in enumerate(heard, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (word != other)))
        before = now
    return before[-1]
