"""Long conversations load while scrolling, nothing jumps, and only a few rows are in the page at once."""

import itertools
import re
from contextlib import AbstractContextManager

from playwright.sync_api import Locator, Page, Route, expect

from tests.client import Client, Json, Person
from tests.e2e.conftest import Visit
from tests.e2e.history import NEWEST, first, hold, message, minutes_ago, tell
from tests.e2e.visitor import name_of

NEWEST_CALL = r"(\?limit=\d+)?"  # what follows the partner in the call for the newest messages
IN_PAGE = 90  # rows at most
MANY = 10_000

# Scrolls up in steps; answers how far the row at the top of the view ever moved by itself.
SCROLL_UP = """async (goal) => {
    await document.fonts.ready;
    const view = document.querySelector(".timeline");
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    let worst = 0, most = 0;
    for (let step = 0; step < 3000 && !view.textContent.includes(goal); step += 1) {
        view.scrollTop -= 400;
        const top = view.getBoundingClientRect().top;
        const row = [...view.querySelectorAll(".row")].find((each) => each.getBoundingClientRect().bottom > top + 5);
        const at = row?.getBoundingClientRect().top;
        await frame();
        if (row?.isConnected) worst = Math.max(worst, Math.abs(row.getBoundingClientRect().top - at));
        most = Math.max(most, view.querySelectorAll(".row").length);
    }
    return { worst, most };
}"""

# Loads everything, then scrolls through it; answers how many rows were in the page, and were made for a frame, at most.
SCROLL_ALL = """async (partner) => {
    const view = document.querySelector(".timeline");
    const history = (await import("/static/js/state/histories.js")).historyWith(partner);
    while (!history.atStart) await history.loadOlder();
    let most = 0, made = 0, added = 0;
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes) for (const node of addedNodes) added += node.matches?.(".row") ?? 0;
    }).observe(view, { childList: true, subtree: true });
    for (let step = 0; step < 100; step += 1) {
        added = 0;
        view.scrollTop = (view.scrollHeight * step) / 100;
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        made = Math.max(made, added);
        most = Math.max(most, view.querySelectorAll(".row").length);
    }
    return { loaded: history.messages.length, most, made };
}"""

# Answers the row at the top of the view and where it is, once what is older has been loaded around it.
ROW_IN_VIEW = """async () => {
    await document.fonts.ready;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const view = document.querySelector(".timeline");
    const top = view.getBoundingClientRect().top;
    const row = [...view.querySelectorAll(".row")].find((each) => each.getBoundingClientRect().bottom > top + 5);
    return { row, at: row.getBoundingClientRect().top };
}"""

# Settles when the list has stayed the same for some frames: the rows near the view are made a few a frame.
ROWS_ARE_MADE = """async () => {
    await document.fonts.ready;
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    let changedAt = 0;
    let frames = 0;
    const changes = new MutationObserver(() => { changedAt = frames; });
    changes.observe(document.querySelector(".timeline"), { childList: true, subtree: true });
    for (; frames - changedAt < 10; frames += 1) await frame();
    changes.disconnect();
}"""

NAVIGATE = """async (path) => (await import("/static/js/base/router.js")).navigate(path)"""

# As a finger does that moves slowly. Answers how far the view has gone.
SCROLL_UP_SLOWLY = """async (view) => {
    const before = view.scrollTop;
    for (let step = 0; step < 10; step += 1) {
        view.scrollTop -= 9;
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
    return before - view.scrollTop;
}"""

# A message changes after one has scrolled, before the browser has told of that.
SCROLL_BEFORE_A_CHANGE = """async (partner) => {
    const { emit } = await import("/static/js/base/events.js");
    const { historyWith } = await import("/static/js/state/histories.js");
    const view = document.querySelector(".timeline");
    view.scrollTop = view.scrollHeight / 2;
    emit("history", historyWith(partner));
}"""

# Answers the text of the first message that is loaded, when nothing loads.
FIRST_LOADED = """async (partner) => {
    const history = (await import("/static/js/state/histories.js")).historyWith(partner);
    await history.busy;
    return history.messages[0].text;
}"""


def talk(ada: Person, grace: Person, count: int) -> list[Json]:
    """So many messages of various lengths, alternately three from each person."""
    said = []
    for number in range(count):
        sender, receiver = (ada, grace) if number // 3 % 2 else (grace, ada)
        text = f"message {number} " + "and more " * (number * 7 % 30)
        said.append(message(sender, receiver, minutes_ago(3 * (count - number)), text.strip()))
    return said


