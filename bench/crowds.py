"""Targets 2 and 4: what idle sockets cost, and many people who come online at once."""

import asyncio
import time

from bench.compare import moved
from bench.house import Meter, Usage, house
from bench.messaging import Outcome, Talk, heartbeats, with_background
from bench.people import Person, sign_up
from bench.rest import Rest
from bench.rows import HEARTBEAT_SECONDS, PAIRS, Row, check, progress, timed
from bench.sockets import Socket, connect
from tests.stack import Stack

OWNERS = 200  # people whom the idle sockets belong to
LOADS = {10: 10.0, 300: 8.0, 1_000: 7.5}  # messages a second -> seconds of one run; there are two of each
IDLE_MOST = 0.001  # what two runs of the same differ by
MANY = 10_000
MANY_SECONDS = 45.0  # longer than PING_AFTER of `web.sockets.runtime`, so that every socket is asked whether it lives
QUIET_SECONDS, QUIET_MOST = 3.0, 60.0
ARRIVING, ARRIVE_SECONDS, ARRIVED_SECONDS = 500, 5.0, 5.5

Runs = dict[int, list[tuple[Outcome, dict[str, Usage]]]]


class Crowd:
    """Sockets that drop what they get, and know when the last of it came."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.sockets: list[Socket] = []
        self.tokens: list[bytes] = []
        self._heard = 0.0

    async def join(self, people: list[Person], count: int) -> None:
        """So many sockets of these people, a few at a time."""
        owners = [people[number % len(people)] for number in range(count)]
        for start_at in range(0, count, 50):
            await asyncio.gather(*(self.add(person) for person in owners[start_at : start_at + 50]))

    async def add(self, person: Person) -> None:
        self.sockets.append(await connect(self._url, person.token, self._hear))
        self.tokens.append(person.token.encode())

    def _hear(self, _: bytes) -> None:
        self._heard = time.perf_counter()

    async def quiet(self) -> bool:
        """Return once the arrivals' presence has been told; False when that took too long."""
        until = time.perf_counter() + QUIET_MOST
        while time.perf_counter() - self._heard < QUIET_SECONDS:
            if time.perf_counter() > until:
                return False
            await asyncio.sleep(0.1)
        return True

    def end(self) -> None:
        for socket in self.sockets:
            socket.close()


def idle(scale: float) -> list[Row]:
    """Target 2: 2,000 more sockets with heartbeats change nothing; 10,000 cost little."""

    async def run(stack: Stack) -> list[Row]:
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url)
            await talk.begin(PAIRS)
            people = await sign_up(rest, OWNERS)
            await talk.by_the_clock(100, 3)
            alone = await _loads(stack, talk, scale)
            progress("2,000 sockets come")
            crowd = Crowd(stack.url)
            await crowd.join(people, 2_000)
            await crowd.quiet()
            beating = heartbeats(crowd.sockets, crowd.tokens, HEARTBEAT_SECONDS)
            beside = await with_background(beating, _loads(stack, talk, scale))
            talk.end()
            crowd.end()
        return [row for rate in LOADS for row in _changes(rate, alone, beside)]

    with house() as stack:
        rows = asyncio.run(run(stack))
    with house() as stack:
        return rows + asyncio.run(_ten_thousand(stack, scale))


async def _loads(stack: Stack, talk: Talk, scale: float) -> Runs:
    """Twice each rate, alternating."""
    runs: Runs = {rate: [] for rate in LOADS}
    for _ in range(2):
        for rate, seconds in LOADS.items():
            progress(f"{rate:,} a second")
            runs[rate].append(await timed(stack, talk, rate, seconds * scale))
    return runs


def _changes(rate: int, alone: Runs, beside: Runs) -> list[Row]:
    what = f"2,000 more idle sockets with heartbeats, {rate:,} a second, change of"
    before, after = ([outcome for outcome, _ in runs[rate]] for runs in (alone, beside))
    cpu = beside[rate][-1][1]
    return [moved(what, percent, before, after, IDLE_MOST, cpu) for percent in (50, 99)]


async def _ten_thousand(stack: Stack, scale: float) -> list[Row]:
    count = int(MANY * min(1.0, scale * 2))
    async with Rest(stack.url) as rest:
        people = await sign_up(rest, OWNERS)
        meter, crowd = Meter(stack), Crowd(stack.url)
        meter.start()
        await asyncio.sleep(2)
        before = meter.stop()["web"].resident
        progress(f"{count:,} sockets come")
        await crowd.join(people, count)
        settled = await crowd.quiet()
        progress(f"they {'are idle' if settled else 'are still told who came'}")
        meter.start()
        await asyncio.sleep(MANY_SECONDS * scale)
        cpu = meter.stop()
        alive = sum(not socket.closed for socket in crowd.sockets)
        crowd.end()
    each = (cpu["web"].resident - before) / max(1, alive) / 1_024
    cores = cpu["web"].cores
    what, noted = f"{count:,} idle sockets", "" if settled else ", while still told who came"
    return [
        Row(
            f"{what}: memory each",
            f"{each:.1f} KB ({alive:,} alive)",
            "at most 50 KB",
            each <= 50 and alive == count,
            cpu,
        ),
        Row(
            f"{what}: CPU of the web process, pings included",
            f"{cores:.1%} of a core{noted}",
            "under 10%",
            cores < 0.1,
            cpu,
        ),
    ]


def arrivals(scale: float) -> list[Row]:
    """Target 4: 500 people come online within 5 s while 200 messages a second flow."""

    async def run(stack: Stack) -> list[Row]:
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url)
            await talk.begin(PAIRS)
            people = await sign_up(rest, ARRIVING)
            await talk.by_the_clock(100, 3)
            crowd, meter = Crowd(stack.url), Meter(stack)
            meter.start()
            outcome, came = await asyncio.gather(talk.by_the_clock(200, 8), _arrive(crowd, people))
            cpu = meter.stop()
            talk.end()
            crowd.end()
        return _arrived(outcome, came, cpu)

    with house() as stack:
        return asyncio.run(run(stack))


async def _arrive(crowd: Crowd, people: list[Person]) -> list[float]:
    """Each comes when the clock says so, however long those before take; answers when each was connected."""
    began = time.perf_counter()

    async def one(number: int, person: Person) -> float:
        await asyncio.sleep(max(0.0, began + number * ARRIVE_SECONDS / len(people) - time.perf_counter()))
        await crowd.add(person)
        return time.perf_counter() - began

    tried = await asyncio.gather(*(one(*each) for each in enumerate(people)), return_exceptions=True)
    return [each for each in tried if isinstance(each, float)]


def _arrived(outcome: Outcome, came: list[float], cpu: dict[str, Usage]) -> list[Row]:
    last = max(came, default=float("nan"))
    ok = len(came) == ARRIVING and last < ARRIVED_SECONDS
    lost = f"{outcome.lost} lost, {outcome.refused} refused"
    return [
        check(f"{ARRIVING} people come online, 200 a second", 99, outcome.latencies, 0.150, cpu),
        Row(
            "... who are all connected in time",
            f"{len(came)} in {last:.2f} s ({lost})",
            f"{ARRIVING} within {ARRIVED_SECONDS} s, none lost",
            ok and outcome.lost == outcome.refused == 0,
            cpu,
        ),
    ]
