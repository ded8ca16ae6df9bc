"""What keeps the page's main thread busy, from a trace of Chromium's."""

import json
from collections.abc import Callable
from typing import Any

from bench.phone import Phone

TASKS = "disabled-by-default-devtools.timeline"  # the category of RunTask
MICROSECONDS = 1_000  # in a millisecond


def longest(opened: Phone, act: Callable[[], None]) -> tuple[float, float]:
    """The longest task while `act` runs, in milliseconds: of the main thread's CPU time, and by the clock.

    On a machine that others use too, the clock also counts the time in which the thread waited for a core.
    """
    browser = opened.page.context.browser
    assert browser
    browser.start_tracing(page=opened.page, categories=[TASKS])
    act()
    tasks = _tasks(json.loads(browser.stop_tracing()))
    busy = max((task.get("tdur", 0) for task in tasks), default=0)
    took = max((task.get("dur", 0) for task in tasks), default=0)
    return busy / MICROSECONDS, took / MICROSECONDS


def _tasks(trace: Any) -> list[dict[str, Any]]:
    events = trace["traceEvents"]
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    return [
        each
        for each in events
        if each["name"] == "RunTask" and each["ph"] == "X" and (each["pid"], each["tid"]) in mains
    ]
