"""Targets 2 and 4: the cost of idle sockets, and many people coming online at once."""

import asyncio
import itertools
import time

from bench import profiles
from bench.compare import change
from bench.load import Outcome
from bench.messaging import Talk, heartbeats, with_background
from bench.people import Person, sign_up
from bench.rest import Rest
from bench.rows import HEARTBEAT_SECONDS, PAIRS, Row, check, progress, timed
from bench.servers import Meter, Usage, servers
from bench.sockets import Socket, connect
from tests.stack import Stack

OWNERS = 200  # people who own the idle sockets
LOADS = {10: 10.0, 300: 8.0, 1_000: 7.5}  # messages a second -> seconds of one run; there are two of each
IDLE_TOLERANCE = 0.001  # seconds by which two equal runs differ
MANY = 10_000
MANY_SECONDS = 45.0  # longer than PING_AFTER in `web.sockets.runtime`, so that every socket is pinged
ATTEMPTS, ATTEMPT_SECONDS = 60, 0.5  # to open a socket, and between two of them
QUIET_SECONDS, QUIET_TIMEOUT = 3.0, 60.0
ARRIVING, ARRIVE_SECONDS, ARRIVED_SECONDS = 500, 5.0, 5.5

Runs = dict[int, list[tuple[Outcome, dict[str, Usage]]]]


class Crowd:
    """Sockets that discard what they receive, but record when they last received something."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.sockets: list[Socket] = []
        self.tokens: list[bytes] = []
        self._heard = 0.0

    async def join(self, people: list[Person], count: int) -> None:
        """Opens so many sockets for these people, a few at a time."""
        owners = [people[number % len(people)] for number in range(count)]
        for start_at in range(0, count, 50):
            await asyncio.gather(*(self.add(person) for person in owners[start_at : start_at + 50]))

    async def add(self, person: Person) -> None:
        """Opens a socket, and tries again like any client where too many come at once (`SOCKETS_UNPROVEN`)."""
        for attempt in itertools.count(1):
            try:
                self.sockets.append(await connect(self._url, person.token, self._hear))
                break
            except ConnectionError as refused:
                if attempt == ATTEMPTS or " 503 " not in str(refused):
                    raise
            await asyncio.sleep(ATTEMPT_SECONDS)
        self.tokens.append(person.token.encode())

    def _hear(self, _: bytes) -> None:
        self._heard = time.perf_counter()

    async def wait_quiet(self) -> bool:
        """Waits until no more presence frames arrive. Returns False if that takes too long."""
        until = time.perf_counter() + QUIET_TIMEOUT
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
            talk = Talk(rest, stack.url, by_socket=True)
            await talk.begin(PAIRS)
            people = await sign_up(rest, OWNERS)
            await talk.at_rate(100, 3)
            without = await _loads(stack, talk, scale)
            progress("connecting 2,000 sockets")
            crowd = Crowd(stack.url)
            await crowd.join(people, 2_000)
            await crowd.wait_quiet()
            beating = heartbeats(crowd.sockets, crowd.tokens, HEARTBEAT_SECONDS)
            rows = await with_background(beating, _beside(stack, talk, without, scale))
            talk.end()
            crowd.end()
        return rows

    with servers() as stack:
        rows = asyncio.run(run(stack))
    with servers() as stack:
        return rows + asyncio.run(_ten_thousand(stack, scale))


async def _loads(stack: Stack, talk: Talk, scale: float) -> Runs:
    """Runs each rate twice, alternating."""
    runs: Runs = {rate: [] for rate in LOADS}
    for _ in range(2):
        for rate, seconds in LOADS.items():
            progress(f"{rate:,} a second")
            runs[rate].append(await timed(stack, talk, rate, seconds * scale))
    return runs


async def _beside(stack: Stack, talk: Talk, without: Runs, scale: float) -> list[Row]:
    """Measures the same while others are connected, and profiles what falls short."""
    loaded = await _loads(stack, talk, scale)
    rows = []
    for rate, seconds in LOADS.items():
        changes = _changes(rate, without, loaded)
        if not all(row.ok for row in changes):
            load = talk.at_rate(rate, seconds * scale)
            what = f"{rate} a second beside 2,000 sockets"
            profile = await profiles.taken(stack, what, seconds * scale, load)
            for row in changes:
                row.profile = "" if row.ok else profile
        rows += changes
    return rows


def _changes(rate: int, without: Runs, loaded: Runs) -> list[Row]:
    what = f"2,000 more idle sockets with heartbeats, {rate:,} a second over sockets, change of"
    before, after = ([outcome for outcome, _ in runs[rate]] for runs in (without, loaded))
    cpu = loaded[rate][-1][1]
    return [change(what, percent, before, after, IDLE_TOLERANCE, cpu) for percent in (50, 99)]


async def _ten_thousand(stack: Stack, scale: float) -> list[Row]:
    count = int(MANY * min(1.0, scale * 2))
    async with Rest(stack.url) as rest:
        people = await sign_up(rest, OWNERS)
        meter, crowd = Meter(stack), Crowd(stack.url)
        meter.start()
        await asyncio.sleep(2)
        before = meter.stop()["web"].resident
        progress(f"connecting {count:,} sockets")
        await crowd.join(people, count)
        settled = await crowd.wait_quiet()
        progress(f"they {'are idle' if settled else 'still receive presence frames'}")
        meter.start()
        await asyncio.sleep(MANY_SECONDS * scale)
        cpu = meter.stop()
        alive = sum(not socket.closed for socket in crowd.sockets)
        crowd.end()
    each = (cpu["web"].resident - before) / max(1, alive) / 1_024
    cores = cpu["web"].cores
    what, noted = f"{count:,} idle sockets", "" if settled else ", while still receiving presence frames"
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
            await talk.at_rate(100, 3)
            crowd, meter = Crowd(stack.url), Meter(stack)
            meter.start()
            outcome, arrived = await asyncio.gather(talk.at_rate(200, 8), _arrive(crowd, people))
            cpu = meter.stop()
            talk.end()
            crowd.end()
        return _arrived(outcome, arrived, cpu)

    with servers() as stack:
        return asyncio.run(run(stack))


async def _arrive(crowd: Crowd, people: list[Person]) -> list[float]:
    """Connects each person on schedule, however long the others take. Returns the seconds until each was connected."""
    began = time.perf_counter()

    async def one(number: int, person: Person) -> float:
        await asyncio.sleep(max(0.0, began + number * ARRIVE_SECONDS / len(people) - time.perf_counter()))
        await crowd.add(person)
        return time.perf_counter() - began

    tried = await asyncio.gather(*(one(*each) for each in enumerate(people)), return_exceptions=True)
    return [each for each in tried if isinstance(each, float)]


def _arrived(outcome: Outcome, arrived: list[float], cpu: dict[str, Usage]) -> list[Row]:
    last = max(arrived, default=float("nan"))
    ok = len(arrived) == ARRIVING and last < ARRIVED_SECONDS
    lost = f"{outcome.lost} lost, {outcome.refused} refused"
    return [
        check(f"{ARRIVING} people come online, 200 a second", 99, outcome.latencies, 0.150, cpu),
        Row(
            "... who are all connected in time",
            f"{len(arrived)} in {last:.2f} s ({lost})",
            f"{ARRIVING} within {ARRIVED_SECONDS} s, none lost",
            ok and outcome.lost == outcome.refused == 0,
            cpu,
        ),
    ]
