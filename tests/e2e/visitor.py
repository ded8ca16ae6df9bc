"""A person who uses the page in a browser."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Route, expect

from tests.client import Person

RECORDING = Path(__file__).parent / "recordings" / "river.wav"
TIMEOUT = 20_000  # milliseconds
RUNS = re.compile(r"^0:(0[1-9]|[1-5]\d)$")  # the clock of a recording, after its first second
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
SENDING = "**/api/chat"
HELD = "tests.held"
# A promise of an element that is there only for a moment, which a look now and then would miss.
APPEARS = """(selector) => {
    const promise = new Promise((resolve) => {
        const look = () => document.querySelector(selector) && resolve();
        new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
        look();
    });
    return { promise };
}"""
CLOSE_WHEN_HELD = f"""{{
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {{
        const held = localStorage["{HELD}"] && data.startsWith('{{"type":"send"');
        if (held) this.close();
        else send.call(this, data);
    }};
}}"""
# The network's own complaints; tests take it away, and ask for what is not there.
EXPECTED = re.compile(r"Failed to load resource|A bad HTTP response code|WebSocket connection|net::ERR_")

expect.set_options(timeout=TIMEOUT)


class Visitor:
    """A browser context with one page, signed in as `person` if there is one; it is blank unless `at` is an address."""

    person: Person

    def __init__(self, context: BrowserContext, person: Person | None, at: str = "") -> None:
        self.context = context
        self.errors: list[str] = []
        context.set_default_timeout(TIMEOUT)
        if person:
            self.person = person
            context.add_init_script(sign_in(person))
        context.add_init_script(CLOSE_WHEN_HELD)
        self.page = self.new_page(at)

    @property
    def name(self) -> str:
        return str(self.person.user["username"])

    def new_page(self, at: str = "") -> Page:
        """Opens another tab, at an address if there is one."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{error.name}: {error.message}\n{error.stack}"))
        page.on("console", self._console)
        if at:
            page.goto(at, wait_until="commit")
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.search(message.text):
            self.errors.append(message.text)

    def open(self, partner: "Visitor | Person | str", page: Page | None = None) -> Locator:
        """Opens the conversation with somebody by its address, and returns the text box."""
        username = partner if isinstance(partner, str) else name_of(partner)
        where = page or self.page
        where.goto(f"/chat/{username}", wait_until="commit")
        box = where.locator("#composer-input")
        expect(box).to_be_visible()
        return box

    def say(self, text: str) -> None:
        self.page.locator("#composer-input").fill(text)
        self.page.get_by_role("button", name="Send", exact=True).click()

    def wait_connected(self) -> None:
        """Waits until the page with the open conversation has a socket: before, it does not know who is online."""
        expect(self.page.locator(".conversation-head .state")).to_have_text(re.compile(r"\w"))

    def lose_network(self) -> None:
        """Takes the network away, and waits until the page with the open conversation knows."""
        self.wait_connected()
        self.context.set_offline(True)
        expect(self.page.locator(".conversation-head .state")).to_have_text("")

    @contextmanager
    def sees(self, selector: str) -> Iterator[None]:
        """What is done meanwhile makes such an element appear, if only for a moment."""
        seen = self.page.evaluate_handle(APPEARS, selector)
        yield
        seen.evaluate("({ promise }) => promise")

    def hold_back(self, respond: Callable[[Route], None] = lambda route: route.abort()) -> None:
        """Lets no message reach the server: a socket closes when one is sent over it, a call gets this response."""
        self.context.route(SENDING, respond)
        self.page.evaluate(f"localStorage['{HELD}'] = 'yes'")

    def let_go(self) -> None:
        """Ends that, in all tabs."""
        self.context.unroute(SENDING)
        self.context.pages[0].evaluate(f"localStorage.removeItem('{HELD}')")

    def message(self, text: str) -> Locator:
        """The message with this text."""
        return self.page.locator("article", has=self.page.get_by_text(text, exact=True))

    def mark(self, text: str, label: str) -> Locator:
        """The mark `label` on the row of a message."""
        return self.mark_of(self.page.locator(".row", has=self.page.get_by_text(text, exact=True)), label)

    @staticmethod
    def mark_of(row: Locator, label: str) -> Locator:
        return row.get_by_role("img", name=label, exact=True)

    def choose(self, text: str, action: str) -> None:
        """Chooses an action from a message's menu."""
        message = self.message(text)
        message.hover()
        message.get_by_role("button", name="Message actions").click()
        self.page.get_by_role("menuitem", name=action).click()

    def record(self) -> None:
        """Begins a recording by the keyboard, which continues until its buttons are used.

        On a busy machine a click may last so long that it is taken for holding the microphone's button.
        """
        self.page.locator(".mic").last.press("Enter")
        expect(self.page.locator(".recording.on")).to_be_visible()


def name_of(somebody: "Visitor | Person") -> str:
    return somebody.name if isinstance(somebody, Visitor) else str(somebody.user["username"])


def sign_in(person: Person) -> str:
    """A script that signs a fresh browser in."""
    token, me = json.dumps(person.token), json.dumps(json.dumps(person.user))
    return f"""if (location.protocol !== "about:" && !localStorage["tests.begun"]) {{
        localStorage["tests.begun"] = "yes";
        localStorage["chattergram.token"] = {token};
        localStorage["chattergram.me"] = {me};
    }}"""
