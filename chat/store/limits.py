"""Limits on what one person may do: the settings' syntax and the keys of the counters.

A limit is a window that starts with the first count in it. Counting costs no round trip of its own: scripts count where
an action is taken, so that a refused one need not count, and everything else is counted where the session is checked.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from limits import parse_many
from redis import Redis
from redis.client import Pipeline

from chat.store import keys

MINUTE_MS = 60_000


class Window(NamedTuple):
    """At most `max` within so many seconds, counted under `key`."""

    key: str
    max: int
    seconds: int


class Counted(NamedTuple):
    """An action that counts once in each of these windows; `code` is that of the error where one of them is full."""

    windows: list[Window]
    code: str


def count(pipe: Pipeline, windows: Sequence[Window]) -> None:
    """Counts once in each window, as part of a pipeline; `COMMANDS` of its replies are for each window."""
    for window in windows:
        pipe.incr(window.key)
        pipe.expire(window.key, window.seconds, nx=True)
        pipe.ttl(window.key)


COMMANDS = 3


def uncount(redis: Redis, windows: Sequence[Window]) -> None:
    """Takes back what `count` counted."""
    if windows:
        with redis.pipeline(transaction=False) as pipe:
            for window in windows:
                pipe.decr(window.key)
            pipe.execute()


def wait_seconds(windows: Sequence[Window], replies: Sequence[Any]) -> int:
    """Returns how long to wait if one of the windows was full, else 0; `replies` are those that `count` caused."""
    full = [replies[COMMANDS * i + 2] for i, window in enumerate(windows) if replies[COMMANDS * i] > window.max]
    return max(1, *full) if full else 0


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
