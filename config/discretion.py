"""Keeps what was sent out of gunicorn's log: what it cannot read it repeats, and addresses it has whole.

A filter of its logger. There may be tokens and people's words in all of that.
"""

import sys
from logging import LogRecord

from gunicorn.http.errors import NoMoreData, ParseException

REFUSED = "Invalid request from ip="  # gunicorn's line about what is no HTTP; after the address comes what was sent


def discreet(record: LogRecord) -> bool:
    """Leave of an error the kind, and of an address no query. Every record passes."""
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
    """Whether this error, or one that it came of, says what was sent."""
    while error is not None:
        if isinstance(error, ParseException | NoMoreData):
            return True
        error = error.__cause__ or error.__context__
    return False
