"""One row of the result, and what makes one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.house import Meter, Usage
from bench.messaging import Outcome, Talk, percentile
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
    latencies: dict[str, float] = field(default_factory=dict)  # "p50" and "p99" in seconds, for the picture
    most: float | None = None  # the target's line there


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def check(
    what: str, percent: int, latencies: Iterable[float], most: float, cpu: Mapping[str, Usage] | None = None
) -> Row:
    """The `percent`th of these latencies and the most it may be, in seconds."""
    found = percentiles(latencies)
    value = found.pop(f"p{percent}")
    ((other, beside),) = found.items()
    return Row(
        f"{what}: p{percent}",
        f"{milliseconds(value)} ({other} {milliseconds(beside)})",
        f"under {milliseconds(most)}",
        value < most,
        dict(cpu or {}),
        {f"p{percent}": value, other: beside},
        most,
    )


def percentiles(latencies: Iterable[float]) -> dict[str, float]:
    values = list(latencies)
    return {"p50": percentile(values, 50), "p99": percentile(values, 99)}


def is_kept(outcome: Outcome) -> bool:
    return outcome.lost == 0 and outcome.refused == 0


async def timed(stack: Stack, talk: Talk, rate: float, seconds: float) -> tuple[Outcome, dict[str, Usage]]:
    meter = Meter(stack)
    meter.start()
    outcome = await talk.by_the_clock(rate, seconds)
    return outcome, meter.stop()


def progress(text: str) -> None:
    """What goes on now, for whoever waits for it."""
    print(f"   ... {text}", flush=True)
