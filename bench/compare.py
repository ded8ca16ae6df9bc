"""Whether something moves a latency: twice without and twice with it, as one run on shared cores is noise."""

from collections.abc import Mapping, Sequence

from bench.house import Usage
from bench.messaging import Outcome
from bench.rows import Row, milliseconds

FRACTION = 0.1


def moved(
    what: str,
    percent: int,
    alone: Sequence[Outcome],
    beside: Sequence[Outcome],
    most: float,
    cpu: Mapping[str, Usage],
) -> Row:
    """The better of each side's runs; what two equal runs differ by is said beside it, as the noise.

    Good when it grows by less than a tenth, or by less than `most` seconds where a tenth is less than can be told.
    """
    before = [each.percentile(percent) for each in alone]
    after = [each.percentile(percent) for each in beside]
    was, became = min(before), min(after)
    measured = (
        f"{became / was - 1:+.0%} ({milliseconds(was)} to {milliseconds(became)}; "
        f"two runs without it differ by {milliseconds(max(before) - was)})"
    )
    allowed = was + max(most, FRACTION * was)
    better = min(beside, key=lambda each: each.percentile(percent))
    latencies = {f"p{each}": better.percentile(each) for each in (50, 99)} if percent == 99 else {}
    target = f"under {FRACTION * 100:.0f} % or {most * 1_000:.0f} ms"
    return Row(f"{what} p{percent}", measured, target, became < allowed, dict(cpu), latencies, allowed)
