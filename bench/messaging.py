"""Messages between pairs of people, from post to both sockets, at a fixed rate or at full speed."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from bench.people import Person, pairs, sign_up
from bench.rest import Refused, Rest
from bench.sockets import Socket, connect

REPLY_SECONDS = 30.0
SENT = b"application:sent---"
REPLIES = (SENT, b"application:refused---")
SETTLE_SECONDS = 20.0  # how long to wait for the last frames
CLIENT = b'"clientId":"'
Result = TypeVar("Result")


def percentile(values: Iterable[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


@dataclass
class Outcome:
    """A load's result. Latencies are seconds from a message's scheduled time until its receiver's socket had it."""

    seconds: float = 0.0  # from the first message's scheduled time until the last frame reached the last socket
    offered: int = 0
    accepted: int = 0
    refused: int = 0
    lost: int = 0  # accepted, but did not reach both sockets
    latencies: list[float] = field(default_factory=list)

    def percentile(self, percent: float) -> float:
        return percentile(self.latencies, percent)

    @property
    def rate(self) -> float:
        """Messages a second that reached both sockets, over the time that really took."""
        return (self.accepted - self.lost) / self.seconds if self.seconds else 0.0


class Talk:
    """Pairs of people with a socket each, who record when a message reaches its sender's and its receiver's socket.

    They send by calls, or `by_socket`.
    """

    def __init__(self, rest: Rest, url: str, *, by_socket: bool = False) -> None:
        self.rest = rest
        self.url = url
        self.by_socket = by_socket
        self.sockets: list[Socket] = []
        self.pairs: list[tuple[Person, Person]] = []
        self._own: dict[str, Socket] = {}  # by person
        self._replies: dict[bytes, asyncio.Future[bool]] = {}
        self._received: dict[bytes, float] = {}
        self._echoed: dict[bytes, float] = {}
        self.accepted = 0  # in total, warm-up included: the number of messages the stores must have
        self._numbers = itertools.count()

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
            times = self._echoed if mine in frame else self._received
            times.setdefault(client, time.perf_counter())

        return record

    def end(self) -> None:
        for socket in self.sockets:
            socket.close()

    async def at_rate(self, rate: float, seconds: float) -> Outcome:
        """Open loop: a message is due every 1/`rate` seconds, whatever happened to the earlier ones."""
        outcome, due = Outcome(), {}
        tasks: set[asyncio.Task[None]] = set()
        began = time.perf_counter() + 0.05
        for number in range(int(rate * seconds)):
            at = began + number / rate
            pause = at - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            client = f"{next(self._numbers)}"
            due[client.encode()] = at
            task = asyncio.create_task(self._post(client, number, outcome, due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        return await self._settled(outcome, due)

    async def at_full_speed(self, senders: int, seconds: float) -> Outcome:
        """Closed loop: each of so many senders posts as soon as it has the response to its previous post."""
        outcome, due = Outcome(), {}
        until = time.perf_counter() + seconds

        async def send(first: int) -> None:
            number = first
            while time.perf_counter() < until:
                client = f"{next(self._numbers)}"
                due[client.encode()] = time.perf_counter()
                await self._post(client, number, outcome, due)
                number += senders

        await asyncio.gather(*(send(first) for first in range(senders)))
        return await self._settled(outcome, due)

    async def _post(self, client: str, number: int, outcome: Outcome, due: dict[bytes, float]) -> None:
        sender, receiver = self.pairs[number % len(self.pairs)][:: 1 if number // len(self.pairs) % 2 else -1]
        message = {"receiverId": receiver.id, "text": f"message {client} of the load", "clientId": client}
        outcome.offered += 1
        try:
            await (self._send(sender, client, message) if self.by_socket else self._call(sender, message))
            outcome.accepted += 1
            self.accepted += 1
        except (Refused, OSError, asyncio.IncompleteReadError):
            outcome.refused += 1
            del due[client.encode()]

    async def _call(self, sender: Person, message: dict[str, str]) -> None:
        await self.rest.call("POST", "/chat", sender.token, json.dumps(message).encode())

    async def _send(self, sender: Person, client: str, message: dict[str, str]) -> None:
        reply = self._replies[client.encode()] = asyncio.get_running_loop().create_future()
        self._own[sender.id].send(json.dumps({"type": "send", **message}).encode())
        if not await asyncio.wait_for(reply, REPLY_SECONDS):
            raise Refused("over the socket")

    async def _settled(self, outcome: Outcome, due: dict[bytes, float]) -> Outcome:
        until = time.perf_counter() + SETTLE_SECONDS
        while not (due.keys() <= self._received.keys() and due.keys() <= self._echoed.keys()):
            if time.perf_counter() > until:
                break
            await asyncio.sleep(0.05)
        both = due.keys() & self._received.keys() & self._echoed.keys()
        outcome.lost = len(due) - len(both)
        if both:
            last = max(max(self._received[client], self._echoed[client]) for client in both)
            outcome.seconds = last - min(due.values())
        outcome.latencies = [self._received[client] - at for client, at in due.items() if client in self._received]
        return outcome


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
