"""What one socket may send: frames, bytes and pings a second, each with some room for a burst.

A sender who exceeds them is slowed first, by not being read, which costs nothing. Only one that is far ahead of its
budget, or stays ahead of it, is taken for an abuser.
"""

from dataclasses import dataclass

BURST_SECONDS = 4.0  # of its rate that may come at once


@dataclass(frozen=True, slots=True)
class Rates:
    """How much a socket may send per second, and for how many seconds (`patience`) it may be ahead of that."""

    frames: int
    bytes: int
    pings: int
    patience: float


class Bucket:
    """A token bucket in one number, the time at which it will be full again (GCRA, ITU-T I.371)."""

    __slots__ = ("_full_at", "_seconds_each")

    def __init__(self, a_second: float) -> None:
        self._seconds_each = 1.0 / a_second
        self._full_at = 0.0

    def consume(self, amount: int, now: float) -> None:
        self._full_at = max(self._full_at, now) + amount * self._seconds_each

    def ahead(self, now: float) -> float:
        """Returns for how many seconds nothing more may be taken; 0 while there is room."""
        return max(0.0, self._full_at - now - BURST_SECONDS)


class Budget:
    """The three buckets of one socket. `now` is in seconds, always of the same clock."""

    __slots__ = ("_ahead_since", "_buckets", "_bytes", "_frames", "_patience", "_pings")

    def __init__(self, rates: Rates) -> None:
        self._frames = Bucket(rates.frames)
        self._bytes = Bucket(rates.bytes)
        self._pings = Bucket(rates.pings)
        self._buckets = (self._frames, self._bytes, self._pings)
        self._patience = rates.patience
        self._ahead_since: float | None = None

    def read(self, length: int, now: float) -> None:
        self._bytes.consume(length, now)

    def frame(self, now: float) -> None:
        """A text or binary frame, or one that continues it."""
        self._frames.consume(1, now)

    def ping(self, now: float) -> None:
        """A ping or a pong."""
        self._pings.consume(1, now)

    def ahead(self, now: float) -> float:
        """Returns for how many seconds nothing should be read; 0 while the budget lasts."""
        return max(bucket.ahead(now) for bucket in self._buckets)

    def is_abused(self, now: float) -> bool:
        """Returns whether the sender is too far ahead, or has been ahead for too long. To be called after each read."""
        ahead = self.ahead(now)
        if not ahead:
            self._ahead_since = None
            return False
        if self._ahead_since is None:
            self._ahead_since = now
        return ahead > self._patience or now - self._ahead_since > self._patience
