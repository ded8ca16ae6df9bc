"""One row of the result, and what makes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.house import Meter, Usage
from bench.messaging import Outcome, Talk
from tests.stack import Stack

PAIRS = 20
HEARTBEAT_SECONDS = 5.0  # as the oldest clients


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


def percentile(values: list[float], percent: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]
