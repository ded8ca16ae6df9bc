"""A finger on the screen: touch events as the browser gets them from the system."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator

from tests.e2e.visitor import Visitor

TAP = 0.1  # seconds
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


class Finger:
    """Presses where something is, moves, and lets go."""

    def __init__(self, visitor: Visitor) -> None:
        self._page = visitor.page
        self._send: Callable[..., Any] = visitor.context.new_cdp_session(visitor.page).send
        self._at = (0.0, 0.0)
        self._pressed_at = 0.0  # seconds since 1970

    def press(self, target: Locator) -> None:
        target.tap(trial=True)  # waits until it stands still and nothing covers it
        box = target.bounding_box()
        assert box
        self._at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self._pressed_at = time.time()
        self._touch("touchStart", moved=True, timestamp=self._pressed_at)

    def move(self, right: float = 0, down: float = 0) -> None:
        self._at = (self._at[0] + right, self._at[1] + down)
        self._touch("touchMove", moved=True)

    def rest(self) -> None:
        """Stand still; a finger lifted while it moves would begin a fling, and the next tap would only end that."""
        for _ in range(3):
            self._page.wait_for_timeout(100)
            self._touch("touchMove", moved=True)

    def let_go(self) -> None:
        """The browser sends the click that follows a tap itself."""
        self._touch("touchEnd", moved=False)

    def cancel(self) -> None:
        """The system takes the touch away, and no click follows."""
        self._touch("touchCancel", moved=False)

    def tap(self, target: Locator) -> None:
        """Stays short however busy the machine is: the browser is told when the finger was lifted."""
        self.press(target)
        self._touch("touchEnd", moved=False, timestamp=self._pressed_at + TAP)

    def _touch(self, kind: str, *, moved: bool, timestamp: float | None = None) -> None:
        points = [{"x": self._at[0], "y": self._at[1]}] if moved else []
        when = {} if timestamp is None else {"timestamp": timestamp}
        self._send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points, **when})
