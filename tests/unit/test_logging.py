"""In production every event is one line of JSON, including uncaught errors, wherever they are raised."""

import json
import subprocess
import sys

import pytest

from tests.stack import ROOT

PREPARED = """
import gc, sys, threading
from config import logging
from config.settings import Settings
logging.configure(Settings(_env_file=None, environment="production", secret_key="x" * 32,
                           redis_url="redis://h:1/0", mongodb_uri="mongodb://h/d"))
"""
IN_GREENLET = """
from web import worker
worker.hub.Hub.print_exception = worker._report
import gevent
gevent.spawn(fail).join()
"""
IN_POOL = """
from web.services import off_loop
try:
    off_loop(fail)
except ValueError:
    logging.logging.getLogger("caught").error("caught")
"""
UNRAISABLE = """
class Odd:
    def __del__(self): fail()
Odd()
gc.collect()
"""
IN_THREAD = """
thread = threading.Thread(target=fail)
thread.start()
thread.join()
"""
PLACES = {
    "process": ("fail()", "process"),
    "thread": (IN_THREAD, "thread"),
    "finaliser": (UNRAISABLE, "unraisable"),
    "greenlet": (IN_GREENLET, "Greenlet"),
}


def logged(script: str) -> list[dict[str, str]]:
    """What a process that runs this has written to standard error, each line of which must be JSON."""
    whole = f"{PREPARED}\ndef fail():\n    raise ValueError('two\\nlines')\n{script}"
    done = subprocess.run(
        [sys.executable, "-c", whole], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(("script", "where"), PLACES.values(), ids=PLACES)
def test_what_nobody_caught_is_one_event_with_its_traceback(script: str, where: str) -> None:
    (event,) = logged(script)
    assert (event["event"], event["where"], event["level"]) == ("uncaught", where, "error")
    assert "ValueError: two\nlines" in event["exception"]
    assert "in fail" in event["exception"]


def test_what_was_raised_off_the_loop_and_caught_is_told_once_by_who_caught_it() -> None:
    assert [event["event"] for event in logged(IN_POOL)] == ["caught"]


def test_a_word_from_a_signal_s_handler_is_an_event() -> None:
    (event,) = logged("logging.say('worker: Warm shutdown')")
    assert event["event"] == "worker: Warm shutdown"
