"""Keeps what clients send out of gunicorn's log.

gunicorn quotes requests it cannot parse and logs addresses with their queries; both may contain tokens and people's
words. `redact` is a filter for its logger.
"""

import sys
from logging import LogRecord

from gunicorn.http.errors import NoMoreData, ParseException

REFUSED = "Invalid request from ip="  # begins gunicorn's line about invalid HTTP, which quotes it after the address


def redact(record: LogRecord) -> bool:
    """Reduces errors to their type and cuts the query off addresses. Lets every record pass."""
    if str(record.msg).startswith(REFUSED):
        record.msg = f"{record.msg.partition(': ')[0]}: {_kind(sys.exception())}"
    if isinstance(record.args, tuple):
        record.args = tuple(_brief(each) for each in record.args)
    error = record.exc_info[1] if record.exc_info else None
    if _repeats(error):
        record.msg, record.exc_info = f"{record.msg}: {_kind(error)}", None
    return True


def _brief(value: object) -> object:
    if isinstance(value, BaseException):
        return _kind(value)
    return value.partition("?")[0] if isinstance(value, str) else value


def _kind(error: BaseException | None) -> str:
    return type(error).__name__ if error else "unknown"


def _repeats(error: BaseException | None) -> bool:
    """Whether this error, or one that caused it, quotes what was sent."""
    while error is not None:
        if isinstance(error, ParseException | NoMoreData):
            return True
        error = error.__cause__ or error.__context__
    return False
