"""`make bench`, or `python -m bench [--quick] [scenario ...]`; after Ctrl-C, `python -m bench --go-on`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import wraps

from bench import report, running
from bench.live import LENGTHS, PARTS, live
from bench.rows import Row
from bench.scenarios import APART, SCENARIOS

QUICK = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], help=f"by default all but {', '.join(APART)}")
    parser.add_argument(
        "--quick", action="store_true", help="take a third of the time: to see that it works, not to compare"
    )
    parser.add_argument("--go-on", action="store_true", help="run what an interrupted run left, and report on all")
    known = [*PARTS, *map(str, LENGTHS)]
    parser.add_argument("--live", nargs="+", choices=known, default=[], help="only these parts of `live`, and lengths")
    options = parser.parse_args()
    names = options.scenarios or [name for name in SCENARIOS if name not in APART]
    scale = QUICK if options.quick else 1.0
    results: dict[str, list[Row]] = {}
    if options.go_on:
        if (kept := report.kept()) is None:
            parser.error("no run was interrupted")
        results, names, scale = kept
    try:
        running.run({**SCENARIOS, "live": _parts_of_live(options.live)}, names, scale, _failed, results)
    except running.Interrupted as interrupted:
        report.keep(results, interrupted.left, scale)
        print(f"\n{report.table(results)}\nInterrupted. To go on: {sys.executable} -m bench --go-on", flush=True)
        sys.exit(130)
    print(f"\n{report.table(results)}", flush=True)
    print(f"Written to {report.save(results)}")


def _parts_of_live(only: Sequence[str]) -> Callable[[float], list[Row]]:
    @wraps(live)
    def measure(scale: float) -> list[Row]:
        return live(scale, only)

    return measure


def _failed(name: str, reason: str) -> Row:
    return Row(name, reason, "measured", False)


if __name__ == "__main__":
    main()
