"""gunicorn's gevent worker with an orderly end: requests in flight are answered, sockets told to come back elsewhere.

gunicorn's own would wait for idle keep-alive connections until its time is up, and cut sockets off without a word.
"""

import contextlib
import socket
from types import FrameType
from typing import Any, ClassVar

import gevent
from gevent.server import StreamServer
from gunicorn.workers import ggevent

LOOK_SECONDS = 0.2


class Listener(StreamServer):
    """Accepts connections for gunicorn, which keeps it to itself and would close it up to a second too late."""

    opened: ClassVar[list["Listener"]] = []

    def start(self) -> None:
        super().start()
        self.opened.append(self)


ggevent.StreamServer = Listener  # gunicorn offers no other way to choose the class


class Worker(ggevent.GeventWorker):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._connections: set[socket.socket] = set()
        self._busy: set[socket.socket] = set()

    def run(self) -> None:
        self.wsgi.start()
        super().run()

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        """One connection, with all the requests that come over it."""
        self._connections.add(client)
        try:
            super().handle(listener, client, addr)
        finally:
            self._connections.discard(client)

    def handle_request(self, listener_name: Any, req: Any, sock: socket.socket, addr: Any) -> None:
        self._busy.add(sock)
        try:
            super().handle_request(listener_name, req, sock, addr)
        finally:
            self._busy.discard(sock)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: from now on no connection is accepted, and gunicorn closes each after its answer."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._leave)

    def _leave(self) -> None:
        for listener in Listener.opened:
            listener.close()
        self.wsgi.stop()
        while True:
            for idle in self._connections - self._busy:
                with contextlib.suppress(OSError):
                    idle.shutdown(socket.SHUT_RDWR)
            gevent.sleep(LOOK_SECONDS)
