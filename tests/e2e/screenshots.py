"""Takes pictures of every screen, light, dark and in chosen colours, on a desktop and on phones: `make screenshots`.

`python -m tests.e2e.screenshots light-desk forced-small` takes only those. They go to `.data/screenshots`; those in the
README are copied to `docs/screenshots`. The browser's clock stands still; messages have the times of a whole evening.
"""

import argparse
import tempfile
from pathlib import Path
from shutil import copyfile
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect, sync_playwright

from dev.system import CHROMIUM, find_program
from tests.client import Client, Person
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.e2e.evening import NOW, PEOPLE, Evening
from tests.e2e.visitor import ARGUMENTS, Visitor
from tests.stack import ROOT, Stack

EVERYTHING = ROOT / ".data" / "screenshots"
BEST = ROOT / "docs" / "screenshots"
SHOWN = (
    "conversation-light-desk",
    "conversation-dark-desk",
    "conversation-light-phone",
    "recording-dark-phone",
    "search-light-desk",
    "landing-light-desk",
    "profile-dark-phone",
    "first-run-light-desk",
)
SCREENS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 1.5,
        "is_mobile": True,
        "has_touch": True,
    },
    "small": {
        "viewport": {"width": 320, "height": 640},
        "device_scale_factor": 1.5,
        "is_mobile": True,
        "has_touch": True,
    },
}
THEMES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"color_scheme": "dark", "forced_colors": "active"},
}
TAKEN = ("light-desk", "dark-desk", "light-phone", "dark-phone", "light-small", "forced-small")
VOICE = ROOT / "tests" / "e2e" / "recordings" / "river.wav"


