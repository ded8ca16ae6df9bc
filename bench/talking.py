"""Targets 1 and 5: how fast messages go, and how many; and whether voice messages disturb them."""

import asyncio
import tempfile
from pathlib import Path

from bench import voice
from bench.house import Meter, Usage, house
from bench.messaging import Outcome, Talk
from bench.rest import Rest
from bench.rows import PAIRS, Row, check, is_kept, milliseconds, percentile, timed
from chat import channels
from dev.processes import wait_until
from tests.stack import Stack
from tests.stores import open_stores

FLOOR = "exec gunicorn -c python:config.gunicorn 'bench.floor:create_app()'"


def messaging(scale: float) -> list[Row]:
    """Target 1: 20 pairs at 10, 300 and 1,000 messages a second."""

    async def run(stack: Stack) -> list[Row]:
        rows = []
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url)
            await talk.begin(PAIRS)
            await talk.by_the_clock(100, 3)  # warm
            calm, cpu = await timed(stack, talk, 10, 15 * scale)
            rows.append(check("10 a second, p50 from post to socket", calm.percentile(50), 0.006, cpu))
            busy, cpu = await timed(stack, talk, 300, 20 * scale)
            rows.append(check("300 a second, p99 from post to socket", busy.percentile(99), 0.060, cpu))
            full, cpu = await timed(stack, talk, 1_000, 60 * scale)
            stored = await asyncio.to_thread(_stored_since, stack)
            what = f"1,000 a second for {60 * scale:.0f} s: reached both sockets, each second"
            measured = (
                f"{full.rate:,.0f} ({full.lost} lost, {full.refused} refused; p99 {milliseconds(full.percentile(99))})"
            )
            rows.append(Row(what, measured, "1,000, none lost", is_kept(full) and full.rate >= 995, cpu))
            rows.append(Row("... and are in both stores", stored, "all", stored.endswith("0 missing")))
            talk.end()
        return rows

    with house() as stack:
        return asyncio.run(run(stack))


def _stored_since(stack: Stack) -> str:
    """How many messages Redis and MongoDB hold, once nothing waits between them."""
    with open_stores(stack.settings()) as stores:
        wait_until(lambda: not stores.redis.exists(channels.OUTBOX), 60, "the archive")
        keys = stores.redis.scan_iter(match=channels.conversation_key("*"), count=1_000)
        hot = sum(stores.redis.zcard(key) for key in keys)
        archived = stores.mongo.messages.count_documents({})
    return f"{hot:,} and {archived:,}, {abs(hot - archived)} missing"


def maximum(scale: float) -> list[Row]:
    """The most that goes through, ours beside the floor of the stack, alternating."""
    found: dict[str, list[tuple[Outcome, dict[str, Usage]]]] = {"ours": [], "the floor": []}
    for _ in range(2):
        for name, commands in (("ours", {}), ("the floor", {"web": FLOOR})):
            with house(commands=commands) as stack:
                found[name].append(asyncio.run(_as_fast_as_it_goes(stack, 10 * scale)))
    rows = []
    for name, runs in found.items():
        outcome, cpu = max(runs, key=lambda run: run[0].rate)
        rows.append(Row(f"closed loop, {name}", f"{outcome.rate:,.0f} a second ({_cost(outcome, cpu)})", cpu=cpu))
    return rows


async def _as_fast_as_it_goes(stack: Stack, seconds: float) -> tuple[Outcome, dict[str, Usage]]:
    async with Rest(stack.url) as rest:
        talk = Talk(rest, stack.url)
        await talk.begin(PAIRS)
        await talk.as_fast_as_it_goes(32, 2)
        meter = Meter(stack)
        meter.start()
        outcome = await talk.as_fast_as_it_goes(32, seconds)
        cpu = meter.stop()
        talk.end()
        return outcome, cpu


def _cost(outcome: Outcome, cpu: dict[str, Usage]) -> str:
    """Milliseconds of CPU a message, by process."""
    parts = ("web", "worker", "redis", "mongod")
    return (
        ", ".join(f"{name} {cpu[name].cores * 1_000 / max(1.0, outcome.rate):.2f}" for name in parts)
        + " ms of CPU each"
    )


def speech(scale: float) -> list[Row]:
    """Target 5: 20 voice messages a second through one transcription worker; text does not notice."""

    async def run(stack: Stack) -> list[Row]:
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url)
            await talk.begin(PAIRS)
            speakers = voice.Speakers(rest, stack.url, talk.pairs)
            await speakers.begin()
            await talk.by_the_clock(100, 3)
            alone, _ = await timed(stack, talk, 100, 15 * scale)
            meter = Meter(stack)
            meter.start()
            together, spoken = await asyncio.gather(talk.by_the_clock(100, 20 * scale), speakers.speak(20, 20 * scale))
            cpu = meter.stop()
            talk.end()
            speakers.end()
        came = spoken.latencies
        p99 = percentile(came, 99) if came else float("nan")
        return [
            Row(
                "20 voice messages a second: transcribed",
                f"{len(came)} of {spoken.posted}, p50 {milliseconds(percentile(came, 50))}, p99 {milliseconds(p99)}",
                "all, without a queue building up",
                spoken.lost == 0 and p99 < 2.0,
                cpu,
            ),
            Row(
                "... and text meanwhile, p99 at 100 a second",
                f"{milliseconds(alone.percentile(99))} alone, {milliseconds(together.percentile(99))} beside voice",
                "does not move",
                together.percentile(99) < max(0.060, alone.percentile(99) * 1.5),
            ),
        ]

    with tempfile.TemporaryDirectory() as folder, voice.stand_in(Path(folder)) as settings, house(settings) as stack:
        return asyncio.run(run(stack))
