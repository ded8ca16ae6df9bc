"""Many voice messages: they stay within the page, cost no audio to read, and leave nothing behind."""

import re

from playwright.sync_api import Page, Route, expect

from tests.client import Client, Json, Person
from tests.e2e.conftest import Visit
from tests.e2e.history import message, minutes_ago, recording, spoken, tell
from tests.e2e.touch import PHONE

MANY = 60
# Goes down and up again, so that every row is made and taken out.
PASS = """async () => {
    const view = document.querySelector(".timeline");
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    for (const end of [0, view.scrollHeight]) {
        const from = view.scrollTop;
        for (let step = 1; step <= 12; step += 1) {
            view.scrollTop = from + ((end - from) * step) / 12;
            await frame();
        }
    }
}"""


def voices(sender: Person, receiver: Person, **fields: object) -> list[Json]:
    said = spoken("the river was high when we crossed it and the bridge was gone")
    return [
        message(sender, receiver, minutes_ago(MANY - at), **{**said, "audioFileId": f"{at:032}", **fields})
        for at in range(MANY)
    ]


def nodes(page: Page) -> int:
    """DOM nodes that the browser holds, also those nobody sees."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return int(session.send("Memory.getDOMCounters")["nodes"])


def test_the_page_is_as_tall_as_the_screen_however_much_it_shows(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", **PHONE), client.sign_up("grace")
    tell(ada.page, voices(grace, ada.person), recording())
    ada.open(grace)
    expect(ada.page.locator(".timed").last).to_be_visible()
    assert ada.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    ada.page.evaluate("document.querySelector('.timeline .row .speed').focus()")
    assert ada.page.evaluate("document.scrollingElement.scrollTop") == 0


def test_rows_that_have_left_the_page_are_let_go(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    tell(ada.page, voices(grace, ada.person, peaks=[9] * 200, duration=6), recording())
    ada.open(grace)
    expect(ada.page.locator(".timed").last).to_be_visible()
    ada.page.evaluate(PASS)
    before = nodes(ada.page)
    for _ in range(6):
        ada.page.evaluate(PASS)
    assert nodes(ada.page) < before * 1.5


def test_reading_costs_no_audio(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    peaks = [0] * 100 + [255] * 100
    tell(ada.page, voices(grace, ada.person, peaks=peaks, duration=61), recording())
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.fallback()

    ada.page.route("**/api/file/**", note)
    ada.open(grace)
    expect(ada.page.locator(".timed").last).to_be_visible()
    ada.page.evaluate(PASS)
    expect(ada.page.locator(".controls .clock").last).to_have_text("1:01")
    drawn = ada.page.locator(".bars").last.get_attribute("d") or ""
    heights = [float(each) for each in re.findall(r"v([\d.]+)", drawn)]
    assert heights[0] < 2 < 30 < heights[-1]
    assert not asked
    ada.page.get_by_role("button", name="Play the recording").last.click()
    expect(ada.page.get_by_role("button", name="Pause", exact=True).first).to_be_visible()
    assert len(asked) == 1


def test_a_hit_that_came_by_socket_opens_with_what_surrounds_it(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", at="/"), client.sign_up("grace")
    for number in range(5):
        grace.post(ada.person, f"before {number}")
    row = ada.page.get_by_role("navigation").get_by_role("link")
    expect(row).to_contain_text("before 4")
    grace.post(ada.person, "the needle")
    expect(row).to_contain_text("the needle")
    ada.page.get_by_role("searchbox").fill("needle")
    ada.page.locator("#results a", has=ada.page.locator("mark")).click()
    expect(ada.page.locator(".flash .said")).to_be_in_viewport()
    expect(ada.message("before 0")).to_be_visible()
