"""Limits on what one person may do: the settings' syntax and the keys of the counters.

A limit is a window that starts with the first count in it. Scripts count where an action is taken, so counting costs no
round trip of its own and a refused action need not count.
"""

from functools import lru_cache
from typing import NamedTuple

from limits import parse_many

from chat.store import keys

MINUTE_MS = 60_000


class Window(NamedTuple):
    """At most `max` within so many seconds, counted under `key`."""

    key: str
    max: int
    seconds: int


def windows(setting: str, action: str, whose: str, unit: int = 1) -> list[Window]:
    """Returns the windows of a limit for one person or message; the counter adds `unit` for each one of the setting."""
    return [
        Window(keys.limit_key(action, whose, seconds), amount * unit, seconds) for amount, seconds in _parsed(setting)
    ]


def audio_windows(setting: str, person_id: str) -> list[Window]:
    """Returns the windows for transcribed audio: the setting is in minutes, the counters are in milliseconds."""
    return windows(setting, "audio", person_id, MINUTE_MS)


@lru_cache(maxsize=64)
def _parsed(setting: str) -> tuple[tuple[int, int], ...]:
    """The amount and the seconds of each limit of a setting."""
    return tuple((each.amount, each.get_expiry()) for each in parse_many(setting))
