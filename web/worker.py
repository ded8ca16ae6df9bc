"""gunicorn's gevent worker with an orderly end: requests in flight are answered, sockets told to come back elsewhere.

gunicorn's own would wait for idle keep-alive connections until its time is up, and cut sockets off without a word.
"""

import contextlib
import socket
from types import FrameType
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

LOOK_SECONDS = 0.2


class Worker(GeventWorker):
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
        """SIGTERM: from now on gunicorn accepts no connection, and closes each after its answer."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._leave)

    def _leave(self) -> None:
        self.wsgi.stop()
        while True:
            for idle in self._connections - self._busy:
                with contextlib.suppress(OSError):
                    idle.shutdown(socket.SHUT_RDWR)
            gevent.sleep(LOOK_SECONDS)
