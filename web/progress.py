"""Shows how far long work is: click's bar on a terminal, elsewhere a line with counts every few seconds.

Both go to standard error, so that they are never in what a command prints for programs.
"""

import sys
import time
from types import TracebackType
from typing import Any, Self

import click

LINE_SECONDS = 5.0


class Progress:
    """Use with `with`, and call it with the number of further items that are done.

    `total` may be an estimate: what is done beyond it adds to it.
    """

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, max(total, 1), 0
        self._bar: Any = None
        self._next_line = time.monotonic() + LINE_SECONDS

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = click.progressbar(
                length=self._total, label=self._label, file=sys.stderr, show_pos=True, update_min_steps=1
            )
            self._bar.__enter__()
            self._bar.render_progress()
        return self

    def __call__(self, number: int) -> None:
        self._done += number
        self._total = max(self._total, self._done)
        if self._bar is not None:
            self._bar.length = self._total
            self._bar.update(number)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            click.echo(f"{self._label}: {self._done:,} of about {self._total:,}", err=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is None:
            return
        if kind is None:
            self._bar.length = self._bar.pos = max(self._done, 1)
            self._bar.render_progress()
        self._bar.__exit__(kind, error, trace)
