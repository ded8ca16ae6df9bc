"""Measures what each optimisation is worth: the same load with it and without it."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from bench.load import Outcome
from bench.messaging import Talk, heartbeats, with_background
from bench.people import Person, sign_up
from bench.rest import Rest
from bench.rows import HEARTBEAT_SECONDS, PAIRS, Row, is_complete, milliseconds, percentiles, progress
from bench.servers import Meter, Usage, servers
from bench.sockets import connect
from tests.stack import Stack

LEVERS = (  # the functions of `bench.without`
    "three_round_trips_to_accept",
    "a_round_trip_for_every_message",
    "no_groups",
    "a_task_for_every_message",
    "a_round_trip_between_storing_and_delivering",
    "archive_before_delivering",
    "encode_for_every_socket",
    "a_greenlet_for_every_frame",
    "check_every_signature",
    "standard_json",
    "parse_every_heartbeat",
    "ask_redis_on_every_heartbeat",
    "tell_presence_at_once",
)
WEB = "exec gunicorn -c python:config.gunicorn 'bench.without:create_app()'"
WORKER = (
    "exec celery --quiet -A bench.without worker -Q chat -n chat@%h --concurrency 2 --without-gossip --without-mingle"
)
RATE, SECONDS = 250, 10.0
RELOADING = 10  # people who reload their page in turn, one every `RELOAD_SECONDS`, to give presence work
RELOAD_SECONDS = 0.25


@dataclass(frozen=True)
class Run:
    outcome: Outcome
    cpu: dict[str, Usage]

    @property
    def cost(self) -> float:
        """The servers' CPU seconds per message."""
        return sum(use.cores for name, use in self.cpu.items() if name != "load") / max(1.0, self.outcome.rate)


def levers(scale: float) -> list[Row]:
    """What each optimisation is worth: one run without each, between three with all of them."""
    middle = len(LEVERS) // 2
    base, runs = [], {}
    for names in (LEVERS[:middle], LEVERS[middle:]):
        base.append(_run("", scale))
        for name in names:
            runs[name] = _run(name, scale)
    base.append(_run("", scale))
    cost = _mean([run.cost for run in base])
    p50, p99 = (_mean([run.outcome.percentile(percent) for run in base]) for percent in (50, 99))
    rows = [_with_all(base, cost, p50, p99)]
    for name, run in runs.items():
        measured = (
            f"{run.cost / cost:.2f} times the CPU a message, {run.outcome.percentile(50) / p50:.2f} times the p50, "
            f"{run.outcome.percentile(99) / p99:.2f} times the p99"
        )
        if not is_complete(run.outcome):
            measured += f"; {run.outcome.lost} lost, {run.outcome.refused} refused"
        what = f"without it: {name.replace('_', ' ')}"
        rows.append(Row(what, measured, cpu=run.cpu, latencies=percentiles(run.outcome.latencies)))
    return rows


def _with_all(base: Sequence[Run], cost: float, p50: float, p99: float) -> Row:
    spread = (max(run.cost for run in base) - min(run.cost for run in base)) / cost
    p50s = [run.outcome.percentile(50) for run in base]
    measured = (
        f"{cost * 1_000:.2f} ms of CPU a message, p50 {milliseconds(p50)}, p99 {milliseconds(p99)}; its "
        f"{len(base)} runs are {spread:.0%} apart in CPU and {(max(p50s) - min(p50s)) / p50:.0%} in p50"
    )
    return Row(f"with every lever, {RATE} a second", measured, cpu=base[0].cpu, latencies={"p50": p50, "p99": p99})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _run(name: str, scale: float) -> Run:
    progress(f"without it: {name}" if name else "with all of them")
    with servers({"LEVER_OFF": name}, {"web": WEB, "worker": WORKER}) as stack:
        return asyncio.run(_load(stack, SECONDS * scale))


async def _load(stack: Stack, seconds: float) -> Run:
    async with Rest(stack.url) as rest:
        talk = Talk(rest, stack.url)
        await talk.begin(PAIRS)
        others = await sign_up(rest, RELOADING)
        tokens = [person.token.encode() for pair in talk.pairs for person in pair]
        await talk.at_rate(100, 2)
        background = asyncio.gather(
            heartbeats(talk.sockets, tokens, HEARTBEAT_SECONDS / 10), _reload_pages(stack.url, others)
        )
        meter = Meter(stack)
        meter.start()
        outcome = await with_background(background, talk.at_rate(RATE, seconds))
        return Run(outcome, meter.stop())


async def _reload_pages(url: str, people: list[Person]) -> None:
    """Closes and reopens one person's socket after the other, for ever."""
    sockets = [await connect(url, person.token, lambda _: None) for person in people]
    for number in itertools.count():
        which = number % len(people)
        sockets[which].close()
        sockets[which] = await connect(url, people[which].token, lambda _: None)
        await asyncio.sleep(RELOAD_SECONDS)
