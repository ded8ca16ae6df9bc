"""One id through everything that happens because of one HTTP call: its logs, its message's way, its frames' logs."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

REQUEST_ID = "request_id"


def request_id() -> str:
    """The id of the call, or the task, that is being worked on; '' outside of any."""
    return str(structlog.contextvars.get_contextvars().get(REQUEST_ID, ""))


@contextmanager
def traced(request: str) -> Iterator[None]:
    """Work on behalf of another call for a while; '' leaves it as it is."""
    if not request:
        yield
        return
    with structlog.contextvars.bound_contextvars(**{REQUEST_ID: request}):
        yield
