"""Messages between pairs of people, from post to both sockets, at a fixed rate or at full speed."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from bench.load import REPLY_SECONDS, Load, Refused
from bench.people import Person, pairs, sign_up
from bench.rest import Rest
from bench.sockets import Socket, connect

SENT = b"application:sent---"
REPLIES = (SENT, b"application:refused---")
CLIENT = b'"clientId":"'
Result = TypeVar("Result")


class Talk(Load):
    """Pairs of people with a socket each, who record when a message reaches its sender's and its receiver's socket.

    They send by calls, or `by_socket`.
    """

    def __init__(self, rest: Rest, url: str, *, by_socket: bool = False) -> None:
        super().__init__()
        self.rest = rest
        self.url = url
        self.by_socket = by_socket
        self.sockets: list[Socket] = []
        self.pairs: list[tuple[Person, Person]] = []
        self._own: dict[str, Socket] = {}  # by person
        self._replies: dict[bytes, asyncio.Future[bool]] = {}

    async def begin(self, count: int) -> None:
        self.pairs = pairs(await sign_up(self.rest, 2 * count))
        for person in itertools.chain.from_iterable(self.pairs):
            self._own[person.id] = await connect(self.url, person.token, self._recorder(person))
        self.sockets = list(self._own.values())

    def _recorder(self, person: Person) -> Callable[[bytes], None]:
        mine = f'"senderId":"{person.id}"'.encode()

        def record(frame: bytes) -> None:
            at = frame.find(CLIENT)
            if at < 0:  # a voice message, or none
                return
            client = frame[at + len(CLIENT) : frame.index(b'"', at + len(CLIENT))]
            if frame.startswith(REPLIES):
                self._replies.pop(client).set_result(frame.startswith(SENT))
                return
            if not frame.startswith(b"application:messages---"):
                return
            self.note(client, is_echo=mine in frame)

        return record

    def end(self) -> None:
        for socket in self.sockets:
            socket.close()

    async def send(self, client: str, number: int) -> None:
        sender, receiver = self.pairs[number % len(self.pairs)][:: 1 if number // len(self.pairs) % 2 else -1]
        message = {"receiverId": receiver.id, "text": f"message {client} of the load", "clientId": client}
        await (self._send(sender, client, message) if self.by_socket else self._call(sender, message))

    async def _call(self, sender: Person, message: dict[str, str]) -> None:
        await self.rest.call("POST", "/chat", sender.token, json.dumps(message).encode())

    async def _send(self, sender: Person, client: str, message: dict[str, str]) -> None:
        reply = self._replies[client.encode()] = asyncio.get_running_loop().create_future()
        self._own[sender.id].send(json.dumps({"type": "send", **message}).encode())
        if not await asyncio.wait_for(reply, REPLY_SECONDS):
            raise Refused("over the socket")


async def heartbeats(sockets: list[Socket], tokens: list[bytes], period: float) -> None:
    """Sends each socket's token every `period` seconds, evenly spread, until cancelled."""
    pause, began = period / max(1, len(sockets)), time.perf_counter()
    for number in itertools.count():
        await asyncio.sleep(max(0.0, began + number * pause - time.perf_counter()))
        which = number % len(sockets)
        if not sockets[which].closed:
            sockets[which].send(tokens[which])


async def with_background(background: Awaitable[object], work: Awaitable[Result]) -> Result:
    """Does `work` while the endless `background` runs. Raises if the background fails."""
    task = asyncio.ensure_future(background)
    try:
        result = await work
    finally:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return result
