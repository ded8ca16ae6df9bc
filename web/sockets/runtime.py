"""What runs beside the requests of a web process for its sockets, and how that ends."""

import time
from collections.abc import Callable
from contextlib import suppress

import gevent
import structlog
from redis import RedisError

from chat.store.connection import Stores
from web.clients import PerAddress
from web.sockets.connection import GOODBYE_SECONDS, REFUSED
from web.sockets.people import People
from web.sockets.subscriber import Subscriber

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0  # between two looks for tokens that expired and sockets that fell silent
PING_AFTER = 40.0  # seconds without a word from a client
DEAD_AFTER = 80.0
RETURN_SECONDS = 10.0  # clients of a stopped process have to come back elsewhere before they count as offline


class Sockets:
    def __init__(self, stores: Stores) -> None:
        self._people = People(stores)
        self.hub = self._people.hub
        self.subscriber = Subscriber(stores, self.hub, self._people)
        self.ignored = 0  # texts nobody understood
        self.by_address = PerAddress(stores.settings.sockets_per_address)
        self.unproven = 0  # sockets that have not said whose they are

    def start(self) -> None:
        """Begin to serve; called once a process, after its fork."""
        for run in (self.subscriber.run, self._people.run_reports, self._people.run_frames, self._watch):
            gevent.spawn(_for_ever, run)

    def stop(self) -> None:
        """Close every socket with 1012 and let nobody else in; answers once they have gone, or had their time."""
        self.hub.end_all()
        with suppress(RedisError):
            self._people.leave_soon(RETURN_SECONDS)
        until = time.monotonic() + GOODBYE_SECONDS
        while len(self.hub) and time.monotonic() < until:
            gevent.sleep(0.05)
        for connection in self.hub:
            connection.cut()

    def _watch(self) -> None:
        """Close sockets whose token has expired; ask silent ones whether they live, and drop those that do not."""
        while True:
            gevent.sleep(LOOK_SECONDS)
            now, clock = time.time(), gevent.get_hub().loop.now()
            for connection in self.hub:
                silent = clock - connection.heard
                if connection.expires <= now:
                    connection.end(REFUSED, "token expired")
                elif silent > DEAD_AFTER:
                    connection.cut()
                elif silent > PING_AFTER and clock - connection.pinged > PING_AFTER:
                    connection.pinged = clock
                    connection.ping()


def _for_ever(run: Callable[[], None]) -> None:
    """Begin again when it fails, so that one error does not silence a process."""
    while True:
        try:
            run()
        except Exception:
            log.exception("sockets.failed", part=run.__name__)
        gevent.sleep(LOOK_SECONDS)
