"""What is measured, one function a target. Each answers rows for the report."""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench import reading, start, voice
from bench.house import Meter, Usage, house
from bench.messaging import Outcome, Talk, heartbeats, with_background
from bench.people import Person, sign_up
from bench.rest import Rest
from bench.sockets import Socket, connect
from tests.stack import Stack

PAIRS = 20
LEVERS = (  # the functions of `bench.without`
    "no_groups",
    "a_task_for_every_message",
    "encode_for_every_socket",
    "check_every_signature",
    "standard_json",
    "ask_redis_on_every_heartbeat",
)
HEARTBEAT_SECONDS = 5.0  # as the oldest clients
FLOOR = "exec gunicorn -c python:config.gunicorn 'bench.floor:create_app()'"
WEB = "exec gunicorn -c python:config.gunicorn 'bench.without:create_app()'"
WORKER = (
    "exec celery --quiet -A bench.without worker -Q chat -n chat@%h --concurrency 2 --without-gossip --without-mingle"
)


@dataclass
class Row:
    """One figure. `ok` says whether it reaches its target; None where there is none to reach."""

    what: str
    measured: str
    target: str = ""
    ok: bool | None = None
    cpu: dict[str, Usage] = field(default_factory=dict)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def check(what: str, value: float, most: float, cpu: Mapping[str, Usage] | None = None) -> Row:
    """A latency and the most it may be, in seconds."""
    return Row(what, milliseconds(value), f"under {milliseconds(most)}", value < most, dict(cpu or {}))


def is_kept(outcome: Outcome) -> bool:
    return outcome.lost == 0 and outcome.refused == 0


async def timed(stack: Stack, talk: Talk, rate: float, seconds: float) -> tuple[Outcome, dict[str, Usage]]:
    meter = Meter(stack)
    meter.start()
    outcome = await talk.by_the_clock(rate, seconds)
    return outcome, meter.stop()


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
    """How many messages MongoDB holds, and how many of those that Redis holds it misses."""
    from chat import channels
    from chat.store.connection import connect as connect_stores
    from dev.processes import wait_until

    stores = connect_stores(stack.settings())
    wait_until(lambda: not stores.redis.exists(channels.OUTBOX), 60, "the archive")
    hot = sum(
        stores.redis.zcard(key) for key in stores.redis.scan_iter(match=channels.conversation_key("*"), count=1_000)
    )
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


def levers(scale: float) -> list[Row]:
    """What each optimisation is worth: the same load with it, without it, alternating."""
    runs: dict[str, list[tuple[Outcome, dict[str, Usage]]]] = {}
    for name in ("", *LEVERS):
        runs[name] = [_with_lever_off(name, scale)]
    for name in LEVERS:
        runs[name].append(_with_lever_off(name, scale))
        runs[""].append(_with_lever_off("", scale))
    base = min(sum(use.cores for key, use in cpu.items() if key != "load") / each.rate for each, cpu in runs[""])
    rows = []
    for name in LEVERS:
        cost = min(sum(use.cores for key, use in cpu.items() if key != "load") / each.rate for each, cpu in runs[name])
        slow = min(each.percentile(50) for each, _ in runs[name])
        fast = min(each.percentile(50) for each, _ in runs[""])
        what = f"without it: {name.replace('_', ' ')}"
        rows.append(Row(what, f"{cost / base:.2f} times the CPU a message, {slow / fast:.2f} times the p50"))
    return rows


def _with_lever_off(name: str, scale: float) -> tuple[Outcome, dict[str, Usage]]:
    with house({"LEVER_OFF": name}, {"web": WEB, "worker": WORKER}) as stack:

        async def run() -> tuple[Outcome, dict[str, Usage]]:
            async with Rest(stack.url) as rest:
                talk = Talk(rest, stack.url)
                await talk.begin(PAIRS)
                tokens = [person.token.encode() for pair in talk.pairs for person in pair]
                beating = heartbeats(talk.sockets, tokens, HEARTBEAT_SECONDS / 10)
                await talk.by_the_clock(100, 2)
                meter = Meter(stack)
                meter.start()
                outcome = await with_background(beating, talk.by_the_clock(250, 8 * scale))
                return outcome, meter.stop()

        return asyncio.run(run())


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


def history_and_search(scale: float) -> list[Row]:
    """Target 3: a page from a long conversation costs what one from a short one does; search over 100,000 messages."""

    async def run(stack: Stack) -> list[Row]:
        async with Rest(stack.url, connections=2) as rest:
            found = await reading.measure(stack, rest)
        rows = [
            check(f"a page of 50 from {length:,} messages, p99", _percentile(times, 99), 0.010)
            for length, times in found.pages.items()
        ]
        rows.append(check("search over 100,000 messages of one's own, p99", _percentile(found.searches, 99), 0.025))
        return rows

    with house() as stack:
        return asyncio.run(run(stack))


def _percentile(values: list[float], percent: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


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
        p99 = _percentile(came, 99) if came else float("nan")
        return [
            Row(
                "20 voice messages a second: transcribed",
                f"{len(came)} of {spoken.posted}, p50 {milliseconds(_percentile(came, 50))}, p99 {milliseconds(p99)}",
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


def start_and_memory(scale: float) -> list[Row]:
    """Target 6: a cold start, and memory at rest."""
    with house() as stack:
        held = start.at_rest(stack)
        seconds = start.cold_start(stack)
    rows = [Row("cold start of a web process", f"{seconds:.2f} s", "under 2 s", seconds < 2)]
    return rows + [
        Row(f"memory of a {name} process at rest", f"{size / 2**20:.0f} MB", "under 120 MB", size < 120 * 2**20)
        for name, size in held.items()
    ]


SCENARIOS = {
    "start": start_and_memory,
    "messaging": messaging,
    "maximum": maximum,
    "idle": idle,
    "reading": history_and_search,
    "arrivals": arrivals,
    "speech": speech,
    "levers": levers,
}