class Camera:
    """One theme on one screen size. Each method brings the page into a state and takes a picture."""

    def __init__(self, browser: Browser, url: str, evening: Evening, suffix: str) -> None:
        theme, screen = suffix.split("-")
        self.evening = evening
        self.suffix = suffix
        self.phone = screen != "desk"
        self.options = {
            "base_url": url,
            "timezone_id": "UTC",
            "reduced_motion": "reduce",
            **THEMES[theme],
            **SCREENS[screen],
        }
        self.browser = browser

    def take_all(self) -> None:
        stranger = self._visit(None)
        for name, path in (("landing", "/"), ("signup", "/signup"), ("login", "/login")):
            stranger.goto(path)
            expect(stranger.get_by_role("heading", level=1)).to_be_visible()
            self._take(stranger, name)
        stranger.goto("/signup")
        stranger.get_by_label("Name").fill("Nora")
        stranger.get_by_role("button", name="Sign up").click()
        self._take(stranger, "signup-refused")
        _leave(stranger)
        newcomer = self._visit(self.evening.newcomer)
        expect(newcomer.locator(".first-run .people a").first).to_be_visible()
        self._take(newcomer, "first-run")
        newcomer.locator(".first-run").evaluate("each => each.scrollTo(0, each.scrollHeight)")
        self._take(newcomer, "first-run-end")
        _leave(newcomer)
        page = self._visit(self.evening.nora)
        self._list(page)
        self._conversation(page)
        self._right_to_left(page)
        self._recording(page)
        self._search(page)
        self._settings(page)
        self._offline(page)
        _leave(page)
        self._in_arabic()

    def _list(self, page: Page) -> None:
        page.goto("/")
        expect(page.locator(".people a")).to_have_count(len(PEOPLE) - 2)
        self._take(page, "list")

    def _conversation(self, page: Page) -> None:
        self._open(page, "Amina Yusuf")
        words = page.locator(".transcript").last.locator(".word")
        self._play_to(page, words.nth(5))
        self._take(page, "conversation")
        if not self.phone:
            page.locator("article").nth(-4).hover()
        page.get_by_role("button", name="Message actions").nth(-4).click()
        self._take(page, "menu")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Message actions").nth(-4).click()
        page.get_by_role("menuitem", name="Correct the transcript").click()
        self._take(page, "correcting")
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Message actions").nth(-4).click()
        page.get_by_role("menuitem", name="Delete").click()
        self._take(page, "dialog")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="About Amina Yusuf").click()
        expect(page.locator(".spoken-list a").first).to_be_visible()
        self._take(page, "profile")
        page.keyboard.press("Escape")
        page.locator("h1").last.focus()
        page.keyboard.press("?")
        self._take(page, "shortcuts")
        page.keyboard.press("Escape")
        self._printed(page)

    def _printed(self, page: Page) -> None:
        page.evaluate("window.print = () => {}")  # then nothing takes what is printed away again
        page.keyboard.press("Control+p")
        expect(page.locator(".printout article").first).to_be_attached()
        page.emulate_media(media="print")
        self._take(page, "printed")
        page.emulate_media(media="screen")

    def _right_to_left(self, page: Page) -> None:
        self._open(page, "יעל כהן")
        self._take(page, "right-to-left")
        self._open(page, "Grandpa Leo")
        self._take(page, "states")
        self._open(page, "Tomás Rivera")
        expect(page.locator(".unread-line")).to_be_visible()
        self._take(page, "unread")

    def _recording(self, page: Page) -> None:
        self._open(page, "Amina Yusuf")
        page.locator(".mic").last.click()
        expect(page.get_by_role("timer")).to_have_text("0:04")
        page.get_by_role("button", name="Pause recording").click()
        self._take(page, "recording-paused")
        page.get_by_role("button", name="Go on recording").click()
        expect(page.locator(".recording.on")).to_be_visible()
        self._take(page, "recording")
        page.get_by_role("button", name="Stop and listen").click()
        page.locator(".recording .play").click()
        expect(page.locator(".recording .clock")).to_have_text("0:01")
        page.locator(".recording .play").click()
        self._take(page, "recording-review")
        page.get_by_role("button", name="Discard the recording").click()

    def _search(self, page: Page) -> None:
        page.goto("/")
        page.get_by_role("searchbox").fill("table")
        expect(page.locator("#results mark").first).to_be_visible()
        if not self.phone:
            page.locator("#results a", has=page.locator("mark")).last.click()
            expect(page.locator(".word.hit").first).to_be_visible()
            expect(page.locator("article .clock").last).to_contain_text(":")
        self._take(page, "search")
        page.get_by_role("searchbox").fill("no such word")
        expect(page.get_by_text("Nothing found")).to_be_visible()
        self._take(page, "search-nothing")

    def _settings(self, page: Page) -> None:
        page.goto("/settings")
        expect(page.get_by_role("heading", name="Settings")).to_be_visible()
        expect(page.locator(".people a").first).to_be_attached()
        self._take(page, "settings")
        page.locator(".settings").evaluate("each => each.scrollTo(0, each.scrollHeight)")
        self._take(page, "settings-end")

    def _in_arabic(self) -> None:
        page = self._visit(self.evening.nora, locale="ar")
        self._open(page, "Amina Yusuf")
        self._take(page, "arabic")
        page.goto("/settings")
        expect(page.locator(".settings")).to_be_visible()
        expect(page.locator(".people a").first).to_be_attached()
        self._take(page, "arabic-settings")
        _leave(page)

    def _offline(self, page: Page) -> None:
        self._open(page, "Amina Yusuf")
        expect(page.locator(".state")).to_have_text("online")
        page.context.set_offline(True)
        page.locator("#composer-input").fill("Under a bridge, this goes out in a moment")
        page.get_by_role("button", name="Send", exact=True).click()
        page.locator(".mic").last.click()
        expect(page.get_by_role("timer")).to_have_text("0:02")
        page.get_by_role("button", name="Send the recording").click()
        expect(page.locator(".banner").get_by_text("No connection.")).to_be_visible()
        waiting = page.locator("article", has=page.get_by_text("Waiting for the network"))
        expect(waiting.locator(".clock")).to_contain_text(":")
        self._take(page, "offline")

    def _open(self, page: Page, name: str) -> None:
        page.goto(f"/chat/{name}")
        expect(page.locator("article").last).to_be_visible()
        if page.locator("article .controls").count():
            expect(page.locator("article .clock").last).to_contain_text(":")
        page.evaluate("document.fonts.ready")  # a click that misses its word would scroll

    def _play_to(self, page: Page, word: Locator) -> None:
        word.click()
        expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
        page.get_by_role("button", name="Pause", exact=True).click()

    def _take(self, page: Page, name: str) -> None:
        page.evaluate("document.fonts.ready")
        page.screenshot(path=EVERYTHING / f"{name}-{self.suffix}.png")

    def _visit(self, person: Person | None, **options: str) -> Page:
        context: BrowserContext = self.browser.new_context(**self.options, **options)
        context.clock.set_fixed_time(NOW)
        context.route("**/api/**", self._retell)
        return Visitor(context, person, "/").page

    def _retell(self, route: Route) -> None:
        """Passes on a response with the evening's times."""
        if route.request.url.endswith("/read"):  # stay unread for the next picture
            route.fulfill(status=204)
            return
        if route.request.method != "GET" or "/content" in route.request.url:
            route.continue_()
            return
        response = route.fetch()
        route.fulfill(response=response, json=self._told(response.json()))

    def _told(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._told(each) for each in value]
        if not isinstance(value, dict):
            return value
        told = {name: self._told(each) for name, each in value.items()}
        if told.get("_id") in self.evening.times:
            told["dateSent"] = self.evening.times[told["_id"]]
        if told.get("lastSeen"):
            told["lastSeen"] = NOW.replace(hour=15, minute=7).isoformat()
        return told


def _leave(page: Page) -> None:
    page.context.unroute_all(behavior="ignoreErrors")  # calls may still be on their way
    page.context.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("taken", nargs="*", choices=[*TAKEN, []], help="by default all")
    taken = parser.parse_args().taken or TAKEN
    EVERYTHING.mkdir(parents=True, exist_ok=True)
    BEST.mkdir(parents=True, exist_ok=True)
    arguments = [*ARGUMENTS, f"--use-file-for-fake-audio-capture={VOICE}"]
    with tempfile.TemporaryDirectory() as folder, DeepgramStandIn() as deepgram, sync_playwright() as playwright:
        stack = Stack(Path(folder), {"DEEPGRAM_API_KEY": KEY, "DEEPGRAM_BASE_URL": deepgram.url})
        stack.start()
        browser = playwright.chromium.launch(executable_path=find_program(*CHROMIUM), args=arguments)
        try:
            with Client(stack.url) as client:
                evening = Evening(client, deepgram)
                evening.happen()
                for suffix in taken:
                    Camera(browser, stack.url, evening, suffix).take_all()
        finally:
            browser.close()
            stack.stop()
    for name in [each for each in SHOWN if each.endswith(tuple(taken))]:
        copyfile(EVERYTHING / f"{name}.png", BEST / f"{name}.png")


if __name__ == "__main__":
    main()
