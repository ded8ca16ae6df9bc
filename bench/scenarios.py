"""The scenarios by name; each returns rows for the report."""

import asyncio
from collections.abc import Callable

from bench import reading, start
from bench.crowds import arrivals, idle
from bench.growth import growth
from bench.levers import levers
from bench.live import live
from bench.million import million
from bench.page import page
from bench.peers import peers
from bench.rest import Rest
from bench.rows import Row, check
from bench.servers import servers
from bench.speech import recognisers
from bench.talking import maximum, messaging, sending, speech
from tests.stack import Stack


def history_and_search(scale: float) -> list[Row]:
    """Target 3: a page takes as long from a long conversation as from a short one; search over 100,000 messages."""

    async def run(stack: Stack) -> list[Row]:
        async with Rest(stack.url, connections=2) as rest:
            found = await reading.measure(stack, rest, scale)
        rows = [
            check(f"a page of 50 from {length:,} messages", 99, times, 0.010, found.pages_cpu)
            for length, times in found.pages.items()
        ]
        what = "search over 100,000 messages of one's own"
        return [*rows, check(what, 99, found.searches, 0.025, found.searches_cpu)]

    with servers() as stack:
        return asyncio.run(run(stack))


# Not among those that run by default: in `live` people speak for as long as they speak, `peers` needs other servers,
# `growth` is about more than one machine, `million` only computes.
APART = ("live", "peers", "growth", "million")
SCENARIOS: dict[str, Callable[[float], list[Row]]] = {
    "start": start.start_and_memory,
    "messaging": messaging,
    "sending": sending,
    "maximum": maximum,
    "idle": idle,
    "reading": history_and_search,
    "arrivals": arrivals,
    "voices": speech,
    "speech": recognisers,
    "levers": levers,
    "live": live,
    "page": page,
    "peers": peers,
    "growth": growth,
    "million": million,
}
