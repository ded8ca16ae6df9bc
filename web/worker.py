"""gunicorn's gevent worker, hardened: one client cannot hold up or fill a process, and its end is orderly.

gunicorn's own answers pipelined requests without a turn for anybody else, waits for slow clients as long as they
like, and takes no connection at all once its pool is full. At its end it would wait for idle keep-alive connections
until its time is up, and cut sockets off without a word.
"""

import contextlib
import gc
import socket
import sys
from collections.abc import Iterator
from time import monotonic, perf_counter
from types import FrameType
from typing import Any, ClassVar

import gevent
from gevent import hub
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.workers import ggevent

from config import logging
from config.settings import get_settings
from web.client_socket import ClientSocket, Patience
from web.clients import PerAddress, forwarded, network

LOOK_SECONDS = 0.2
RESERVE = 64  # connections beyond the pool, for whoever asks after our health
RESERVE_SECONDS = 2.0  # that one of those has for its request
HEALTH = ("/healthz", "/readyz")
IDLE_SECONDS = 1.0  # a connection idle for longer makes room for another when the pool is full
PIPELINED_SECONDS = 0.05  # the longest pause between two requests that came together
DISCARDED_AT_ONCE = 8_192  # bytes
WARNING_SECONDS = 60.0  # between two warnings of a crowd
PARTING_SECONDS = 1.0  # a refused client has to read why
PARTING_BYTES = 64 * 1024
MAX_PARTING = 64  # clients at once; others are cut off

Refusal = tuple[int, str, str]
FULL: Refusal = (503, "Service Unavailable", "This server has as many connections as it can hold.")
CROWDED: Refusal = (429, "Too Many Requests", "There are too many connections from your address.")


class Listener(StreamServer):
    """Accepts connections for gunicorn, which keeps it to itself and would close it up to a second too late."""

    opened: ClassVar[list["Listener"]] = []

    def start(self) -> None:
        super().start()
        self.opened.append(self)

    def do_read(self) -> Any:
        """As gevent's, with a socket of our class."""
        own = self.socket
        try:
            descriptor, address = own._accept()  # noqa: SLF001 (`accept` would make a socket of another class)
        except BlockingIOError:  # another process was quicker
            return None
        return ClientSocket(own.family, own.type, own.proto, fileno=descriptor), address


ggevent.StreamServer = Listener  # gunicorn offers no other way to choose the class


