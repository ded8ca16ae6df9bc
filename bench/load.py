"""A load of messages: at a fixed rate (open loop), or as fast as so many senders can (closed loop)."""

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

REPLY_SECONDS = 30.0
SETTLE_SECONDS = 20.0  # how long to wait for the last frames


class Refused(Exception):
    """The server did not accept it."""


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


class Load(ABC):
    """Sends messages, each named by a number, and records when they reach those whom they concern."""

    echoes = True  # whether a message also reaches its sender's own connection

    def __init__(self) -> None:
        self.received: dict[bytes, float] = {}  # when the receiver's connection had it
        self.echoed: dict[bytes, float] = {}  # when the sender's had it
        self.accepted = 0  # in total, warm-up included: the number of messages the stores must have
        self._arrivals: dict[bytes, asyncio.Future[None]] = {}
        self._numbers = itertools.count()

    @abstractmethod
    async def send(self, client: str, number: int) -> None:
        """Sends the message `client` as the `number`th of this load. Returns once it is accepted.

        Raises Refused, OSError or asyncio.IncompleteReadError.
        """

    def note(self, client: bytes, *, is_echo: bool = False) -> None:
        """A message has reached its receiver's connection, or its sender's own."""
        times = self.echoed if is_echo else self.received
        times.setdefault(client, time.perf_counter())
        if not is_echo and (arrival := self._arrivals.pop(client, None)) is not None and not arrival.done():
            arrival.set_result(None)

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

    async def at_full_speed(self, senders: int, seconds: float, *, until_received: bool = False) -> Outcome:
        """Closed loop: each of so many senders sends as soon as its previous message was accepted.

        With `until_received`, only once its receiver has it: not every server says that it has accepted a message.
        """
        outcome, due = Outcome(), {}
        until = time.perf_counter() + seconds

        async def send(first: int) -> None:
            number = first
            while time.perf_counter() < until:
                client = f"{next(self._numbers)}"
                due[client.encode()] = time.perf_counter()
                arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                if until_received:
                    self._arrivals[client.encode()] = arrival
                await self._post(client, number, outcome, due)
                if until_received:
                    with suppress(TimeoutError):  # it counts as lost
                        await asyncio.wait_for(arrival, REPLY_SECONDS)
                number += senders

        await asyncio.gather(*(send(first) for first in range(senders)))
        return await self._settled(outcome, due)

    async def _post(self, client: str, number: int, outcome: Outcome, due: dict[bytes, float]) -> None:
        outcome.offered += 1
        try:
            await self.send(client, number)
            outcome.accepted += 1
            self.accepted += 1
        except (Refused, OSError, asyncio.IncompleteReadError):
            outcome.refused += 1
            del due[client.encode()]

    async def _settled(self, outcome: Outcome, due: dict[bytes, float]) -> Outcome:
        until = time.perf_counter() + SETTLE_SECONDS
        while not (due.keys() <= self.received.keys() and (due.keys() <= self.echoed.keys() or not self.echoes)):
            if time.perf_counter() > until:
                break
            await asyncio.sleep(0.05)
        both = due.keys() & self.received.keys() & (self.echoed.keys() if self.echoes else due.keys())
        outcome.lost = len(due) - len(both)
        if both:
            last = max(max(self.received[client], self.echoed.get(client, 0.0)) for client in both)
            outcome.seconds = last - min(due.values())
        outcome.latencies = [self.received[client] - at for client, at in due.items() if client in self.received]
        return outcome
