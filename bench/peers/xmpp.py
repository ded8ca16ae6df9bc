"""A lean XMPP client on asyncio, as `bench.sockets` is one for WebSockets.

slixmpp, the library one would otherwise take, builds an element tree of every stanza and offers it to its handlers. On
two cores that the servers need as well, the load has to be as light as it is for ours: what is sent here is ready-made
text, and in what comes only the ends of messages and their ids are looked for.
"""

import asyncio
import base64
import re
import secrets
from collections.abc import Callable
from typing import Self

DOMAIN = "localhost"
END = b"</message>"
ID = re.compile(rb"<message\b[^>]*?\sid=['\"]([^'\"]*)")
ERROR = re.compile(rb"<message\b[^>]*?\stype=['\"]error['\"]")
STEP_SECONDS = 30.0
OPEN = (
    f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams'>"
)

OnMessage = Callable[[bytes, bool], None]
"""Gets the id of each message that comes, and whether it is one of the client's own that the server refused."""


class Failed(ConnectionError):
    """The server did not let somebody in. The text is what it said."""


class Client(asyncio.Protocol):
    """Somebody's open connection."""

    def __init__(self, on_message: OnMessage) -> None:
        self.name = f"bench-{secrets.token_hex(6)}"
        self._on_message = on_message
        self._buffer = bytearray()
        self._awaited: tuple[re.Pattern[bytes], asyncio.Future[bytes]] | None = None  # until it is logged in
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def join(cls, port: int, on_message: OnMessage) -> Self:
        """Makes an account at the server on this port of the loopback interface, and logs in. Raises Failed."""
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: cls(on_message), "127.0.0.1", port)
        password = secrets.token_hex(16)
        features = re.compile(rb"</stream:features>")
        await client._ask(OPEN, features)
        account = f"<username>{client.name}</username><password>{password}</password>"
        await client._request("register", f"<query xmlns='jabber:iq:register'>{account}</query>")
        plain = base64.b64encode(f"\0{client.name}\0{password}".encode()).decode()
        sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
        await client._ask(f"<auth xmlns='{sasl}' mechanism='PLAIN'>{plain}</auth>", re.compile(rb"<success\b"))
        await client._ask(OPEN, features)
        await client._request("bind", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>load</resource></bind>")
        client._write("<presence/>")
        return client

    def send(self, to: "Client", message_id: str, text: str) -> None:
        """`message_id` and `text` must need no escapes."""
        self._write(f"<message to='{to.name}@{DOMAIN}' type='chat' id='{message_id}'><body>{text}</body></message>")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def _request(self, name: str, content: str) -> None:
        pattern = re.compile(rb"<iq\b[^>]*\sid=['\"]" + name.encode() + rb"['\"][^>]*>")
        answer = await self._ask(f"<iq type='set' id='{name}'>{content}</iq>", pattern)
        if b"result" not in answer:
            raise Failed(f"{name}: {answer!r}")

    async def _ask(self, text: str, pattern: re.Pattern[bytes]) -> bytes:
        """Sends `text`. Returns what matches the pattern once it has come. Raises Failed."""
        found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._buffer.clear()
        self._awaited = pattern, found
        self._write(text)
        try:
            return await asyncio.wait_for(found, STEP_SECONDS)
        except TimeoutError:
            raise Failed(f"no answer to {text[:80]!r} but {bytes(self._buffer[-300:])!r}") from None
        finally:
            self._awaited = None

    def _write(self, text: str) -> None:
        assert self._transport is not None
        self._transport.write(text.encode())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exception: Exception | None) -> None:
        if self._awaited is not None and not self._awaited[1].done():
            self._awaited[1].set_exception(Failed(f"closed: {bytes(self._buffer[-300:])!r}"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._awaited is not None:
            pattern, found = self._awaited
            if (match := pattern.search(self._buffer)) and not found.done():
                found.set_result(bytes(match[0]))
            return
        at = 0
        while (end := self._buffer.find(END, at)) >= 0:
            if match := ID.search(self._buffer, at, end):
                self._on_message(bytes(match[1]), ERROR.search(self._buffer, at, end) is not None)
            at = end + len(END)
        del self._buffer[:at]
