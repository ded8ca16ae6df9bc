"""The rows of the result, and helpers that make them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.load import Load, Outcome, percentile
from bench.servers import Meter, Usage
from tests.stack import Stack

PAIRS = 20
HEARTBEAT_SECONDS = 5.0  # like the oldest clients


@dataclass
class Row:
    """One figure. `ok` says whether it meets its target; None if it has none."""

    what: str
    measured: str
    target: str = ""
    ok: bool | None = None
    cpu: dict[str, Usage] = field(default_factory=dict)
    latencies: dict[str, float] = field(default_factory=dict)  # "p50" and "p99" in seconds, for the picture
    limit: float | None = None  # the target in seconds, for the picture
    profile: str = ""  # where it falls short: the file that shows why, see `bench.profiles`


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def check(
    what: str, percent: int, latencies: Iterable[float], limit: float, cpu: Mapping[str, Usage] | None = None
) -> Row:
    """Compares a percentile (50 or 99) of latencies with its limit in seconds."""
    found = percentiles(latencies)
    value = found.pop(f"p{percent}")
    ((other, other_value),) = found.items()
    return Row(
        f"{what}: p{percent}",
        f"{milliseconds(value)} ({other} {milliseconds(other_value)})",
        f"under {milliseconds(limit)}",
        value < limit,
        dict(cpu or {}),
        {f"p{percent}": value, other: other_value},
        limit,
    )


def percentiles(latencies: Iterable[float]) -> dict[str, float]:
    values = list(latencies)
    return {"p50": percentile(values, 50), "p99": percentile(values, 99)}


def is_complete(outcome: Outcome) -> bool:
    return outcome.lost == 0 and outcome.refused == 0


async def timed(
    stack: Stack | Mapping[str, int], talk: Load, rate: float, seconds: float
) -> tuple[Outcome, dict[str, Usage]]:
    meter = Meter(stack)
    meter.start()
    outcome = await talk.at_rate(rate, seconds)
    return outcome, meter.stop()


def progress(text: str) -> None:
    """Prints what is happening now."""
    print(f"   ... {text}", flush=True)
