"""A minimal load balancer: a TCP proxy that sends each connection to the next server that accepts it, not sticky."""

import contextlib
import socket
import threading
from collections import Counter
from typing import Self

PIECE = 64 * 1024
CONNECT_SECONDS = 2.0

Address = tuple[str, int]


class Proxy:
    def __init__(self, backends: list[Address]) -> None:
        self.backends = backends
        self.served: Counter[Address] = Counter()
        self._turn = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            _end(each)
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._next()
            if server is None:
                client.close()
                continue
            for source, target in ((client, server), (server, client)):
                self._open.add(source)
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _next(self) -> socket.socket | None:
        for _ in self.backends:
            backend = self.backends[self._turn % len(self.backends)]
            self._turn += 1
            with contextlib.suppress(OSError):
                server = socket.create_connection(backend, timeout=CONNECT_SECONDS)
                server.settimeout(None)
                self.served[backend] += 1
                return server
        return None

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                target.sendall(piece)
        self._end(source, target)

    def _end(self, source: socket.socket, target: socket.socket) -> None:
        _end(target)
        self._open.discard(source)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