def newest(page: Page, count: int) -> Locator:
    return page.locator(".said", has_text=f"message {count - 1} ")


def second_list(page: Page) -> AbstractContextManager[object]:
    """Waits until the list of conversations has come twice meanwhile: the second time since the server knows no gap."""
    lists = itertools.count(1)
    return page.expect_response(lambda each: "/api/conversations" in each.url and next(lists) == 2)


def test_scrolling_to_the_beginning_jumps_nowhere(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    tell(ada.page, talk(ada.person, grace, 450))
    ada.open(grace)
    expect(newest(ada.page, 450)).to_be_in_viewport()
    found = ada.page.evaluate(SCROLL_UP, "message 0")
    expect(ada.page.locator(".said").get_by_text("message 0", exact=True)).to_be_attached()
    assert found["worst"] <= 2
    assert found["most"] <= IN_PAGE


def test_ten_thousand_messages_cost_a_frame_no_more_than_what_is_in_view(
    visit: Visit, modules: str, client: Client
) -> None:
    ada, grace = visit("ada", base_url=modules), client.sign_up("grace")
    tell(ada.page, talk(ada.person, grace, MANY))
    ada.open(grace)
    expect(newest(ada.page, MANY)).to_be_in_viewport()
    found = ada.page.evaluate(SCROLL_ALL, grace.id)
    assert found["loaded"] == MANY
    assert found["most"] <= IN_PAGE
    assert 0 < found["made"] <= 2 * IN_PAGE  # measured heights may bring in others than the estimated ones did


def test_what_comes_while_one_reads_further_up_is_counted_and_moves_nothing(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    tell(ada.page, talk(ada.person, grace, 100))
    ada.open(grace)
    expect(newest(ada.page, 100)).to_be_in_viewport()
    ada.page.locator(".timeline").evaluate("view => { view.scrollTop = view.scrollHeight / 2; }")
    expect(ada.page.get_by_role("button", name="To the newest message")).to_be_visible()
    before = ada.page.evaluate_handle(ROW_IN_VIEW)
    for number in range(2):
        grace.post(ada.person, f"fresh {number}")
    expect(ada.page.locator(".jump .badge")).to_have_text("2")
    moved = before.evaluate("({ row, at }) => row.isConnected ? Math.abs(row.getBoundingClientRect().top - at) : null")
    assert moved is not None
    assert moved <= 2
    ada.page.get_by_role("button", name="To the newest message").click()
    expect(ada.message("fresh 1")).to_be_in_viewport()
    expect(ada.page.locator(".jump")).to_be_hidden()


def test_whoever_scrolls_up_slowly_gets_away_from_the_newest(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    tell(ada.page, talk(ada.person, grace, 100))
    ada.open(grace)
    expect(newest(ada.page, 100)).to_be_in_viewport()
    ada.page.evaluate(ROWS_ARE_MADE)
    went = ada.page.locator(".timeline").evaluate(SCROLL_UP_SLOWLY)
    assert went == 10 * 9, "each step stays"
    grace.post(ada.person, "fresh")
    expect(ada.page.locator(".jump .badge")).to_have_text("1")
    ada.page.locator(".timeline").evaluate("view => { view.scrollTop = view.scrollHeight; }")
    expect(ada.message("fresh")).to_be_in_viewport()
    grace.post(ada.person, "fresher")
    expect(ada.message("fresher")).to_be_in_viewport()


def test_what_changes_just_as_one_scrolls_up_takes_nobody_back(visit: Visit, modules: str, client: Client) -> None:
    ada, grace = visit("ada", base_url=modules), client.sign_up("grace")
    tell(ada.page, talk(ada.person, grace, 100))
    ada.open(grace)
    expect(newest(ada.page, 100)).to_be_in_viewport()
    ada.page.evaluate(ROWS_ARE_MADE)
    ada.page.evaluate(SCROLL_BEFORE_A_CHANGE, grace.id)
    expect(ada.page.get_by_role("button", name="To the newest message")).to_be_visible()
    ada.page.get_by_role("button", name="To the newest message").click()
    expect(newest(ada.page, 100)).to_be_in_viewport()


def test_a_search_hit_opens_at_its_message_with_the_newest_one_click_away(visit: Visit, client: Client) -> None:
    person, grace = client.sign_up("ada"), client.sign_up("grace")
    person.post(grace, "the needle in the stack of hay")
    for number in range(NEWEST + 10):
        grace.post(person, f"message {number} of hay")
    for width in (390, 1280):
        ada = visit(person=person, at="/", viewport={"width": width, "height": 720})
        ada.page.get_by_role("searchbox").fill("needle")
        ada.page.locator("#results a", has=ada.page.locator("mark")).click()
        hit = ada.page.locator(".flash .said")
        expect(hit).to_be_in_viewport()
        expect(hit.locator("mark")).to_have_text("needle")
        ada.page.get_by_role("button", name="To the newest message").click()
        expect(newest(ada.page, NEWEST + 10)).to_be_in_viewport()
        assert ada.page.locator(".row").count() <= IN_PAGE


def test_a_hit_that_loads_while_the_page_connects_again_stays_in_view(
    visit: Visit, modules: str, client: Client
) -> None:
    # The server cannot know what ada missed, so the page reloads.
    ada, grace = visit("ada", base_url=modules), client.sign_up("grace")
    said = talk(ada.person, grace, 450)
    tell(ada.page, said)
    with second_list(ada.page):
        ada.open(grace)
    expect(newest(ada.page, 450)).to_be_in_viewport()
    held = hold(ada.page, re.compile("limit=40$"))
    ada.page.evaluate(NAVIGATE, f"/chat/{name_of(grace)}?at={said[10]['_id']}")
    around = first(ada.page, held)
    with second_list(ada.page):
        ada.page.evaluate("dispatchEvent(new Event('offline'))")
    around.fulfill(json=said[:10])
    expect(ada.page.locator(".flash .said")).to_be_in_viewport()
    assert ada.page.evaluate(FIRST_LOADED, grace.id) == "message 0"


def test_what_one_answers_from_far_up_is_there_though_the_newest_were_read_before(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    said = talk(ada.person, grace, 450)
    tell(ada.page, said)
    held = hold(ada.page, re.compile(f"/api/chat/{grace.id}{NEWEST_CALL}$"))
    ada.page.goto(f"/chat/{name_of(grace)}?at={said[10]['_id']}")
    expect(ada.page.locator(".flash .said")).to_be_in_viewport()
    ada.say("my answer")
    row = ada.page.get_by_role("navigation").get_by_role("link", name=name_of(grace))
    expect(row).to_contain_text("my answer")
    first(ada.page, held).fulfill(json=said[-NEWEST:])
    expect(ada.mark("my answer", "Delivered")).to_be_in_viewport()


def test_a_page_that_failed_is_asked_for_again_by_scrolling_only(visit: Visit, client: Client) -> None:
    ada, grace, joan = visit("ada"), client.sign_up("grace"), client.sign_up("joan")
    tell(ada.page, talk(ada.person, grace, 450))
    ada.open(grace)
    expect(newest(ada.page, 450)).to_be_in_viewport()
    older = re.compile("before=")
    asked: list[Route] = []

    def fail(route: Route) -> None:
        asked.append(route)
        route.fulfill(status=503)

    ada.page.route(older, fail)
    with ada.page.expect_request(older):
        ada.page.locator(".timeline").evaluate("view => { view.scrollTop = 0; }")
    ada.page.evaluate(ROWS_ARE_MADE)
    for number in range(10):  # meanwhile time goes by
        joan.post(ada.person, f"meanwhile {number}")
        expect(ada.page.get_by_role("navigation")).to_contain_text(f"meanwhile {number}")
        if number == 0:
            before = len(asked)
    assert len(asked) == before
    ada.page.unroute(older)
    ada.page.locator(".timeline").evaluate("view => { view.scrollTop = 800; }")
    ada.page.evaluate(SCROLL_UP, "message 0")
    expect(ada.page.locator(".said").get_by_text("message 0", exact=True)).to_be_attached()


def test_a_page_that_failed_hinders_no_reload_after_a_gap(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    tell(ada.page, talk(ada.person, grace, 450))
    ada.open(grace)
    expect(newest(ada.page, 450)).to_be_in_viewport()
    older = re.compile("before=")
    ada.page.route(older, lambda route: route.fulfill(status=503))
    with ada.page.expect_response(older):
        ada.page.locator(".timeline").evaluate("view => { view.scrollTop = 0; }")
    with ada.page.expect_request(re.compile(f"/api/chat/{grace.id}{NEWEST_CALL}$")):
        ada.page.evaluate("dispatchEvent(new Event('offline'))")
