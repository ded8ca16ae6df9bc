"""Chromium, driven by playwright, with the whole application and the page as people get it: built."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from dev import page as page_build
from dev.processes import LOOPBACK, free_port
from dev.system import HEADLESS_CHROMIUM, find_program
from tests.client import Client, Person
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.e2e.visitor import ARGUMENTS, RECORDING, Visitor
from tests.stack import Stack, answers

Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Chromium without windows, or whichever there is."""
    with launched(playwright, HEADLESS_CHROMIUM) as browser:
        yield browser


@contextmanager
def launched(playwright: Playwright, names: Sequence[str]) -> Iterator[Browser]:
    """The first of these browsers that there is; its microphone plays a recorded sentence over and over."""
    path = find_program(*names)
    assert path, "Chromium is missing; `make browser` installs it"
    arguments = [*ARGUMENTS, f"--use-file-for-fake-audio-capture={RECORDING}"]
    browser = playwright.chromium.launch(executable_path=path, args=arguments)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What is said is heard by Deepgram's stand-in, which costs nothing; `test_page_whisper.py` has Whisper hear it."""
    page_build.build()
    with DeepgramStandIn(delay=1.0) as deepgram:  # seconds, as a real one takes
        own = {
            "DEEPGRAM_API_KEY": KEY,
            "DEEPGRAM_BASE_URL": deepgram.url,
            "PAGE_MODULES": "false",
            "SOCKET_RESUME_INTERVAL": "0.5",  # seconds that a page that is shown again and again waits each time
        }
        with Stack(tmp_path_factory.mktemp("stack"), own, {"pusher": ""}) as running:  # no push service is there
            yield running


@contextmanager
def another_web(stack: Stack, name: str, path: str = "", **own: str) -> Iterator[str]:
    """One more web process of the stack, with settings of its own; `path` is that of its PUBLIC_URL. Its address."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}{path}"
    web = stack.make_process(name, stack.web.command[-1], {"PORT": str(port), "PUBLIC_URL": url, **own})
    web.start()
    try:
        web.wait_ready(lambda: answers(f"{url}/readyz"), 30)
        yield url
    finally:
        web.stop()


@pytest.fixture(scope="session")
def modules(stack: Stack) -> Iterator[str]:
    """The address of a web process that serves the page's modules, for tests that look into them."""
    with another_web(stack, "web-modules", PAGE_MODULES="true") as url:
        yield url


@pytest.fixture
def visit(chromium: Browser, stack: Stack, client: Client) -> Iterator[Visit]:
    """`visit("ada")` is a browser of its own for somebody new or `person`; options are a context's.

    Nothing is open in it but what `at` says, such as "/". A test during which a page reported an error fails.
    """
    visitors: list[Visitor] = []

    def open_browser(name: str | None = None, person: Person | None = None, at: str = "", **options: object) -> Visitor:
        person = client.sign_up(name) if name else person
        # Without a service worker, unless a test is about it: it would fetch the page's files again for each visitor.
        usual = {"base_url": stack.url, "service_workers": "block"}
        visitor = Visitor(chromium.new_context(**{**usual, **options}), person, at)
        visitors.append(visitor)
        return visitor

    yield open_browser
    errors = [error for visitor in visitors for error in visitor.errors]
    for visitor in visitors:
        visitor.context.close()
    assert not errors
