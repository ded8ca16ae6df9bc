"""`make bench`, or `python -m bench [--quick] [scenario ...]`."""

import argparse

from bench import report
from bench.scenarios import SCENARIOS

QUICK = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], help="all of them when none is named")
    parser.add_argument(
        "--quick", action="store_true", help="a third of the time: to see that it works, not to compare"
    )
    options = parser.parse_args()
    results = {}
    for name in options.scenarios or SCENARIOS:
        print(f"-- {name}: {(SCENARIOS[name].__doc__ or '').strip()}", flush=True)
        results[name] = SCENARIOS[name](QUICK if options.quick else 1.0)
        for row in results[name]:
            print(f"   {row.what}: {row.measured}   {row.target}   {report.MARK[row.ok]}", flush=True)
    print(f"\n{report.table(results)}\nWritten to {report.save(results)}")


if __name__ == "__main__":
    main()
