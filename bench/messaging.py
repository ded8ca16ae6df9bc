"""Messages between pairs of people: from post to both sockets, by the clock or as fast as it goes."""

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

SETTLE_SECONDS = 20.0  # until the last frames have come
CLIENT = b'"clientId":"'
Result = TypeVar("Result")


def percentile(values: Iterable[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


@dataclass
class Outcome:
    """Latencies in seconds from when a message was due to be posted until its receiver's socket had it."""

    seconds: float = 0.0  # from when the first was due until the last frame came to the last socket
    offered: int = 0
    accepted: int = 0
    refused: int = 0
    lost: int = 0  # accepted, and not on both sockets
    latencies: list[float] = field(default_factory=list)

    def percentile(self, percent: float) -> float:
        return percentile(self.latencies, percent)

    @property
    def rate(self) -> float:
        """Messages a second that reached both sockets, by the time that took, not the time it should have taken."""
        return (self.accepted - self.lost) / self.seconds if self.seconds else 0.0


class Talk:
    """`count` pairs with a socket each, which notes when a message came to its sender's and its receiver's socket."""

    def __init__(self, rest: Rest, url: str) -> None:
        self.rest = rest
        self.url = url
        self.sockets: list[Socket] = []
        self.pairs: list[tuple[Person, Person]] = []
        self._received: dict[bytes, float] = {}
        self._echoed: dict[bytes, float] = {}
        self.accepted = 0  # in all, warm-up included: what the stores have to hold
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
            if at < 0:  # a voice message's
                return
            client = frame[at + len(CLIENT) : frame.index(b'"', at + len(CLIENT))]
            came = self._echoed if mine in frame else self._received
            came.setdefault(client, time.perf_counter())

        return take

    def end(self) -> None:
        for socket in self.sockets:
            socket.close()

    async def by_the_clock(self, rate: float, seconds: float) -> Outcome:
        """Open loop: a message is due every 1/`rate` seconds, whatever became of those before."""
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

    async def as_fast_as_it_goes(self, senders: int, seconds: float) -> Outcome:
        """Closed loop: so many senders, each of which posts as soon as its last post was answered."""
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
        body = json.dumps({"receiverId": receiver.id, "text": f"message {client} of the load", "clientId": client})
        outcome.offered += 1
        try:
            await self.rest.call("POST", "/chat", sender.token, body.encode())
            outcome.accepted += 1
            self.accepted += 1
        except (Refused, OSError, asyncio.IncompleteReadError):
            outcome.refused += 1
            del due[client.encode()]

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
    """Every socket sends its token every `period` seconds, evenly spread, until cancelled."""
    pause, began = period / max(1, len(sockets)), time.perf_counter()
    for number in itertools.count():
        await asyncio.sleep(max(0.0, began + number * pause - time.perf_counter()))
        which = number % len(sockets)
        if not sockets[which].closed:
            sockets[which].send(tokens[which])


async def with_background(background: Awaitable[object], work: Awaitable[Result]) -> Result:
    """Do `work` while `background` runs, which goes on for ever. Raises what that failed with."""
    task = asyncio.ensure_future(background)
    try:
        result = await work
    finally:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return result
