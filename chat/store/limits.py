"""Limits on what one person may do: the settings' syntax and the keys of the counters.

A limit is a window that starts with the first count in it. Counting costs no round trip of its own where something is
frequent: it happens where the session is checked.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from limits import parse_many
from redis.client import Pipeline
from redis.commands.core import Script

from chat.store import keys

MINUTE_MS = 60_000
MARK_SECONDS = 86_400


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


class Charge(NamedTuple):
    """What is to be counted in a window at once."""

    window: Window
    added: int


class Full(NamedTuple):
    """The window that is full, by its place among the charges, and how long to wait."""

    place: int
    seconds: int


def charge(script: Script, charges: Sequence[Charge], mark: str | None = None) -> Full | None:
    """Counts in all these windows of one person or message, or in none where one of them is full; returns that one.

    `script` is `charge.lua`. With a `mark`, a second call within a day counts nothing.
    """
    if not charges:
        return None
    arguments: list[str | int] = ["" if mark is None else MARK_SECONDS]
    arguments += [part for (_, *limit), added in charges for part in (*limit, added)]
    script_keys = [each.window.key for each in charges]
    found = script(keys=script_keys if mark is None else [*script_keys, mark], args=arguments)
    return Full(*map(int, found)) if found else None


def uncount(script: Script, charges: Sequence[Charge], mark: str | None = None) -> None:
    """Takes back what was counted in windows of one person or message, unless they have ended since.

    `script` is `uncount.lua`. With the `mark` that it was counted under, a second call takes nothing back.
    """
    if charges:
        script_keys = [each.window.key for each in charges]
        script(keys=script_keys if mark is None else [*script_keys, mark], args=[each.added for each in charges])


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
