"""Presence in a web process: reports who has a socket here, and passes on who comes and goes anywhere.

Both ways are coalesced: what changes twice within a moment counts once, or not at all when it is as it was before. Who
leaves is reported after a while only, so that nobody flickers who comes back, or has come elsewhere. What goes out is
bounded to `PRESENCE_FRAMES_PER_SECOND` frames for all sockets together; beyond that a change waits its turn, and only
the newest state of a person is kept.
"""

import secrets
import time
from collections.abc import Sequence
from typing import NamedTuple

import gevent
import orjson
import structlog
from pymongo.errors import PyMongoError
from redis import RedisError

from chat import frames
from chat.frames import Envelope
from chat.people import presence
from chat.store.connection import Stores
from web.sockets.connection import Connection, encode
from web.sockets.hub import Hub

log = structlog.get_logger(__name__)

TICK = 0.1  # seconds that changes are collected
LEAVE_SECONDS = 1.0  # longer than a page takes to load again, or another process to report
REPORT_PAGE = 500  # people in one round trip
SENDS_A_SECOND = 2_000  # to sockets; what costs is the send, so with many sockets more frames go into each
SLICE = 50  # sockets at once; then the messages have their turn, as a thousand at once would hold them up
RETRY = 0.5  # seconds, while Redis is away
UNKNOWN_SECONDS = 5.0  # until those whom only the archive knows are reported again, while MongoDB is away


class Change(NamedTuple):
    """Somebody's new state on its way to sockets here: those of the recipients, or all if there are none."""

    online: bool
    frame: bytes
    recipients: Sequence[str]


class People:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._process = secrets.token_hex(8)
        self._unreported: dict[str, float] = {}  # person -> when that is due
        self._waiting: dict[str, Change] = {}  # by person
        self._told: set[str] = set()  # people of whom everybody concerned here was told that they are online
        self._renewed = 0.0
        self._is_sure = True  # False if nobody knows whether the lease had expired before it was last renewed
        self.hub = Hub(self._note)

    def handle(self, envelope: Envelope) -> None:
        """Somebody came or went, on whichever process, or changed their name or the like."""
        change = orjson.loads(envelope.data)
        if frames.has_news(change):
            self.hub.route(frames.USERS, envelope)
            return
        user_id, online = change["_id"], change["online"]
        here = [each for each in envelope.recipients if self.hub.contains(each)]
        waiting, told = self._waiting.pop(user_id, None), user_id in self._told
        if envelope.recipients and not here:
            self._told.discard(user_id)  # whoever of them comes here reads the state of that moment
            return
        if told if online else (waiting is not None and waiting.online and not told):
            return  # everybody knows
        self._waiting[user_id] = Change(online, encode(frames.frame(frames.USERS, envelope.data)), here)

    def report_all(self) -> None:
        """Report everybody here again, as Redis may have forgotten them; what was told before may not hold any more."""
        self._told.clear()
        self._unreported.update(dict.fromkeys(self.hub.people(), 0.0))

    def run_reports(self) -> None:
        """Report changes and renew the lease; never returns."""
        while True:
            try:
                self._renew()
                self._report()
                gevent.sleep(TICK)
            except RedisError as error:
                log.warning("presence.away", error=type(error).__name__)
                gevent.sleep(RETRY)

    def run_frames(self) -> None:
        """Send frames of presence; never returns."""
        a_second = self._stores.settings.presence_frames_per_second
        allowance, looked = 0.0, time.monotonic()
        while True:
            gevent.sleep(TICK)
            earned, looked = a_second * (time.monotonic() - looked), time.monotonic()
            allowance = min(allowance + earned, max(earned, len(self.hub)))
            if changes := self._take(allowance):
                allowance -= self._send(changes)

    def leave_soon(self, seconds: float) -> None:
        """Let the lease run out once clients have had time to come back elsewhere, so that nobody flickers."""
        presence.renew(self._stores, self._process, seconds)

    def _note(self, user_id: str) -> None:
        self._unreported[user_id] = time.monotonic() + (0.0 if self.hub.contains(user_id) else LEAVE_SECONDS)

    def _renew(self) -> None:
        now = time.monotonic()
        if now - self._renewed < self._stores.settings.presence_lease / 3 or self.hub.going:
            return
        was_sure, self._is_sure = self._is_sure, False
        if presence.renew(self._stores, self._process) or not was_sure:
            self.report_all()
        self._is_sure = True
        presence.sweep(self._stores)
        self._renewed = now

    def _report(self) -> None:
        while not self.hub.going:
            now = time.monotonic()
            page = [user_id for user_id, due in self._unreported.items() if due <= now][:REPORT_PAGE]
            if not page:
                return
            changes = {user_id: self.hub.contains(user_id) for user_id in page}
            for user_id in page:
                del self._unreported[user_id]
            try:
                presence.report(self._stores, self._process, changes)
            except RedisError:
                self._unreported = dict.fromkeys(page, now) | self._unreported
                raise
            except PyMongoError:  # Redis does not know some of them, and the archive cannot be asked
                self._unreported = dict.fromkeys(page, now + UNKNOWN_SECONDS) | self._unreported
                return  # the lease comes first

    def _take(self, allowance: float) -> list[Change]:
        """The next changes, as far as that many frames go."""
        everybody, taken = len(self.hub), []
        while self._waiting:
            user_id, change = next(iter(self._waiting.items()))
            allowance -= max(1, self.hub.count(change.recipients) if change.recipients else everybody)
            if allowance < 0:
                break
            taken.append(self._waiting.pop(user_id))
            (self._told.add if change.online else self._told.discard)(user_id)
        return taken

    def _send(self, changes: Sequence[Change]) -> int:
        """Returns the number of frames sent."""
        common = [change.frame for change in changes if not change.recipients]
        own: dict[Connection, list[bytes]] = {}
        for change in changes:
            for user_id in change.recipients:
                for connection in self.hub.of(user_id):
                    own.setdefault(connection, []).append(change.frame)
        to_all, sent = b"".join(common), 0
        connections = list(self.hub) if common else list(own)
        for start in range(0, len(connections), SLICE):
            part = connections[start : start + SLICE]
            for connection in part:
                just_here = own.get(connection, ())
                self.hub.send(connection, to_all + b"".join(just_here))
                sent += len(common) + len(just_here)
            gevent.sleep(len(part) / SENDS_A_SECOND)
        return sent
