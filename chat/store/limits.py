"""How much one person may do in a time: limits as the settings write them, and the keys they are counted under.

A limit is a window that begins with the first count and ends with it. Scripts count where an action is taken, so that
counting costs no round trip of its own and a refused action need not count.
"""

from functools import lru_cache
from typing import NamedTuple

from limits import parse_many

from chat.store import keys

MINUTE_MS = 60_000


class Window(NamedTuple):
    """At most so much within so many seconds, counted under that key."""

    key: str
    most: int
    seconds: int


@lru_cache(maxsize=64)
def parsed(limits: str) -> tuple[tuple[int, int], ...]:
    """How much, and the seconds in which there may be so much, for each limit of a setting."""
    return tuple((each.amount, each.get_expiry()) for each in parse_many(limits))


def windows(limits: str, what: str, whose: str, unit: int = 1) -> list[Window]:
    """The windows of a setting for one person or message; `unit` is what one of the setting counts as."""
    return [Window(keys.limit_key(what, whose, seconds), most * unit, seconds) for most, seconds in parsed(limits)]


def audio_windows(limits: str, person: str) -> list[Window]:
    """Those of the audio a person has transcribed: the setting counts minutes, the counters milliseconds."""
    return windows(limits, "audio", person, MINUTE_MS)
