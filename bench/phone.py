"""A slow phone: Chromium with the network and processor that Lighthouse assumes, and a log of what a page loads."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page

from tests.client import Person
from tests.e2e.visitor import sign_in

SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
CPU_SLOWER = 4
SCREEN: dict[str, Any] = {
    "viewport": {"width": 412, "height": 823},
    "device_scale_factor": 1.75,
    "is_mobile": True,
    "has_touch": True,
}
WAIT_MS = 60_000
FLICK_PIXELS, FLICK_SECONDS, FLICK_STEPS = 420, 0.06, 6
FLICK_PAUSE_MS = 400  # then the next flick, which makes the fling faster still
SETTLE_MS = 1_500  # what a page still loads after it is ready belongs to it

# Notes when an element is in the page and has been drawn, in milliseconds since the navigation began.
NOTE_READY = """window.ready = new Promise((done, fail) => {
    const look = () => {
        if (!document.querySelector(SELECTOR)) return requestAnimationFrame(look);
        requestAnimationFrame(() => setTimeout(() => done(performance.now())));
    };
    requestAnimationFrame(look);
    setTimeout(() => fail(new Error(`${SELECTOR} was not drawn in time`)), WAIT_MS);
});"""
NOTE_TASKS = """{
    window.tasks = [];
    const note = (list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration));
    new PerformanceObserver(note).observe({ type: "longtask" });
}"""


@dataclass(frozen=True)
class Load:
    """One load of the page. `seconds` is from the navigation until what was wanted had been drawn."""

    seconds: float
    requests: int
    transferred: int  # bytes, with the headers of the responses
    longest_task: float  # milliseconds


@dataclass
class Log:
    """What a page loads, without fonts and sockets: bytes by request."""

    loaded: dict[str, int] = field(default_factory=dict)

    def follow(self, session: CDPSession) -> None:
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._finished)
        session.on("Network.requestServedFromCache", self._cached)

    def _sent(self, event: dict[str, Any]) -> None:
        if event.get("type") != "Font" and event["request"]["url"].startswith("http"):
            self.loaded[event["requestId"]] = 0

    def _cached(self, event: dict[str, Any]) -> None:
        self.loaded.pop(event["requestId"], None)

    def _finished(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.loaded:
            self.loaded[event["requestId"]] = int(event["encodedDataLength"])


class Phone:
    """One page with an empty cache, signed in as `person` if there is one, in which every load is measured."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self._log = Log()
        self._log.follow(self.session)
        self.session.send("Network.enable")
        self.session.send("Network.emulateNetworkConditions", SLOW_4G)
        self.session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})

    def load(self, address: str) -> Load:
        """Navigates, and waits until what the phone looks for has been drawn."""
        self._log.loaded.clear()
        self.page.goto(address, wait_until="commit", timeout=WAIT_MS)
        ready = self.page.evaluate("window.ready")
        self.page.wait_for_timeout(SETTLE_MS)
        tasks = self.page.evaluate("window.tasks")
        loaded = self._log.loaded
        return Load(ready / 1_000, len(loaded), sum(loaded.values()), max(tasks, default=0))

    def unlimited_network(self) -> None:
        self.session.send("Network.emulateNetworkConditions", {**SLOW_4G, "latency": 0, "downloadThroughput": -1})

    def flick(self, direction: int) -> None:
        """A finger that leaves the screen at 7,000 pixels a second; Android lets no fling begin faster than 8,000.

        Args:
            direction: -1 moves the view up, 1 down.
        """
        y, moment = SCREEN["viewport"]["height"] / 2 + direction * FLICK_PIXELS / 2, time.time()
        self._touch("touchStart", moment, [{"x": 200, "y": y}])
        for _ in range(FLICK_STEPS):
            y, moment = y - direction * FLICK_PIXELS / FLICK_STEPS, moment + FLICK_SECONDS / FLICK_STEPS
            self._touch("touchMove", moment, [{"x": 200, "y": y}])
        self._touch("touchEnd", moment, [])
        self.page.wait_for_timeout(FLICK_PAUSE_MS)

    def _touch(self, kind: str, moment: float, points: list[dict[str, float]]) -> None:
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "timestamp": moment, "touchPoints": points})

    def nodes(self) -> int:
        """DOM nodes that the browser holds, also those that are no longer in the page."""
        self.session.send("HeapProfiler.collectGarbage")
        return int(self.session.send("Memory.getDOMCounters")["nodes"])

    def heap(self) -> int:
        """Bytes that the page's scripts hold."""
        self.session.send("HeapProfiler.collectGarbage")
        return int(self.session.send("Runtime.getHeapUsage")["usedSize"])


@contextmanager
def phone(browser: Browser, url: str, ready: str, person: Person | None = None) -> Iterator[Phone]:
    """A phone on which a load counts as ready when an element that this CSS selector describes has been drawn."""
    context = browser.new_context(base_url=url, **SCREEN)
    try:
        if person:
            context.add_init_script(sign_in(person))
        note_ready = NOTE_READY.replace("SELECTOR", json.dumps(ready)).replace("WAIT_MS", str(WAIT_MS))
        context.add_init_script(NOTE_TASKS + note_ready)
        yield Phone(context.new_page())
    finally:
        context.close()
