"""The page as people get it: built. The other tests run its modules, into which they look."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Request, expect

from dev import page as page_build
from dev.processes import LOOPBACK, free_port
from tests.client import Client
from tests.e2e.conftest import Visit
from tests.stack import Stack

# The built files that were not in the browser's cache.
TRANSFERRED = """performance.getEntriesByType("resource")
    .filter(({ name, transferSize }) => name.includes("/static/built/") && transferSize > 0).map(({ name }) => name)"""


@pytest.fixture(scope="module")
def built(stack: Stack) -> Iterator[str]:
    """The address of a web process that serves the built page."""
    page_build.build()
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    web = stack.make_process("web-built", stack.web.command[-1], {"PORT": str(port), "PAGE_MODULES": "false"})
    web.start()
    try:
        web.wait_ready(lambda: _is_ready(url), 30)
        yield url
    finally:
        web.stop()


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


def test_the_built_page_does_what_its_modules_do(visit: Visit, client: Client, built: str) -> None:
    ada, grace = visit("ada", base_url=built), client.sign_up("grace")
    asked: list[Request] = []
    ada.page.on("request", lambda each: asked.append(each))  # noqa: PLW0108 (playwright takes no built-in)
    ada.open(grace)
    ada.say("Where is the river?")
    expect(ada.mark("Where is the river?", "Delivered")).to_be_visible()
    paths = [each.url.removeprefix(built) for each in asked if each.resource_type in ("script", "stylesheet")]
    assert paths
    assert all(path.startswith("/static/built/") for path in paths)
    ada.record()
    expect(ada.page.locator(".recording .clock")).to_have_text("0:01")
    ada.page.get_by_role("button", name="Send the recording").click()
    expect(ada.page.locator(".voice .play")).to_be_visible()
    ada.page.get_by_role("searchbox").fill("river")
    expect(ada.page.locator("#results mark").first).to_be_visible()
    ada.page.goto("/settings")
    expect(ada.page.get_by_role("heading", name="Settings")).to_be_visible()


def test_a_reload_asks_only_for_what_may_have_changed(visit: Visit, client: Client, built: str) -> None:
    ada, grace = visit("ada", base_url=built), client.sign_up("grace")
    grace.post(ada.person, "Hello")
    ada.open(grace)
    expect(ada.message("Hello")).to_be_visible()
    ada.page.reload()
    expect(ada.message("Hello")).to_be_visible()
    assert ada.page.evaluate(TRANSFERRED) == []
