"""What is measured, by name; each answers rows for the report."""

import asyncio
from collections.abc import Callable

from bench import reading, start
from bench.crowds import arrivals, idle
from bench.house import house
from bench.levers import levers
from bench.rest import Rest
from bench.rows import Row, check, percentile
from bench.talking import maximum, messaging, speech
from tests.stack import Stack


def history_and_search(scale: float) -> list[Row]:
    """Target 3: a page from a long conversation costs what one from a short one does; search over 100,000 messages."""

    async def run(stack: Stack) -> list[Row]:
        async with Rest(stack.url, connections=2) as rest:
            found = await reading.measure(stack, rest)
        rows = [
            check(f"a page of 50 from {length:,} messages, p99", percentile(times, 99), 0.010)
            for length, times in found.pages.items()
        ]
        rows.append(check("search over 100,000 messages of one's own, p99", percentile(found.searches, 99), 0.025))
        return rows

    with house() as stack:
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


SCENARIOS: dict[str, Callable[[float], list[Row]]] = {
    "start": start_and_memory,
    "messaging": messaging,
    "maximum": maximum,
    "idle": idle,
    "reading": history_and_search,
    "arrivals": arrivals,
    "speech": speech,
    "levers": levers,
}
