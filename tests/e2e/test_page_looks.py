"""What one sees first and what a conversation offers: the sample, the profile, muting, keeping, keys, typefaces."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.client import PASSWORD, Client
from tests.e2e.conftest import Visit
from tests.e2e.history import hold, message, minutes_ago, spoken, tell
from tests.e2e.test_page_everyone import check
from tests.e2e.visitor import RECORDING, Visitor, name_of

# What is printed: playwright's browser has no printer.
PRINTED = """() => {
    window.print = () => {
        window.printed = document.querySelector(".printout").innerText;
        window.dispatchEvent(new Event("afterprint"));
    };
}"""
NOTIFIED = """() => {
    window.notified = [];
    window.Notification = class { constructor(title) { window.notified.push(title); } };
    Notification.permission = "granted";
    document.hasFocus = () => false;
    localStorage.setItem("chattergram.notifications", "on");
}"""
WIDTH = """text => {
    const line = document.createElement("span");
    line.style.cssText = "position:absolute;white-space:nowrap;font:1rem var(--sans)";
    line.textContent = text;
    document.body.append(line);
    const sans = line.offsetWidth;
    line.style.font = "1rem var(--serif)";
    return [sans, line.offsetWidth];
}"""
BUBBLES = """() => document.fonts.ready.then(() => {
    const boxes = [...document.querySelectorAll(".bubble")].map((each) => each.getBoundingClientRect());
    return boxes.map(({ width, top, bottom }) => ({ width, top, bottom }));
})"""
SAID = ["unless", "to", "be", "rather", "cold-hearted,", "and", "selfish,", "is", "ill-disposed."]
PHONE = {"viewport": {"width": 320, "height": 640}, "is_mobile": True, "has_touch": True}


# Collects the words that are lit, each once.
LIT = """() => {
    window.lit = new Set();
    new MutationObserver(() => {
        for (const word of document.querySelectorAll(".word.lit")) window.lit.add(word.textContent);
    }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["class"] });
}"""


def until(page: Page, condition: str) -> None:
    """Waits for a condition in JavaScript; the page's policy forbids playwright's own way."""
    look = f"() => ({condition}) ? resolve() : requestAnimationFrame(look)"
    page.evaluate(f"() => new Promise((resolve) => {{ const look = {look}; look(); }})")


def check_everywhere(page: Page) -> None:
    """As `check`, on a desk and on the narrowest phone, by day, by night and in chosen colours."""
    check(page)
    size = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 640})
    for theme, colours in (("light", "none"), ("dark", "none"), ("dark", "active")):
        page.emulate_media(color_scheme=theme, forced_colors=colours)  # type: ignore[arg-type]
        check(page)
    page.emulate_media(color_scheme="light", forced_colors="none")
    page.set_viewport_size(size or {"width": 1280, "height": 720})


def play_sample(page: Page) -> None:
    """Plays it from a word on, and sees the words light up one after the other."""
    expect(page.locator(".timed .word").first).to_be_visible()
    page.evaluate(LIT)
    page.locator(".timed .word", has_text="unless").click()
    until(page, "['selfish,', 'is', 'ill-disposed.'].some((word) => window.lit.has(word))")  # one may be passed over
    lit = page.evaluate("[...window.lit]")
    assert lit == [word for word in SAID if word in lit]
    assert len(lit) >= 5


def test_who_begins_finds_people_the_address_and_a_sample_that_plays(visit: Visit, client: Client) -> None:
    client.sign_up("grace")
    stranger = visit(at="/", **PHONE, color_scheme="dark").page
    play_sample(stranger)
    check(stranger)
    stranger.emulate_media(color_scheme="light", forced_colors="active")
    check(stranger)
    ada = visit("ada", at="/", forced_colors="active", permissions=["clipboard-read", "clipboard-write"])
    beginning = ada.page.locator(".first-run")
    expect(beginning).to_contain_text(f"find you as {ada.name}")
    expect(beginning.get_by_label("Address to share")).to_have_value(re.compile(r"^http://127\.0\.0\.1:\d+$"))
    beginning.get_by_role("button", name="Copy").click()
    expect(beginning.get_by_text("Copied.")).to_be_visible()
    play_sample(ada.page)
    check(ada.page)
    ada.page.set_viewport_size(PHONE["viewport"])
    ada.page.emulate_media(color_scheme="dark", forced_colors="none")
    check(ada.page)
    beginning.locator(".people a").first.click()
    expect(ada.page.locator("#composer-input")).to_be_visible()


def talking(visit: Visit, client: Client, **options: object) -> tuple[Visitor, Visitor]:
    ada, grace = visit("ada", at="/", **options), visit("grace", **options)
    grace.person.post(ada.person, "I found the lantern")
    client.sign_up("other").post(ada.person, "another lantern")
    expect(ada.page.locator(".people a")).to_have_count(2)
    return ada, grace


def test_the_profile_has_the_text_searches_here_and_mutes_everywhere(visit: Visit, client: Client) -> None:
    ada, grace = talking(visit, client)
    grace.person.call("PATCH", "/user/me", json={"bio": "Lighthouses\nand fog"})
    elsewhere = ada.new_page("/")
    elsewhere.evaluate(NOTIFIED)
    ada.open(grace)
    about = ada.page.get_by_role("button", name=f"About {grace.name}")
    about.focus()
    ada.page.keyboard.press("Enter")
    profile = ada.page.get_by_role("dialog")
    expect(profile).to_contain_text("Lighthouses\nand fog")
    expect(profile.get_by_text("No voice messages yet.")).to_be_visible()
    mute = profile.get_by_role("button", name="Mute")
    mute.click()
    expect(mute).to_have_attribute("aria-pressed", "true")
    check_everywhere(ada.page)
    expect(elsewhere.get_by_role("link", name=grace.name).get_by_text("muted")).to_be_attached()
    grace.person.post(ada.person, "hush")
    client.sign_up("loud").post(ada.person, "hear me")
    until(elsewhere, "window.notified.length")
    assert not any(grace.name in title for title in elsewhere.evaluate("window.notified"))
    ada.page.keyboard.press("Escape")
    expect(about).to_be_focused()
    expect(ada.page.get_by_role("img", name="Muted")).to_be_visible()
    ada.page.reload()
    expect(ada.page.get_by_role("img", name="Muted")).to_be_visible()
    about.click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Search").click()
    expect(ada.page.get_by_role("searchbox")).to_be_focused()
    ada.page.keyboard.type("lantern")
    expect(ada.page.locator("#results a")).to_have_count(1)
    expect(ada.page.locator("#results")).to_contain_text("I found the")
    ada.page.keyboard.press("Escape")
    ada.page.get_by_role("searchbox").fill("lantern")
    expect(ada.page.locator("#results a")).to_have_count(2)
    stranger = client.sign_up("stranger")
    ada.person.call("PUT", f"/chat/{stranger.id}/mute", 204)
    ada.open(stranger)
    ada.page.reload()
    expect(ada.page.get_by_role("img", name="Muted")).to_be_visible()


def test_a_partners_new_name_shows_at_once_and_stays_in_the_address(visit: Visit, client: Client) -> None:
    ada, grace = talking(visit, client)
    ada.open(grace)
    expect(ada.message("I found the lantern")).to_be_visible()
    name = f"{grace.name} Hopper / ?"
    grace.page.goto("/settings")
    expect(ada.page.locator(".state")).to_have_text("online")
    grace.page.get_by_label("Name").fill(name)
    grace.page.get_by_role("button", name="Save").click()
    expect(ada.page.get_by_role("heading", name=name)).to_be_visible()
    expect(ada.page.locator(".people a", has_text=name)).to_be_visible()
    expect(ada.page).to_have_title(re.compile(re.escape(name)))
    expect(ada.page.get_by_role("article", name=name)).to_be_visible()
    ada.page.reload()
    expect(ada.page.get_by_role("heading", name=name)).to_be_visible()


def test_a_conversation_is_printed_and_saved_whole(visit: Visit, client: Client, tmp_path: Path) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    told = [message(grace, ada.person, minutes_ago(1000 - number), f"line <{number}>") for number in range(450)]
    told.append(message(ada.person, grace, minutes_ago(3), **spoken("the river was high"), duration=6))
    told.append(message(grace, ada.person, minutes_ago(2), deletedAt=minutes_ago(1).isoformat()))
    tell(ada.page, told, RECORDING.read_bytes())
    ada.open(grace)
    expect(ada.page.locator(".row").last).to_contain_text("Message deleted")
    ada.page.evaluate(PRINTED)
    ada.page.keyboard.press("Control+p")
    until(ada.page, "window.printed")
    printed = ada.page.evaluate("window.printed")
    ada.page.get_by_role("button", name=f"About {name_of(grace)}").click()
    expect(ada.page.locator(".spoken-list a")).to_contain_text("the river was high")
    with ada.page.expect_download() as downloading:
        ada.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    assert name_of(grace) in downloading.value.suggested_filename
    saved = tmp_path / "saved.html"
    downloading.value.save_as(saved)
    reader = visit().page
    reader.goto(saved.as_uri())
    for text in (printed, reader.locator("body").inner_text()):
        lines = re.findall(r"line <(\d+)>", text)
        assert [int(line) for line in lines] == list(range(450))
        for part in (ada.name, name_of(grace), "Voice message, 0:0", "the river was high", "Message deleted", "452"):
            assert part in text, part
    assert not reader.evaluate("performance.getEntriesByType('resource').length")
    expect(ada.page.locator(".printout")).to_have_count(0)
    ada.page.locator(".spoken-list a").click()
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    expect(ada.page.locator(".row.flash")).to_contain_text("the river was high")


def test_passwords_can_be_seen_and_keys_are_listed(visit: Visit, client: Client) -> None:
    page = visit().page
    page.goto("/login")
    password = page.get_by_label("Password")
    password.fill(PASSWORD)
    page.get_by_role("button", name="Show").click()
    expect(password).to_have_attribute("type", "text")
    check(page)
    page.get_by_label("E-mail").fill("nobody@example.org")
    page.get_by_role("button", name="Log in").click()
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_have_attribute("type", "password")
    ada, _ = talking(visit, client)
    expect(ada.page.get_by_role("link", name="Settings")).to_be_visible()
    ada.page.keyboard.press("?")
    keys = ada.page.get_by_role("dialog", name="Shortcuts")
    expect(keys).to_contain_text("Print all of it")
    check_everywhere(ada.page)
    ada.page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    for key, text in (("ArrowDown", "another lantern"), ("ArrowDown", "I found the lantern")):
        ada.page.keyboard.press(f"Alt+{key}")
        expect(ada.message(text)).to_be_visible()
    ada.page.locator("#composer-input").fill("?")
    expect(ada.page.locator("#composer-input")).to_have_value("?")
    expect(keys).to_have_count(0)


def test_bubbles_are_as_wide_as_what_they_hold_and_groups_keep_apart(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", viewport={"width": 1280, "height": 800}), client.sign_up("grace")
    told = [
        message(grace, ada.person, minutes_ago(60), "one"),
        message(grace, ada.person, minutes_ago(59), "two"),
        message(grace, ada.person, minutes_ago(40), "three"),
        message(ada.person, grace, minutes_ago(30), "🎉"),
        message(grace, ada.person, minutes_ago(20), **spoken("yes", seconds=2), duration=2, peaks=[9] * 200),
        message(grace, ada.person, minutes_ago(5), **spoken("high water " * 30, seconds=60), duration=60),
    ]
    tell(ada.page, told, RECORDING.read_bytes())
    ada.open(grace)
    expect(ada.page.locator(".bubble")).to_have_count(len(told))
    one, two, three, _, short, long = ada.page.evaluate(BUBBLES)
    assert short["width"] < 330 < 500 < long["width"] < 560
    assert two["top"] - one["bottom"] < 8
    assert three["top"] - two["bottom"] > 30
    assert ada.message("🎉").locator(".bubble").evaluate("each => parseFloat(getComputedStyle(each).fontSize)") > 40


def test_text_is_there_before_its_typeface_and_keeps_its_place_when_that_comes(visit: Visit) -> None:
    slow = visit().page
    hold(slow, "**/*.woff2")
    slow.goto("/login", wait_until="commit")
    expect(slow.get_by_role("heading", name="Log in")).to_be_visible()
    text = "They hold it. No need to run, the table by the canal is ours until half past eight."
    before = slow.evaluate(WIDTH, text)
    until(slow, "document.fonts.status === 'loading'")
    slow.unroute("**/*.woff2")  # lets those held go on
    slow.evaluate("() => document.fonts.ready")
    after = slow.evaluate(WIDTH, text)
    assert slow.evaluate("document.fonts.check('1rem Figtree') && document.fonts.check('1rem \"Chattergram Serif\"')")
    assert before != after
    assert [abs(one / other - 1) < 0.05 for one, other in zip(before, after, strict=True)] == [True, True]
