"""Carries one request id through everything an HTTP call causes: its logs, its message's processing, its frames."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

REQUEST_ID = "request_id"


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
