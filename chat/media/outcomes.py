"""What the end of a confined process means to whoever asked for the job: its result, or an error to raise."""

from collections.abc import Iterator
from typing import Any

import orjson
import structlog

from chat import errors
from chat.errors import TooLarge, Unavailable, UnsupportedMedia
from chat.media import pieces

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5


def result(answer: Iterator[tuple[bytes, bytes]]) -> Any:
    """Returns the result of a job that sends nothing else, or raises the error in it."""
    for kind, body in answer:
        return end(kind, body)
    raise died("gone", "")


def end(kind: bytes, body: bytes) -> Any:
    """The result in the last piece, or raises the error in it."""
    found = orjson.loads(body)
    if kind == pieces.DONE:
        return found
    if kind == pieces.REFUSED:
        refusal, code, values = found
        raise getattr(errors, refusal)(code, **values)
    raise died(*found)


def died(why: str, how: str) -> errors.ChatError:
    """The error for a recording whose process ended before it was done."""
    log.warning("recordings.process_ended", why=why, how=how)
    if why == "cpu":
        return TooLarge("recording_too_demanding")
    if why in ("time", "gone"):
        return Unavailable("busy", RETRY_SECONDS)
    return UnsupportedMedia("recording_damaged")
