"""A proxy to Redis that keeps back what one asks for while what is published goes on, as where Redis is busy."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.operations.proxy import PIECE, Proxy

TIMEOUT = 10.0  # seconds


class SlowRedis(Proxy):
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        super().__init__([(parts.hostname, parts.port)])
        self._direct = parts
        self._subscribed: set[socket.socket] = set()
        self._wanted = b""
        self._asked, self._released = threading.Event(), threading.Event()
        self._released.set()

    @property
    def redis_url(self) -> str:
        who = self._direct.netloc.rpartition("@")[0]
        return self._direct._replace(netloc=f"{who}@{urlsplit(self.url).netloc}").geturl()

    @contextlib.contextmanager
    def hold(self, words: str) -> Iterator[None]:
        """Within it no command is answered from the first one on that has these words in it; see `wait_asked`."""
        self._wanted = words.encode()
        try:
            yield
        finally:
            self._wanted = b""
            self._asked.clear()
            self._released.set()

    def wait_asked(self) -> None:
        """Return once Redis has that command."""
        assert self._asked.wait(TIMEOUT), "nobody asked Redis for it"

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        to_redis = target.getpeername() in self.backends
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                if to_redis and b"SUBSCRIBE" in piece:
                    self._subscribed.add(target)
                asks = to_redis and self._wanted and self._wanted in piece
                if asks:
                    self._released.clear()
                if not to_redis and source not in self._subscribed:
                    self._released.wait()
                target.sendall(piece)
                if asks:
                    self._asked.set()
        self._end(source, target)
