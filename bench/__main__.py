"""`make bench`, or `python -m bench [--quick] [scenario ...]`."""

import argparse
import signal
import sys
import time
import traceback
from types import FrameType

from bench import report
from bench.rows import Row
from bench.scenarios import APART, LIMITS, SCENARIOS

QUICK = 0.3
SCENARIO_SECONDS = 600  # longer than any scenario takes, so that one that hangs does not block the others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], help=f"by default all but {', '.join(APART)}")
    parser.add_argument(
        "--quick", action="store_true", help="take a third of the time: to see that it works, not to compare"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _too_long)
    names = options.scenarios or [name for name in SCENARIOS if name not in APART]
    results: dict[str, list[Row]] = {}
    try:
        _measure_all(names, QUICK if options.quick else 1.0, results)
    except KeyboardInterrupt:
        left = " ".join(name for name in names if name not in results)
        print(f"\n{report.table(results)}\nInterrupted. To go on: python -m bench {left}", flush=True)
        sys.exit(130)
    print(f"\n{report.table(results)}", flush=True)
    print(f"Written to {report.save(results)}")


def _measure_all(names: list[str], scale: float, results: dict[str, list[Row]]) -> None:
    for number, name in enumerate(names, 1):
        print(f"-- {number} of {len(names)}, {name}: {(SCENARIOS[name].__doc__ or '').strip()}", flush=True)
        began = time.monotonic()
        results[name] = _measured(name, scale)
        for row in results[name]:
            print(f"   {row.what}: {row.measured}   {row.target}   {report.MARK[row.ok]}", flush=True)
        print(f"   took {time.monotonic() - began:.0f} s", flush=True)


def _measured(name: str, scale: float) -> list[Row]:
    """A scenario's rows. If it fails, one row that says so, since the other scenarios' figures are still useful."""
    signal.alarm(LIMITS.get(name, SCENARIO_SECONDS))
    try:
        return SCENARIOS[name](scale)
    except Exception as error:  # noqa: BLE001 (whatever it is, it goes into the table)
        traceback.print_exc()
        reason = " ".join(str(error).split())[:200].replace("|", "/")
        return [Row(name, f"failed: {type(error).__name__}: {reason}", "measured", False)]
    finally:
        signal.alarm(0)


def _too_long(_: int, __: FrameType | None) -> None:
    raise TimeoutError("took too long")


if __name__ == "__main__":
    main()
