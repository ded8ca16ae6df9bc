"""Messages between pairs of people: from post to both sockets, by the clock or as fast as it goes."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.people import Person, pairs, sign_up
from bench.rest import Refused, Rest
from bench.sockets import Socket, connect

SETTLE_SECONDS = 20.0  # until the last frames have come
CLIENT = b'"clientId":"'


@dataclass
class Outcome:
    """Latencies in seconds from when a message was due to be posted until its receiver's socket had it."""

    seconds: float
    offered: int = 0
    accepted: int = 0
    refused: int = 0
    lost: int = 0  # accepted, and not on both sockets
    latencies: list[float] = field(default_factory=list)

    def percentile(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")

    @property
    def rate(self) -> float:
        """Messages a second that reached both sockets."""
        return (self.accepted - self.lost) / self.seconds


class Talk:
    """`count` pairs with a socket each, which notes when a message came to its sender's and its receiver's socket."""

    def __init__(self, rest: Rest, url: str) -> None:
        self.rest = rest
        self.url = url
        self.sockets: list[Socket] = []
        self.pairs: list[tuple[Person, Person]] = []
        self._received: dict[bytes, float] = {}
        self._echoed: set[bytes] = set()
        self._numbers = itertools.count()

    async def begin(self, count: int) -> None:
        self.pairs = pairs(await sign_up(self.rest, 2 * count))
        for person in itertools.chain.from_iterable(self.pairs):
            self.sockets.append(await connect(self.url, person.token, self._taker(person)))

    def _taker(self, person: Person) -> Callable[[bytes], None]:
        mine = f'"senderId":"{person.id}"'.encode()

        def take(frame: bytes) -> None:
            if not frame.startswith(b"application:messages---"):
                return
            at = frame.find(CLIENT)
            client = frame[at + len(CLIENT) : frame.index(b'"', at + len(CLIENT))]
            if mine in frame:
                self._echoed.add(client)
            else:
                self._received.setdefault(client, time.perf_counter())

        return take

    def end(self) -> None:
        for socket in self.sockets:
            socket.close()

    async def by_the_clock(self, rate: float, seconds: float) -> Outcome:
        """Open loop: a message is due every 1/`rate` seconds, whatever became of those before."""
        outcome, due = Outcome(seconds), {}
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

    async def as_fast_as_it_goes(self, senders: int, seconds: float) -> Outcome:
        """Closed loop: so many senders, each of which posts as soon as its last post was answered."""
        outcome, due = Outcome(seconds), {}
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
        body = json.dumps({"receiverId": receiver.id, "text": f"message {client} of the load", "clientId": client})
        outcome.offered += 1
        try:
            await self.rest.call("POST", "/chat", sender.token, body.encode())
            outcome.accepted += 1
        except (Refused, OSError, asyncio.IncompleteReadError):
            outcome.refused += 1
            del due[client.encode()]

    async def _settled(self, outcome: Outcome, due: dict[bytes, float]) -> Outcome:
        until = time.perf_counter() + SETTLE_SECONDS
        while not (due.keys() <= self._received.keys() and due.keys() <= self._echoed):
            if time.perf_counter() > until:
                break
            await asyncio.sleep(0.05)
        outcome.lost = len(due.keys() - (self._received.keys() & self._echoed))
        outcome.latencies = [self._received[client] - at for client, at in due.items() if client in self._received]
        return outcome


async def heartbeats(sockets: list[Socket], tokens: list[bytes], period: float) -> None:
    """Every socket sends its token every `period` seconds, evenly spread, until cancelled."""
    pause = period / max(1, len(sockets))
    for number in itertools.count():
        which = number % len(sockets)
        if not sockets[which].closed:
            sockets[which].send(tokens[which])
        await asyncio.sleep(pause)


async def with_background(background: Awaitable[None], work: Awaitable[Outcome]) -> Outcome:
    """Do `work` while `background` runs."""
    task = asyncio.ensure_future(background)
    try:
        return await work
    finally:
        task.cancel()
