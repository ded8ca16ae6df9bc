"""What a hand expects of a page: keys, dropped files, other tabs, chosen colours."""

import re

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.client import PASSWORD, Client
from tests.e2e.conftest import Visit
from tests.e2e.history import first, hold, message, minutes_ago, recording, spoken, tell
from tests.e2e.visitor import RECORDING, name_of
from tests.stack import Stack

DROP = """([name, type, text]) => {
    const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type }));
    const target = document.querySelector(".timeline");
    for (const kind of ["dragover", "drop"]) {
        target.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    }
}"""
PASTE = """() => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(["x"], "holiday.png", { type: "image/png" }));
    const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
    document.querySelector("#composer-input").dispatchEvent(event);
}"""
# The contrast (WCAG 2) of the unplayed bars with what is behind them.
CONTRAST = """() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const luminance = (...layers) => {
        canvas.clearRect(0, 0, 1, 1);
        for (const colour of layers) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const bars = document.querySelector(".controls .bars");
    const ground = getComputedStyle(bars.closest(".bubble")).backgroundColor;
    const [one, other] = [luminance(ground), luminance(ground, getComputedStyle(bars).stroke)];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""
# A browser that knows neither `position-area` nor `field-sizing`.
OLDER = """{
    const supports = CSS.supports.bind(CSS);
    CSS.supports = (...asked) => !/position-area|field-sizing/.test(asked) && supports(...asked);
    document.addEventListener("DOMContentLoaded", () => {
        const styles = new CSSStyleSheet();
        styles.replaceSync("* { position-area: none !important; field-sizing: fixed !important; }");
        document.adoptedStyleSheets.push(styles);
    });
}"""


def test_the_search_box_leaves_the_conversations_in_reach_and_arrows_walk_its_results(
    visit: Visit, client: Client
) -> None:
    ada, grace = visit("ada", at="/"), client.sign_up("grace")
    for number in range(3):
        grace.post(ada.person, f"needle {number}")
    row = ada.page.get_by_role("navigation").get_by_role("link")
    expect(row).to_contain_text("needle 2")
    ada.page.get_by_role("searchbox").focus()
    expect(row).to_be_visible()
    ada.page.keyboard.type("needle")
    results = ada.page.locator("#results a")
    expect(results).to_have_count(3)
    for at in (0, 1, 2, 2):
        ada.page.keyboard.press("ArrowDown")
        expect(results.nth(at)).to_be_focused()
    for _ in range(3):
        ada.page.keyboard.press("ArrowUp")
    expect(ada.page.get_by_role("searchbox")).to_be_focused()
    held = hold(ada.page, re.compile("/api/search"))
    ada.page.keyboard.press("Backspace")
    later = first(ada.page, held)
    for _ in range(2):
        ada.page.keyboard.press("ArrowDown")
    expect(results.nth(1)).to_be_focused()
    later.continue_()
    expect(results.nth(1)).to_have_attribute("href", re.compile("q=needl$"))
    expect(results.nth(1)).to_be_focused()


def test_what_the_server_refuses_is_red_at_its_field_which_has_the_focus(visit: Visit, client: Client) -> None:
    known = client.sign_up("grace")
    page = visit().page
    page.goto("/login")
    page.get_by_label("E-mail").fill(known.user["email"])
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    refused(page, "Password")
    page.goto("/signup")
    page.get_by_label("Name").fill(str(known.user["username"]))
    page.get_by_label("E-mail").fill("somebody.else@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    refused(page, "Name")


def refused(page: Page, label: str) -> None:
    field = page.get_by_label(label)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    note = page.locator(f"#{field.get_attribute('id')}-note")
    expect(note).not_to_be_empty()
    expect(note).to_have_css("color", "rgb(169, 43, 34)")


def test_an_address_that_leads_nowhere_is_a_page_for_people(visit: Visit, stack: Stack) -> None:
    page = visit("ada").page
    answer = page.goto("/nonsense")
    assert answer
    assert answer.status == 404
    expect(page.get_by_text("There is nothing at this address.")).to_be_visible()
    page.get_by_role("link", name="All conversations").click()
    expect(page.get_by_text("Welcome, ada")).to_be_visible()
    stranger = visit().page
    stranger.goto("/no/such/page")
    expect(stranger.get_by_text("There is nothing at this address.")).to_be_visible()
    for path in ("/nonsense", "/api/nonsense"):
        assert requests.get(stack.url + path, timeout=10).json()["status"] == 404


def test_a_recording_may_be_dropped_and_what_is_none_is_refused_at_once(visit: Visit, client: Client) -> None:
    import base64

    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    ada.page.evaluate(PASTE)
    expect(ada.page.locator(".composer-note")).to_contain_text("holiday.png is not a recording")
    ada.page.evaluate(DROP, ["photo.png", "image/png", ""])
    expect(ada.page.locator(".composer-note")).to_contain_text("photo.png is not a recording")
    expect(ada.page.locator("article")).to_have_count(0)
    ada.page.evaluate(DROP, ["river.wav", "audio/wav", base64.b64encode(RECORDING.read_bytes()).decode()])
    expect(ada.page.locator("article .controls")).to_be_visible()
    expect(ada.page.locator(".composer-note")).to_be_empty()


def test_a_draft_sent_in_one_tab_is_gone_in_the_other(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    box = ada.open(grace)
    other = ada.new_page()
    there = ada.open(grace, other)
    box.press_sequentially("Half a thought")
    expect(there).to_have_value("Half a thought")
    box.press("Enter")
    expect(there).to_have_value("")


def test_the_menu_knows_home_end_and_letters_and_arrow_up_edits_the_last_message(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    box = ada.open(grace)
    ada.say("Thrusday?")
    expect(ada.mark("Thrusday?", "Delivered")).to_be_visible()
    ada.page.get_by_role("button", name="Message actions").focus()
    keys = ada.page.keyboard
    keys.press("Enter")
    for key, name in (("End", "Delete"), ("Home", "Copy text"), ("e", "Edit"), ("d", "Delete")):
        keys.press(key)
        expect(ada.page.get_by_role("menuitem", name=name)).to_be_focused()
    keys.press("Escape")
    box.focus()
    keys.press("ArrowUp")
    expect(box).to_have_value("Thrusday?")
    expect(ada.page.get_by_text("Edit message")).to_be_visible()


def test_in_older_browsers_a_menu_is_at_its_button_and_the_text_box_grows_too(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.context.add_init_script(OLDER)
    box = ada.open(grace)
    one_line = box.evaluate("each => each.clientHeight")
    box.fill("one\ntwo\nthree")
    assert box.evaluate("each => each.clientHeight") >= one_line + 2 * 16
    assert box.evaluate("each => each.scrollHeight - each.clientHeight") <= 1
    box.press("Enter")
    button = ada.page.locator("article").get_by_role("button", name="Message actions")
    button.click()
    at, menu = button.bounding_box(), ada.page.get_by_role("menu").bounding_box()
    assert at
    assert menu
    apart = max(menu["y"] - (at["y"] + at["height"]), at["y"] - (menu["y"] + menu["height"]))
    assert abs(apart) < 8
    assert menu["x"] >= 0
    assert menu["x"] + menu["width"] <= ada.page.evaluate("innerWidth")


def test_delivered_and_read_differ_by_their_sign(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    ada.say("Here?")
    delivered = ada.mark("Here?", "Delivered").locator("use")
    expect(delivered).to_be_attached()
    sign = delivered.get_attribute("href")
    grace.call("POST", f"/chat/{ada.person.id}/read", 204, json={"upTo": grace.history(ada.person)[-1]["_id"]})
    expect(ada.mark("Here?", "Read").locator("use")).not_to_have_attribute("href", str(sign))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("mine", [True, False])
def test_the_waveform_can_be_seen_and_a_hit_is_not_taken_for_the_spoken_word(
    visit: Visit, client: Client, theme: str, *, mine: bool
) -> None:
    ada, grace = visit("ada", color_scheme=theme), client.sign_up("grace")
    people = (ada.person, grace) if mine else (grace, ada.person)
    told = message(*people, minutes_ago(1), **spoken("the river was high"), peaks=[200] * 200, duration=6)
    tell(ada.page, [told], RECORDING.read_bytes())
    ada.page.goto(f"/chat/{name_of(grace)}?at={told['_id']}&q=river")
    expect(ada.page.locator(".word.hit")).to_have_text("river")
    assert ada.page.evaluate(CONTRAST) >= 3
    ada.page.locator(".word").last.click()
    expect(ada.page.locator(".word.lit")).not_to_have_text("river")
    looks = "each => [getComputedStyle(each).backgroundColor, getComputedStyle(each).boxShadow].join()"
    assert ada.page.locator(".word.hit").evaluate(looks) != ada.page.locator(".word.lit").evaluate(looks)


def test_chosen_colours_keep_bubbles_the_waveform_and_the_spoken_word(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", forced_colors="active"), client.sign_up("grace")
    told = [
        message(grace, ada.person, minutes_ago(2), **spoken("the river was high"), peaks=[200] * 200, duration=6),
        message(ada.person, grace, minutes_ago(1), "So it was"),
    ]
    tell(ada.page, told, recording())
    ada.open(grace)
    ada.page.locator(".timed .word").first.click()
    expect(ada.page.locator(".word.lit")).to_be_visible()
    ada.page.get_by_role("button", name="Pause", exact=True).click()
    expect(ada.page.locator(".bubble").last).not_to_have_css("border-top-width", "0px")
    colours = "each => [getComputedStyle(each).color, getComputedStyle(each).backgroundColor].join()"
    lit = ada.page.locator(".word.lit").evaluate(colours)
    assert lit != ada.page.locator(".word:not(.lit)").first.evaluate(colours)
    stroke = "each => getComputedStyle(each).stroke"
    bars = ada.page.locator(".controls .bars")
    assert bars.first.evaluate(stroke) != bars.last.evaluate(stroke)
    assert re.match("rgb", bars.first.evaluate(stroke))
