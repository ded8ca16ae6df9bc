"""For everyone: by keyboard alone, on a narrow phone, in the dark, and from right to left."""

import re

import requests
from playwright.sync_api import Page, expect

from tests.client import Client
from tests.e2e.accessible import check
from tests.e2e.conftest import Visit
from tests.e2e.history import message, minutes_ago, recording, spoken, tell
from tests.e2e.visitor import RUNS, name_of
from tests.stack import ROOT, Stack

STATIC = ROOT / "web" / "static"


def check_both(page: Page) -> None:
    """By day on the narrowest phone, and by night on a wide screen."""
    for theme, width in (("light", 320), ("dark", 1920)):
        page.set_viewport_size({"width": width, "height": 720})
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        check(page)


def test_axe_finds_nothing(visit: Visit, client: Client) -> None:
    options = {"reduced_motion": "reduce"}
    stranger = visit(**options)
    for path in ("/", "/signup", "/login"):
        stranger.page.goto(path)
        expect(stranger.page.get_by_role("heading", level=1)).to_be_visible()
        check_both(stranger.page)
    ada, grace = visit("ada", **options), client.sign_up("grace")
    ada.page.goto("/settings")
    expect(ada.page.get_by_role("heading", name="Settings")).to_be_visible()
    check_both(ada.page)
    grace.post(ada.person, "Have you seen https://example.org/ yet?")
    row = ada.page.locator(".people a", has_text=name_of(grace))
    expect(row).to_be_attached()
    told = [
        message(grace, ada.person, minutes_ago(30), **spoken("the river was high", unsure="high")),
        message(ada.person, grace, minutes_ago(20), audioFileId="1" * 32, status="untranscribed"),
        message(grace, ada.person, minutes_ago(10), audioFileId="2" * 32, status="transcribing"),
        message(ada.person, grace, minutes_ago(9), "W" * 200),
        message(ada.person, grace, minutes_ago(8), deletedAt=minutes_ago(7).isoformat()),
    ]
    tell(ada.page, told, recording())
    ada.open(grace)
    ada.page.locator(".timed .word").first.click()
    expect(ada.page.locator(".word.lit")).to_be_visible()
    ada.page.get_by_role("button", name="Pause", exact=True).click()
    check_both(ada.page)
    ada.record()
    check_both(ada.page)
    ada.page.keyboard.press("Escape")
    ada.page.goto("/")
    expect(row).to_be_visible()
    check_both(ada.page)
    ada.page.get_by_role("searchbox").fill("example")
    expect(ada.page.locator("#results mark").first).to_be_visible()
    check_both(ada.page)


def test_who_wants_less_motion_gets_none(visit: Visit) -> None:
    page = visit("ada", at="/settings", reduced_motion="reduce").page
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    moving = page.evaluate("""() => {
        document.querySelector(".settings").insertAdjacentHTML("beforeend", "<i class='spinner'></i>");
        return document.getAnimations().filter((each) => each.effect.getTiming().duration > 1).length;
    }""")
    assert moving == 0


def test_the_page_is_there_before_its_data(visit: Visit) -> None:
    ada = visit("ada")
    ada.context.route("**/api/**", lambda _: None)  # never answered
    ada.page.goto("/")
    expect(ada.page.get_by_role("searchbox")).to_be_visible()
    expect(ada.page.locator(".ghost").first).to_be_visible()
    expect(ada.page.locator(".account")).to_contain_text(ada.name)


def test_only_its_own_files_may_run(stack: Stack) -> None:
    policy = requests.get(stack.url, timeout=10).headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"""(src|href)=["'](https?:)?//|<style|\sstyle=|\son\w+=|<script>""", page)


def test_the_keyboard_alone_suffices(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", at="/"), client.sign_up("grace")
    keys = ada.page.keyboard
    expect(ada.page.get_by_role("searchbox")).to_be_visible()
    keys.press("Control+k")
    expect(ada.page.get_by_role("searchbox")).to_be_focused()
    keys.type(name_of(grace))
    expect(ada.page.locator("#results").get_by_role("link")).to_have_count(1)
    keys.press("Enter")
    expect(ada.page.locator("#composer-input")).to_be_focused()
    keys.type("Thrusday?")
    keys.press("Enter")
    expect(ada.mark("Thrusday?", "Delivered")).to_be_visible()
    menu = ada.page.get_by_role("button", name="Message actions")
    menu.focus()
    keys.press("Enter")
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(ada.page.locator("#composer-input")).to_have_value("Thrusday?")
    keys.press("Control+a")
    keys.type("Thursday!")
    keys.press("Enter")
    expect(ada.message("Thursday!")).to_be_visible()
    menu.focus()
    keys.press("Enter")
    keys.press("ArrowUp")
    expect(ada.page.get_by_role("menuitem", name="Delete")).to_be_focused()
    keys.press("Escape")
    expect(menu).to_be_focused()
    ada.page.locator(".mic").last.focus()
    keys.press("Enter")
    expect(ada.page.locator(".recording.on")).to_be_visible()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)  # before, there may be nothing to listen to
    keys.press("Escape")
    expect(ada.page.get_by_role("button", name="Play the recording")).to_be_focused()
    keys.press("Escape")
    expect(ada.page.locator("#composer-input")).to_be_visible()


def test_new_messages_are_announced(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    grace.post(ada.person, "Hello?")
    expect(ada.message("Hello?")).to_be_visible()
    grace.post(ada.person, "Can you hear me?")
    expect(ada.page.locator("#announcer")).to_contain_text(f"{name_of(grace)}: Can you hear me?")
    ada.page.get_by_role("link", name="Settings").click()
    expect(ada.page.get_by_role("heading", name="Settings")).to_be_visible()
    grace.post(ada.person, "Gone already?")
    expect(ada.page.locator("#announcer")).to_contain_text(f"{name_of(grace)} wrote")
    ada.context.set_offline(True)
    expect(ada.page.locator("#announcer")).to_contain_text("No connection.")


def test_the_skip_link_leads_past_the_list(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    address = re.compile(f"/chat/{grace.id}/{name_of(grace)}$")
    expect(ada.page).to_have_url(address)
    ada.page.locator(".skip").focus()
    ada.page.keyboard.press("Enter")
    expect(ada.page.locator(".pane")).to_be_focused()
    expect(ada.page).to_have_url(address)


def test_on_a_phone_one_thing_at_a_time(visit: Visit, client: Client) -> None:
    ada = visit("ada", at="/", viewport={"width": 390, "height": 780}, has_touch=True)
    grace = client.sign_up("grace")
    grace.post(ada.person, "Hi")
    row = ada.page.get_by_role("navigation").get_by_role("link", name=name_of(grace))
    row.tap()
    expect(ada.message("Hi")).to_be_visible()
    expect(row).to_be_hidden()
    ada.page.get_by_role("link", name="All conversations").tap()
    expect(row).to_be_visible()


def test_right_to_left_texts(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    ada.say("שלום, מה שלומך?")
    said = ada.page.locator(".said")
    expect(said).to_have_css("direction", "rtl")


def test_a_page_of_somebody_unknown_says_so(visit: Visit) -> None:
    ada = visit("ada")
    ada.page.goto("/chat/nobody-of-that-name")
    expect(ada.page.get_by_text("There is nobody called nobody-of-that-name.")).to_be_visible()
    ada.page.goto("/chat/100%")
    expect(ada.page.get_by_text("There is nobody called 100%.")).to_be_visible()
