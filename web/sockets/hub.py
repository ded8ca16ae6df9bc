"""Who is connected to this process, and which frames go to whom.

The cost of a frame grows with its recipients here, not with everybody connected: it is encoded once and queued for
the sockets of the people it concerns.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Self

import orjson
import structlog

from chat import frames, tracing
from chat.frames import Envelope
from chat.messages.delivery import CLOCKS_APART
from web.sockets.connection import GOING, REFUSED, Connection, encode

log = structlog.get_logger(__name__)

ENDINGS_KEPT = 100  # a socket whose token was looked at just before it ended comes in just after


class Ending(NamedTuple):
    """Sessions that have ended: that of one token, or all of those issued until a moment (Unix, ms) but one."""

    user_id: str
    token_id: str | None
    before: int = 0
    kept: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads what `chat.people.sessions` announces. Raises KeyError, TypeError or ValueError if it is none."""
        found = orjson.loads(data)
        if "tokenId" in found:
            return cls(found["userId"], found["tokenId"])
        return cls(found["userId"], None, int(found["before"]), found["except"])

    def includes(self, connection: Connection) -> bool:
        if self.user_id != connection.user_id:
            return False
        if self.token_id is not None:
            return connection.token_id == self.token_id
        return connection.issued_ms <= self.before and connection.token_id != self.kept


class Hub:
    """`changed` is told whose first socket came or whose last one went."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._people: dict[str, set[Connection]] = {}
        self._changed = changed
        self._endings: deque[Ending] = deque(maxlen=ENDINGS_KEPT)
        self.shut = False  # to sockets that come: this process is about to go
        self.going = False
        self.newest = 0  # position of the newest frame that came through Redis, for anybody
        self._positions: dict[str, int] = {}  # of the newest one for each person here
        self._clock: tuple[int, float] | None = None  # Redis's (µs), and ours (s) at the same time
        self.frames = 0

    def __len__(self) -> int:
        return sum(map(len, self._people.values()))

    def __iter__(self) -> Iterator[Connection]:
        return iter([connection for own in self._people.values() for connection in own])

    def people(self) -> list[str]:
        return list(self._people)

    def of(self, user_id: str) -> list[Connection]:
        """Somebody's sockets here."""
        return list(self._people.get(user_id, ()))

    def position(self, user_id: str) -> int:
        """The position up to which somebody's sockets here have what was delivered to them."""
        return self._positions.get(user_id, self.newest)

    def set_clock(self, now: int) -> None:
        """Tells what position a frame delivered now would have."""
        self._clock = now, time.monotonic()

    def present(self) -> int:
        """The position of the newest frame, or Redis's time where that is earlier.

        After a clock has gone back, the positions of some people are in the future, and those of others are not.
        """
        if self._clock is None:
            return self.newest
        then, began = self._clock
        return min(self.newest, then + int((time.monotonic() - began) * 1_000_000))

    def caught_up(self, user_id: str, position: int) -> None:
        """From now on somebody's sockets here have what was delivered to them up to that position."""
        if user_id in self._positions:
            self._positions[user_id] = position

    def count(self, people: Iterable[str]) -> int:
        """How many sockets these people have here."""
        return sum(len(self._people.get(user_id, ())) for user_id in people)

    def contains(self, user_id: str) -> bool:
        """Whether somebody has a socket here."""
        return user_id in self._people

    def add(self, connection: Connection) -> None:
        """From now on this socket gets what concerns its person."""
        own = self._people.setdefault(connection.user_id, set())
        own.add(connection)
        if len(own) == 1:
            self._positions[connection.user_id] = self.present() - CLOCKS_APART
            self._changed(connection.user_id)
        if self.shut:
            connection.end(GOING, "restarting")
        elif any(ending.includes(connection) for ending in self._endings):
            connection.end(REFUSED, "token revoked")

    def remove(self, connection: Connection) -> None:
        own = self._people.get(connection.user_id, set())
        own.discard(connection)
        if not own and self._people.pop(connection.user_id, None) is not None:
            self._positions.pop(connection.user_id, None)
            self._changed(connection.user_id)

    def route(self, channel: str, envelope: Envelope) -> None:
        """Pass a frame to the sockets of its recipients."""
        self.note(envelope)
        encoded, began = b"", time.time_ns()
        for user_id in envelope.recipients:
            for connection in self.of(user_id):
                if channel in frames.DROPPED and connection.is_slow:
                    continue
                encoded = encoded or encode(frames.frame(channel, envelope.data))
                self.give(connection, encoded, envelope.position)
        if encoded:
            tracing.record("frame", envelope.request_id, began)
            log.debug("frame.passed", channel=channel, request_id=envelope.request_id)

    def note(self, envelope: Envelope) -> None:
        """Notes the position of a frame that is passed on."""
        self.newest = max(self.newest, envelope.position)
        for user_id in envelope.recipients:
            if envelope.position > self._positions.get(user_id, envelope.position):
                self._positions[user_id] = envelope.position

    def give(self, connection: Connection, encoded: bytes, position: int) -> None:
        """One frame to one socket; while that resumes, the frame waits for what came before it."""
        if connection.held is None:
            self.frames += connection.push(encoded)
        else:
            connection.held.add(position, encoded)

    def send(self, connection: Connection, encoded: bytes) -> None:
        """One or more frames to one socket, at once."""
        self.frames += connection.push(encoded)

    def end_sessions(self, data: bytes) -> None:
        """Close the sockets whose tokens hold no longer; `data` is an envelope's, see `Ending.parse`."""
        ending = Ending.parse(data)
        self._endings.append(ending)
        for connection in self.of(ending.user_id):
            if ending.includes(connection):
                connection.end(REFUSED, "token revoked")

    def end_all(self) -> None:
        """Tell every socket, and any that still comes, that this process goes and they shall come back."""
        self.shut = self.going = True
        for connection in self:
            connection.end(GOING, "restarting")
