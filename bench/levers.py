"""What each optimisation is worth: the same load with it and without it, alternating."""

import asyncio

from bench.house import Meter, Usage, house
from bench.messaging import Outcome, Talk, heartbeats, with_background
from bench.rest import Rest
from bench.rows import HEARTBEAT_SECONDS, PAIRS, Row

LEVERS = (  # the functions of `bench.without`
    "no_groups",
    "a_task_for_every_message",
    "encode_for_every_socket",
    "check_every_signature",
    "standard_json",
    "ask_redis_on_every_heartbeat",
)
WEB = "exec gunicorn -c python:config.gunicorn 'bench.without:create_app()'"
WORKER = (
    "exec celery --quiet -A bench.without worker -Q chat -n chat@%h --concurrency 2 --without-gossip --without-mingle"
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
