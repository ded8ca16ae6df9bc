"""Targets 1 and 5: the latency and throughput of messages, and whether voice messages disturb them."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path

from bench import profiles, voice
from bench.compare import change
from bench.load import Outcome
from bench.messaging import Talk
from bench.rest import Rest
from bench.rows import PAIRS, Row, check, is_complete, milliseconds, percentiles, progress, timed
from bench.servers import Meter, Usage, servers
from chat.messages import log as accepted_log
from chat.messages import storing
from chat.store import keys
from dev.processes import wait_until
from tests.stack import Stack
from tests.stores import open_stores

BARE = "exec gunicorn -c python:config.gunicorn 'bench.bare:create_app()'"
FULL, MIN_FULL = 1_000, 990  # slightly less, since the last messages arrive after the load has ended
PARTS = ("web", "worker", "redis", "mongod")  # the processes that a text costs
# What is to be reached on two cores, so that it is faster than ejabberd
SENDERS = 40  # of a closed loop
MAX_RATE, MAX_CPU_MS = 2_000, 0.85  # messages a second, and CPU of all processes for each
BOUNDS = {10: (0.0015, 0.005), 300: (0.001, 0.004), FULL: (0.004, 0.030)}  # seconds at p50 and p99, by rate
STORED_SECONDS = 60.0
VOICE_TOLERANCE, VOICE_FRACTION = 0.001, 0.2  # by how much text may slow down, in seconds or of what it took
PROFILED_SECONDS = 6.0
MAX_TRANSCRIPTION = 2.0


def messaging(scale: float) -> list[Row]:
    """Target 1: 20 pairs at 10, 300 and 1,000 messages a second."""

    async def run(stack: Stack) -> list[Row]:
        rows = []
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url)
            await talk.begin(PAIRS)
            await talk.at_rate(100, 3)  # warm-up
            calm, cpu = await timed(stack, talk, 10, 15 * scale)
            rows.append(check("10 a second, from post to socket", 50, calm.latencies, 0.006, cpu))
            busy, cpu = await timed(stack, talk, 300, 20 * scale)
            rows.append(check("300 a second, from post to socket", 99, busy.latencies, 0.060, cpu))
            full, cpu = await timed(stack, talk, FULL, 60 * scale)
            rows.append(_sustained(full, 60 * scale, cpu))
            rows.append(await asyncio.to_thread(_stored, stack, talk.accepted))
            talk.end()
        return rows

    with servers() as stack:
        return asyncio.run(run(stack))


def _sustained(full: Outcome, seconds: float, cpu: dict[str, Usage]) -> Row:
    measured = f"{full.rate:,.0f} ({full.lost} lost, {full.refused} refused; p99 {milliseconds(full.percentile(99))})"
    return Row(
        f"{FULL:,} a second for {seconds:.0f} s: messages a second that reached both sockets",
        measured,
        f"{FULL:,} (at least {MIN_FULL}), none lost",
        is_complete(full) and full.rate >= MIN_FULL,
        cpu,
        percentiles(full.latencies),
    )


def _stored(stack: Stack, accepted: int) -> Row:
    """Counts the messages in Redis and MongoDB once nothing is waiting in the log or the outbox."""
    meter = Meter(stack)
    meter.start()
    with open_stores(stack.settings()) as stores:

        def waiting() -> int:
            return accepted_log.waiting(stores).entries + storing.waiting_for_archive(stores)

        with suppress(TimeoutError):  # the row then says how many are still on their way
            wait_until(lambda: not waiting(), STORED_SECONDS, "the stores")
        left = waiting()
        script_keys = stores.redis.scan_iter(match=keys.EVERY_CONVERSATION, count=1_000)
        hot = sum(int(stores.redis.zcard(key)) for key in script_keys)
        archived = stores.mongo.messages.count_documents({})
    return Row(
        f"... and of all {accepted:,} messages accepted so far, in both stores",
        f"{hot:,} in Redis, {archived:,} in MongoDB, {left} on their way",
        "all",
        hot == archived == accepted and not left,
        meter.stop(),
    )


def sending(scale: float) -> list[Row]:
    """The same messages by calls and over the sockets that are open anyway, alternating."""

    async def run(stack: Stack) -> list[Row]:
        rows = []
        async with Rest(stack.url) as rest:
            talks = {"by calls": Talk(rest, stack.url), "over sockets": Talk(rest, stack.url, by_socket=True)}
            for talk in talks.values():
                await talk.begin(PAIRS)
                await talk.at_rate(100, 3)
            for rate, bounds in BOUNDS.items():
                for way, talk in talks.items():
                    progress(f"{way}, {rate:,} a second")
                    outcome, cpu = await timed(stack, talk, rate, 20 * scale)
                    row = _within(f"{rate:,} a second, {way}", outcome, bounds, cpu)
                    if not row.ok:
                        seconds = PROFILED_SECONDS * scale
                        row.profile = await profiles.taken(stack, row.what, seconds, talk.at_rate(rate, seconds))
                    rows.append(row)
            for talk in talks.values():
                talk.end()
        return rows

    with servers() as stack:
        return asyncio.run(run(stack))


def _within(what: str, outcome: Outcome, bounds: tuple[float, float], cpu: dict[str, Usage]) -> Row:
    found, (median, most) = percentiles(outcome.latencies), bounds
    measured = f"p50 {milliseconds(found['p50'])}, p99 {milliseconds(found['p99'])} ({_cost(outcome, cpu)})"
    target = f"p50 under {milliseconds(median)}, p99 under {milliseconds(most)}"
    reached = is_complete(outcome) and found["p50"] < median and found["p99"] < most
    return Row(what, measured, target, reached, cpu, found, most)


def maximum(scale: float) -> list[Row]:
    """The maximum throughput of the application, by calls and over sockets, and of the bare stack, alternating."""
    ways: dict[str, tuple[dict[str, str], bool]] = {
        "ours, by calls": ({}, False),
        "ours, over sockets": ({}, True),
        "the bare stack": ({"web": BARE}, False),
    }
    found: dict[str, list[tuple[Outcome, dict[str, Usage], str]]] = {name: [] for name in ways}
    for _ in range(2):
        for name, (commands, by_socket) in ways.items():
            progress(name)
            with servers(commands=commands) as stack:
                found[name].append(asyncio.run(_at_full_speed(stack, name, 10 * scale, by_socket)))
    rows = []
    for name, runs in found.items():
        outcome, cpu, profile = max(runs, key=lambda run: run[0].rate)
        row = Row(f"closed loop, {SENDERS} at once, {name}", f"{outcome.rate:,.0f} a second ({_cost(outcome, cpu)})")
        row.cpu = cpu
        if name.startswith("ours"):
            row.target = f"{MAX_RATE:,} a second, at most {MAX_CPU_MS:g} ms of CPU each"
            row.ok = _is_fast(outcome, cpu)
            row.profile = "" if row.ok else profile
        rows.append(row)
    return rows


async def _at_full_speed(
    stack: Stack, name: str, seconds: float, by_socket: bool
) -> tuple[Outcome, dict[str, Usage], str]:
    """Also profiles it, in a run of its own, if it is ours and too slow."""
    async with Rest(stack.url) as rest:
        talk = Talk(rest, stack.url, by_socket=by_socket)
        await talk.begin(PAIRS)
        await talk.at_full_speed(SENDERS, 2)
        meter = Meter(stack)
        meter.start()
        outcome = await talk.at_full_speed(SENDERS, seconds)
        cpu, profile = meter.stop(), ""
        if name.startswith("ours") and not _is_fast(outcome, cpu):
            profile = await profiles.taken(stack, f"closed loop {name}", seconds, talk.at_full_speed(SENDERS, seconds))
        talk.end()
        return outcome, cpu, profile


def _is_fast(outcome: Outcome, cpu: dict[str, Usage]) -> bool:
    return is_complete(outcome) and outcome.rate >= MAX_RATE and _cpu_ms(outcome, cpu) <= MAX_CPU_MS


def _cpu_ms(outcome: Outcome, cpu: dict[str, Usage]) -> float:
    """Milliseconds of CPU per message, in all processes."""
    return sum(usage.cores for name, usage in cpu.items() if name != "load") * 1_000 / max(1.0, outcome.rate)


def _cost(outcome: Outcome, cpu: dict[str, Usage]) -> str:
    """The same, and for those processes that have most of it."""
    parts = (f"{name} {cpu[name].cores * 1_000 / max(1.0, outcome.rate):.2f}" for name in PARTS)
    return f"{_cpu_ms(outcome, cpu):.2f} ms of CPU each: {', '.join(parts)}"


def speech(scale: float) -> list[Row]:
    """Target 5: 20 voice messages a second through one transcription worker, without slowing text."""

    async def run(stack: Stack) -> list[Row]:
        without, loaded, spoken = [], [], voice.Spoken()
        async with Rest(stack.url) as rest:
            talk = Talk(rest, stack.url, by_socket=True)
            await talk.begin(PAIRS)
            speakers = voice.Speakers(rest, stack.url, talk.pairs)
            await speakers.begin()
            await talk.at_rate(100, 3)
            for _ in range(2):
                progress("text only")
                without.append(await talk.at_rate(100, 15 * scale))
                progress("text and voice")
                meter = Meter(stack)
                meter.start()
                together, said = await asyncio.gather(talk.at_rate(100, 15 * scale), speakers.speak(20, 15 * scale))
                cpu = meter.stop()
                loaded.append(together)
                spoken.add(said)
            what = "... and text over sockets meanwhile, 100 a second, change of"
            changes = [
                change(what, percent, without, loaded, VOICE_TOLERANCE, cpu, VOICE_FRACTION) for percent in (50, 99)
            ]
            if not all(row.ok for row in changes):
                seconds = PROFILED_SECONDS * scale
                both = asyncio.gather(talk.at_rate(100, seconds), speakers.speak(20, seconds))
                profile = await profiles.taken(stack, "text beside voice messages", seconds, both)
                for row in changes:
                    row.profile = "" if row.ok else profile
            talk.end()
            speakers.end()
        return [_transcribed(spoken, cpu), *changes]

    with tempfile.TemporaryDirectory() as folder, voice.stand_in(Path(folder)) as settings, servers(settings) as stack:
        return asyncio.run(run(stack))


def _transcribed(spoken: voice.Spoken, cpu: dict[str, Usage]) -> Row:
    found = percentiles(spoken.latencies)
    return Row(
        "20 voice messages a second: transcribed",
        f"{len(spoken.latencies)} of {spoken.posted}, {spoken.refused} refused, "
        f"p50 {milliseconds(found['p50'])}, p99 {milliseconds(found['p99'])}",
        "all, without a queue building up (p99 under 2 s)",
        spoken.lost == spoken.refused == 0 and found["p99"] < MAX_TRANSCRIPTION,
        cpu,
        found,
        MAX_TRANSCRIPTION,
    )
