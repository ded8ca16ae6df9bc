"""Compares latencies with and without a load, two runs each, since a single run on shared cores is mostly noise."""

from collections.abc import Mapping, Sequence

from bench.load import Outcome
from bench.rows import Row, milliseconds
from bench.servers import Usage

FRACTION = 0.1


def change(
    what: str,
    percent: int,
    without: Sequence[Outcome],
    loaded: Sequence[Outcome],
    tolerance: float,
    cpu: Mapping[str, Usage],
    fraction: float = FRACTION,
) -> Row:
    """Compares the best run of each side, and reports the difference between equal runs as the noise.

    The target is met if the latency grows by less than `fraction`, or by less than `tolerance` seconds where that is
    too small to measure.
    """
    before = [each.percentile(percent) for each in without]
    after = [each.percentile(percent) for each in loaded]
    was, became = min(before), min(after)
    measured = (
        f"{became / was - 1:+.0%} ({milliseconds(was)} to {milliseconds(became)}; "
        f"two runs without it differ by {milliseconds(max(before) - was)})"
    )
    allowed = was + max(tolerance, fraction * was)
    best = min(loaded, key=lambda each: each.percentile(percent))
    latencies = {f"p{each}": best.percentile(each) for each in (50, 99)} if percent == 99 else {}
    target = f"under {fraction * 100:.0f} % or {tolerance * 1_000:.0f} ms"
    return Row(f"{what} p{percent}", measured, target, became < allowed, dict(cpu), latencies, allowed)
