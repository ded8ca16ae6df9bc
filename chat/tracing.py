"""Carries one request id through everything an HTTP call causes: its logs, its message's processing, its frames."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

REQUEST_ID = "request_id"

_recorders: list[Callable[[str, str, int], None]] = []  # one at most; see `chat.spans`


def request_id() -> str:
    """The id of the current call or task; '' outside of any."""
    return str(structlog.contextvars.get_contextvars().get(REQUEST_ID, ""))


@contextmanager
def traced(request: str) -> Iterator[None]:
    """Runs the block on behalf of another call; '' changes nothing."""
    if not request:
        yield
        return
    with structlog.contextvars.bound_contextvars(**{REQUEST_ID: request}):
        yield


def record(name: str, request: str, began: int) -> None:
    """Notes something that was done for a call, from `began` (`time.time_ns()`) until now, where traces are wanted."""
    for recorder in _recorders if request else ():
        recorder(name, request, began)


def record_with(recorder: Callable[[str, str, int], None]) -> None:
    """Sets what `record` calls."""
    _recorders[:] = [recorder]
