"""Runs scenarios one after the other and shows how far that is; whoever interrupts it can go on later."""

import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bench.rows import Row

SCENARIO_SECONDS = 600  # longer than any scenario takes, so that one that hangs does not block the others
# Where people speak for as long as they speak, where many servers run, and on a phone that is slow by intention.
LONGER = {"live": 3_600, "peers": 1_800, "page": 1_200}
MARK = {True: "yes", False: "NO", None: ""}  # whether a figure reaches its target


class Interrupted(Exception):
    """Somebody pressed Ctrl-C. What is done is in the results."""

    def __init__(self, left: list[str]) -> None:
        super().__init__("interrupted")
        self.left = left  # the names of the scenarios that are not done


def run(
    scenarios: Mapping[str, "Callable[[float], list[Row]]"],
    names: Sequence[str],
    scale: float,
    failed: Callable[[str, str], "Row"],
    results: "dict[str, list[Row]]",
) -> None:
    """Adds the rows of these scenarios to the results; `failed` makes one of a name and a reason.

    Raises Interrupted on Ctrl-C, when whatever the scenario started has been stopped.
    """
    signal.signal(signal.SIGALRM, _too_long)
    left = list(names)
    bar = click.progressbar(length=len(left), label="Scenarios", show_pos=True)
    try:
        for number, name in enumerate(names, 1):
            if sys.stdout.isatty():
                print(bar.format_progress_line().rstrip(), flush=True)
            purpose = (scenarios[name].__doc__ or "").strip()
            print(f"-- {number} of {len(names)}, {name}: {purpose}", flush=True)
            began = time.monotonic()
            results[name] = _measured(name, scenarios[name], scale, failed)
            left.remove(name)
            bar.make_step(1)
            for row in results[name]:
                print(f"   {row.what}: {row.measured}   {row.target}   {MARK[row.ok]}", flush=True)
            print(f"   took {time.monotonic() - began:.0f} s", flush=True)
    except KeyboardInterrupt:
        raise Interrupted(left) from None


def _measured(
    name: str,
    scenario: "Callable[[float], list[Row]]",
    scale: float,
    failed: Callable[[str, str], "Row"],
) -> "list[Row]":
    """A scenario's rows. If it fails, one row that says so, since the other scenarios' figures are still useful."""
    signal.alarm(LONGER.get(name, SCENARIO_SECONDS))
    try:
        return scenario(scale)
    except Exception as error:  # noqa: BLE001 (whatever it is, it goes into the table)
        traceback.print_exc()
        reason = " ".join(str(error).split())[:200].replace("|", "/")
        return [failed(name, f"failed: {type(error).__name__}: {reason}")]
    finally:
        signal.alarm(0)


def _too_long(_: int, __: FrameType | None) -> None:
    raise TimeoutError("took longer than any scenario should")
