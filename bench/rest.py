"""A lean HTTP client: keep-alive connections on asyncio that use as little of the load's core as possible."""

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from bench.load import Refused

CONNECTIONS = 64


class Rest:
    """Calls one server over at most `connections` connections; a call waits for a free one."""

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self._free: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
        for _ in range(connections):
            self._free.put_nowait(_Connection(self.host, self.port))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while not self._free.empty():
            self._free.get_nowait().close()

    async def call(
        self, method: str, path: str, token: str = "", body: bytes = b"", content_type: str = "application/json"
    ) -> bytes:
        """Returns the body of a successful response. Raises Refused."""
        return (await self.exchange(method, path, token, body, {"Content-Type": content_type} if body else {}))[1]

    async def exchange(
        self, method: str, path: str, token: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[bytes, bytes]:
        """Returns the head, in lower case, and the body of a successful response. Raises Refused."""
        head = f"{method} /api{path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n"
        for name, value in headers.items():
            head += f"{name}: {value}\r\n"
        if token:
            head += f"x-api-key: {token}\r\n"
        connection = await self._free.get()
        try:
            status, found, answer = await connection.exchange(head.encode() + b"\r\n" + body)
        finally:
            self._free.put_nowait(connection)
        if status >= 300:
            raise Refused(f"{method} {path}: {status} {answer[:300]!r}")
        return found, answer

    async def json(self, method: str, path: str, token: str = "", body: Any = None) -> Any:
        answer = await self.call(method, path, token, json.dumps(body).encode() if body is not None else b"")
        return json.loads(answer) if answer else None


class _Connection:
    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def exchange(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Returns the status, the head in lower case, and the body of the response."""
        was_open = self._reader is not None
        try:
            return await self._exchange(request)
        except asyncio.IncompleteReadError as error:
            if not was_open or error.partial:
                raise
            return await self._exchange(request)  # the server had closed a connection that nobody used for a while

    async def _exchange(self, request: bytes) -> tuple[int, bytes, bytes]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address)
        try:
            self._writer.write(request)
            head = await self._reader.readuntil(b"\r\n\r\n")
            status, head = int(head[9:12]), head.lower()
            return status, head, b"" if status == 204 else await self._body(self._reader, head)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            raise

    @staticmethod
    async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
        at = head.find(b"content-length:")
        if at >= 0:
            return await reader.readexactly(int(head[at + 15 : head.index(b"\r", at)]))
        found = b""
        if b"transfer-encoding: chunked" in head:
            while size := int(await reader.readline(), 16):
                found += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        return found

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