class Worker(ggevent.GeventWorker):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        settings = get_settings()
        self._max_connections = self.cfg.worker_connections
        self.worker_connections = self._max_connections + RESERVE  # what gunicorn makes its pool of
        self._patience = Patience(
            head_seconds=settings.request_header_timeout,
            body_seconds=settings.request_body_timeout,
            body_rate=settings.request_body_rate,
            write_seconds=settings.response_timeout,
        )
        self._reserve_patience = Patience(RESERVE_SECONDS, RESERVE_SECONDS, settings.request_body_rate, RESERVE_SECONDS)
        self._proxies = settings.trusted_proxies
        self._addresses = PerAddress(settings.connections_per_address)
        self._connections: set[ClientSocket] = set()
        self._idle: dict[ClientSocket, float] = {}  # with when they fell idle, longest first
        self._reserved: set[ClientSocket] = set()
        self._parting = 0
        self._warn_again_at = 0.0

    def init_process(self) -> None:
        hub.Hub.print_exception = _report  # what a greenlet did not catch; gevent offers no other way
        super().init_process()

    def load_wsgi(self) -> None:
        """Loads the application. gunicorn would also print why that failed, past the log.

        What is loaded stays. Looking through it for garbage would take a tenth of the start, and of each full
        collection later most of the time.
        """
        gc.disable()
        try:
            super().load_wsgi()
            gc.freeze()
            gc.enable()
        except Exception as error:  # noqa: BLE001 (it ends the process)
            logging.report(type(error), error, error.__traceback__, "import")
            sys.exit(Arbiter.APP_LOAD_ERROR)

    def run(self) -> None:
        self.wsgi.start()
        super().run()

    def handle(self, listener: Any, client: ClientSocket, addr: Any) -> None:
        """One connection, with all the requests that come over it."""
        client.begin(self._patience)
        # Behind a proxy all connections come from its address; there requests are counted, by the client's.
        address = "" if self._proxies else network(addr[0])
        if address and self._addresses.is_full(address):
            self._warn_of_crowd(address)
            self._part(client, CROWDED)
            return
        if len(self._connections) >= self._max_connections and not self._make_room():
            client.begin(self._reserve_patience)
            self._reserved.add(client)
        self._connections.add(client)
        self._idle[client] = monotonic()
        try:
            with self._counted(address):
                super().handle(listener, client, addr)
        finally:
            self._connections.discard(client)
            self._reserved.discard(client)
            self._idle.pop(client, None)

    def handle_request(self, listener_name: Any, req: Any, sock: ClientSocket, addr: Any) -> None:
        gevent.sleep(0)  # pipelined requests take turns with everybody else's
        began = perf_counter()
        sock.await_body(req)
        self._idle.pop(sock, None)
        address = network(forwarded(_header(req, "X-FORWARDED-FOR"), self._proxies, addr[0])) if self._proxies else ""
        try:
            self._refuse_what_is_too_much(req, sock, address)
            with self._counted(address):
                super().handle_request(listener_name, req, sock, addr)
            _discard_rest(req)
        finally:
            self._idle[sock] = monotonic()
            sock.await_request()
        if req.unreader.buf.getbuffer():  # pipelined: whoever does that gets half of the time at most
            gevent.sleep(min(PIPELINED_SECONDS, perf_counter() - began))

    def _refuse_what_is_too_much(self, req: Any, sock: ClientSocket, address: str) -> None:
        """Raises StopIteration, by which gunicorn ends a connection."""
        if req.path in HEALTH:
            return
        if sock in self._reserved:
            self._part(sock, FULL)
            raise StopIteration
        if address and self._addresses.is_full(address):
            self._part(sock, CROWDED)
            raise StopIteration

    @contextlib.contextmanager
    def _counted(self, address: str) -> Iterator[None]:
        if not address:
            yield
            return
        self._addresses.enter(address)
        try:
            yield
        finally:
            self._addresses.leave(address)

    def _warn_of_crowd(self, address: str) -> None:
        """Logs it now and then: an address with so many connections may be a proxy that is missing in the settings."""
        if monotonic() >= self._warn_again_at:
            self._warn_again_at = monotonic() + WARNING_SECONDS
            self.log.warning("Too many connections from %s. If that is a proxy, set TRUSTED_PROXIES.", address)

    def _make_room(self) -> bool:
        """Ends the connection that has been idle longest. Returns whether there was one."""
        for idle, since in self._idle.items():
            if monotonic() - since < IDLE_SECONDS:
                return False
            del self._idle[idle]
            self._connections.discard(idle)
            with contextlib.suppress(OSError):
                idle.shutdown(socket.SHUT_RDWR)
            return True
        return False

    def _part(self, client: ClientSocket, refusal: Refusal) -> None:
        """Refuses a client and closes. Closing at once would reset the connection before the client has read why."""
        with contextlib.suppress(OSError):
            util.write_error(client, *refusal)
            if self._parting < MAX_PARTING:
                self._parting += 1
                try:
                    util.close_graceful(client, PARTING_SECONDS, PARTING_BYTES)
                finally:
                    self._parting -= 1
        util.close(client)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: from now on no connection is accepted, and gunicorn closes each after its answer."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._leave)

    def _leave(self) -> None:
        for listener in Listener.opened:
            listener.close()
        self.wsgi.stop()
        while True:
            for idle in list(self._idle):
                with contextlib.suppress(OSError):
                    idle.shutdown(socket.SHUT_RDWR)
            gevent.sleep(LOOK_SECONDS)


def _discard_rest(req: Any) -> None:
    """Reads the rest of a body that the application ignored, within the body's time.

    Raises:
        StopIteration: the body is malformed, so nobody knows where the next request begins.
    """
    if getattr(req.body, "failed", False):
        raise StopIteration
    while req.body.read(DISCARDED_AT_ONCE):
        pass


def _report(_: hub.Hub, context: object, kind: Any, error: Any, traceback: Any) -> None:
    logging.report(kind, error, traceback, type(context).__name__)


def _header(req: Any, name: str) -> str:
    """Returns all values of a header, comma-separated; a proxy may add its own as a second line."""
    return ",".join(value for key, value in req.headers if key == name)
