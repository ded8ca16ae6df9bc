"""Targets 1 and 5: how fast messages go, and how many; and whether voice messages disturb them."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path

from bench import voice
from bench.compare import moved
from bench.house import Meter, Usage, house
from bench.messaging import Outcome, Talk
from bench.rest import Rest
from bench.rows import PAIRS, Row, check, is_kept, milliseconds, percentiles, progress, timed
from chat.store import keys
from dev.processes import wait_until
from tests.stack import Stack
from tests.stores import open_stores

FLOOR = "exec gunicorn -c python:config.gunicorn 'bench.floor:create_app()'"
FULL, FULL_LEAST = 1_000, 990  # the last messages take their latency longer than the load lasts
STORED_SECONDS = 60.0
VOICE_MOST = 0.005
TRANSCRIBED_MOST = 2.0


def messaging(scale: float) -> list[Row]:
    """Target 1: 20 pairs at 10, 300 and 1,000 messages a second."""

    async def run(stack: Stack) -> list[Row]:
        rows = []
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url)
            await talk.begin(PAIRS)
            await talk.by_the_clock(100, 3)  # warm
            calm, cpu = await timed(stack, talk, 10, 15 * scale)
            rows.append(check("10 a second, from post to socket", 50, calm.latencies, 0.006, cpu))
            busy, cpu = await timed(stack, talk, 300, 20 * scale)
            rows.append(check("300 a second, from post to socket", 99, busy.latencies, 0.060, cpu))
            full, cpu = await timed(stack, talk, FULL, 60 * scale)
            rows.append(_sustained(full, 60 * scale, cpu))
            rows.append(await asyncio.to_thread(_stored, stack, talk.accepted))
            talk.end()
        return rows

    with house() as stack:
        return asyncio.run(run(stack))


def _sustained(full: Outcome, seconds: float, cpu: dict[str, Usage]) -> Row:
    measured = f"{full.rate:,.0f} ({full.lost} lost, {full.refused} refused; p99 {milliseconds(full.percentile(99))})"
    return Row(
        f"{FULL:,} a second for {seconds:.0f} s: reached both sockets, each second until the last came",
        measured,
        f"{FULL:,} (at least {FULL_LEAST}), none lost",
        is_kept(full) and full.rate >= FULL_LEAST,
        cpu,
        percentiles(full.latencies),
    )


def _stored(stack: Stack, accepted: int) -> Row:
    """How many messages Redis and MongoDB hold, once nothing waits before them or between them."""
    meter = Meter(stack)
    meter.start()
    with open_stores(stack.settings()) as stores:

        def waiting() -> int:
            return int(stores.redis.xlen(keys.ACCEPTED)) + int(stores.redis.zcard(keys.OUTBOX))

        with suppress(TimeoutError):  # the row then says what is still on its way
            wait_until(lambda: not waiting(), STORED_SECONDS, "the stores")
        left = waiting()
        script_keys = stores.redis.scan_iter(match=keys.conversation_key("*"), count=1_000)
        hot = sum(int(stores.redis.zcard(key)) for key in script_keys)
        archived = stores.mongo.messages.count_documents({})
    return Row(
        f"... and of all {accepted:,} accepted until then, in both stores",
        f"{hot:,} in Redis, {archived:,} in MongoDB, {left} on their way",
        "all",
        hot == archived == accepted and not left,
        meter.stop(),
    )


def maximum(scale: float) -> list[Row]:
    """The most that goes through, ours beside the floor of the stack, alternating."""
    found: dict[str, list[tuple[Outcome, dict[str, Usage]]]] = {"ours": [], "the floor": []}
    for _ in range(2):
        for name, commands in (("ours", {}), ("the floor", {"web": FLOOR})):
            progress(name)
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
        alone, beside, spoken = [], [], voice.Spoken()
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url)
            await talk.begin(PAIRS)
            speakers = voice.Speakers(rest, stack.url, talk.pairs)
            await speakers.begin()
            await talk.by_the_clock(100, 3)
            for _ in range(2):
                progress("text alone")
                alone.append(await talk.by_the_clock(100, 15 * scale))
                progress("text beside voice")
                meter = Meter(stack)
                meter.start()
                together, said = await asyncio.gather(
                    talk.by_the_clock(100, 15 * scale), speakers.speak(20, 15 * scale)
                )
                cpu = meter.stop()
                beside.append(together)
                spoken.add(said)
            talk.end()
            speakers.end()
        what = "... and text meanwhile, 100 a second, change of"
        return [_transcribed(spoken, cpu), *(moved(what, each, alone, beside, VOICE_MOST, cpu) for each in (50, 99))]

    with tempfile.TemporaryDirectory() as folder, voice.stand_in(Path(folder)) as settings, house(settings) as stack:
        return asyncio.run(run(stack))


def _transcribed(spoken: voice.Spoken, cpu: dict[str, Usage]) -> Row:
    found = percentiles(spoken.latencies)
    return Row(
        "20 voice messages a second: transcribed",
        f"{len(spoken.latencies)} of {spoken.posted}, "
        f"p50 {milliseconds(found['p50'])}, p99 {milliseconds(found['p99'])}",
        "all, without a queue building up (p99 under 2 s)",
        spoken.lost == 0 and found["p99"] < TRANSCRIBED_MOST,
        cpu,
        found,
        TRANSCRIBED_MOST,
    )
