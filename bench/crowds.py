"""Targets 2 and 4: what idle sockets cost, and many people who come online at once."""

import asyncio

from bench.house import Meter, Usage, house
from bench.messaging import Outcome, Talk, heartbeats, with_background
from bench.people import Person, sign_up
from bench.rest import Rest
from bench.rows import HEARTBEAT_SECONDS, PAIRS, Row, check, milliseconds, timed
from bench.sockets import Socket, connect
from tests.stack import Stack


def idle(scale: float) -> list[Row]:
    """Target 2: 2,000 more sockets with heartbeats change nothing; 10,000 cost little."""

    async def run(stack: Stack) -> list[Row]:
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url)
            await talk.begin(PAIRS)
            people = await sign_up(rest, 200)
            await talk.by_the_clock(100, 3)
            alone, alone_cpu = await timed(stack, talk, 300, 15 * scale)
            extra, tokens = await _crowd(stack.url, people, 2_000)
            await asyncio.sleep(8)
            beating = heartbeats(extra, tokens, HEARTBEAT_SECONDS)
            meter = Meter(stack)
            meter.start()
            crowded = await with_background(beating, talk.by_the_clock(300, 15 * scale))
            cpu = meter.stop()
            rows = [_change(alone, crowded, alone_cpu, cpu)]
            talk.end()
            for socket in extra:
                socket.close()
        return rows

    with house() as stack:
        rows = asyncio.run(run(stack))
    with house() as stack:
        return rows + asyncio.run(_ten_thousand(stack, scale))


def _change(alone: Outcome, crowded: Outcome, before: dict[str, Usage], after: dict[str, Usage]) -> Row:
    p50 = crowded.percentile(50) / alone.percentile(50) - 1
    what = "2,000 more idle sockets with heartbeats, 300 a second: change of p50"
    measured = (
        f"{p50:+.0%} (p50 {milliseconds(alone.percentile(50))} to {milliseconds(crowded.percentile(50))}, "
        f"p99 {milliseconds(alone.percentile(99))} to {milliseconds(crowded.percentile(99))}; "
        f"web {before['web'].cores:.2f} to {after['web'].cores:.2f} cores)"
    )
    return Row(what, measured, "under 10%", abs(p50) < 0.1 or p50 < 0, after)


async def _ten_thousand(stack: Stack, scale: float) -> list[Row]:
    count = int(10_000 * min(1.0, scale * 2))
    async with Rest(stack.url) as rest:
        people = await sign_up(rest, 200)
        meter = Meter(stack)
        meter.start()
        await asyncio.sleep(2)
        before = meter.stop()["web"].resident
        sockets, _ = await _crowd(stack.url, people, count)
        await asyncio.sleep(10)
        meter.start()
        await asyncio.sleep(30 * scale)
        after = meter.stop()["web"]
        alive = sum(not socket.closed for socket in sockets)
        for socket in sockets:
            socket.close()
    each = (after.resident - before) / max(1, alive) / 1_024
    return [
        Row(
            f"{count:,} idle sockets: memory each",
            f"{each:.1f} KB ({alive:,} alive)",
            "at most 50 KB",
            each <= 50 and alive == count,
        ),
        Row(
            f"{count:,} idle sockets: CPU of the web process",
            f"{after.cores:.1%} of a core",
            "under 10%",
            after.cores < 0.1,
        ),
    ]


async def _crowd(url: str, people: list[Person], count: int) -> tuple[list[Socket], list[bytes]]:
    """So many sockets of these people, a few at a time."""
    sockets: list[Socket] = []
    owners = [people[number % len(people)] for number in range(count)]
    for start_at in range(0, count, 50):
        batch = owners[start_at : start_at + 50]
        sockets += await asyncio.gather(*(connect(url, person.token, _ignore) for person in batch))
    return sockets, [person.token.encode() for person in owners]


def _ignore(_: bytes) -> None:
    """An idle socket's frames are read and dropped."""


def arrivals(scale: float) -> list[Row]:
    """Target 4: 500 people come online within 5 s while 200 messages a second flow."""

    async def run(stack: Stack) -> list[Row]:
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url)
            await talk.begin(PAIRS)
            people = await sign_up(rest, 500)
            await talk.by_the_clock(100, 3)

            async def arrive() -> None:
                for person in people:
                    sockets.append(await connect(stack.url, person.token, _ignore))
                    await asyncio.sleep(5 / len(people) * 0.7)

            sockets: list[Socket] = []
            meter = Meter(stack)
            meter.start()
            outcome = await with_background(arrive(), talk.by_the_clock(200, 8))
            cpu = meter.stop()
            for socket in (*talk.sockets, *sockets):
                socket.close()
        return [
            check("500 people come online, 200 a second: p99 from post to socket", outcome.percentile(99), 0.150, cpu)
        ]

    with house() as stack:
        return asyncio.run(run(stack))
