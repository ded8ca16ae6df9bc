"""What every view of the page must be, whatever it shows."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

NOTHING_MOVES = """() => Promise.all(document.getAnimations().filter(
    (each) => each.effect.getTiming().iterations < Infinity).map((each) => each.finished))"""


def check(page: Page) -> None:
    """Nothing found by axe-core, nothing wider than the screen."""
    page.evaluate(NOTHING_MOVES)
    found = Axe().run(page).response["violations"]
    faults = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]
    assert not faults, faults
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
