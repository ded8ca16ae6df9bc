"""Long conversations: they load as one scrolls, nothing jumps, and little is in the page at once."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.client import Person
from tests.e2e.conftest import Visit

MESSAGES = 450
IN_PAGE = 90  # rows at most

# Scrolls up in steps; answers how far the row at the top of the view ever moved by itself.
SCROLL_UP = """async (goal) => {
    const view = document.querySelector(".timeline");
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    let worst = 0, most = 0, idle = 0;
    while (!document.querySelector(".timeline").textContent.includes(goal) && idle < 200) {
        const before = view.scrollTop;
        view.scrollTop = before - 400;
        const top = view.getBoundingClientRect().top;
        const row = [...view.querySelectorAll(".row")].find((each) => each.getBoundingClientRect().bottom > top + 5);
        const at = row?.getBoundingClientRect().top;
        await frame();
        if (row?.isConnected) worst = Math.max(worst, Math.abs(row.getBoundingClientRect().top - at));
        most = Math.max(most, view.querySelectorAll(".row").length);
        idle = before === 0 ? idle + 1 : 0;
        if (before === 0) await new Promise((done) => setTimeout(done, 50));
    }
    return { worst, most };
}"""


def long_talk(ada: Person, grace: Person, count: int = MESSAGES) -> None:
    for number in range(count):
        sender, receiver = (ada, grace) if number // 3 % 2 else (grace, ada)
        text = f"needle in message {number}" if number == 40 else f"message {number} " + "and more " * (number * 7 % 30)
        sender.post(receiver, text.strip())


@pytest.fixture
def page(visit: Visit) -> Page:
    ada, grace = visit("ada"), visit("grace")
    assert ada.person
    assert grace.person
    long_talk(ada.person, grace.person)
    ada.person.call(
        "POST", f"/chat/{grace.person.id}/read", 204, json={"upTo": wait_for_last(ada.person, grace.person)}
    )
    ada.open(grace)
    expect(newest(ada.page)).to_be_in_viewport()
    return ada.page


def newest(page: Page) -> Locator:
    return page.locator(".said", has_text=f"message {MESSAGES - 1} ")


def wait_for_last(ada: Person, grace: Person) -> str:
    """The id of the newest message, once all are stored."""
    while True:
        last = ada.history(grace)[-1]
        if last["text"].startswith(f"message {MESSAGES - 1} "):
            return str(last["_id"])


def test_scrolling_to_the_beginning_jumps_nowhere(page: Page) -> None:
    found = page.evaluate(SCROLL_UP, "message 0")
    expect(page.locator(".said").get_by_text("message 0", exact=True)).to_be_attached()
    assert found["worst"] <= 2
    assert found["most"] <= IN_PAGE


def test_a_search_hit_opens_at_its_message_and_the_newest_is_one_click_away(page: Page) -> None:
    page.get_by_role("searchbox").fill("needle")
    page.locator("#results a", has=page.locator("mark")).click()
    hit = page.locator(".said", has_text="needle in message 40")
    expect(hit).to_be_in_viewport()
    page.get_by_role("button", name="To the newest message").click()
    expect(newest(page)).to_be_in_viewport()
    page.go_back()
    assert page.locator(".row").count() <= IN_PAGE
