"""Which files of the page a browser loads: those of the build, once, or the modules as they are."""

from playwright.sync_api import Request, expect

from tests.client import Client
from tests.e2e.conftest import Visit
from tests.e2e.visitor import RUNS

# The built files that were not in the browser's cache.
TRANSFERRED = """performance.getEntriesByType("resource")
    .filter(({ name, transferSize }) => name.includes("/static/built/") && transferSize > 0).map(({ name }) => name)"""


def test_without_a_build_the_modules_do_what_it_does(visit: Visit, client: Client, modules: str) -> None:
    ada, grace = visit("ada", base_url=modules), client.sign_up("grace")
    asked: list[Request] = []
    ada.page.on("request", lambda each: asked.append(each))  # noqa: PLW0108 (playwright takes no built-in)
    ada.open(grace)
    ada.say("Where is the river?")
    expect(ada.mark("Where is the river?", "Delivered")).to_be_visible()
    paths = [each.url.removeprefix(modules) for each in asked if each.resource_type in ("script", "stylesheet")]
    assert paths
    assert not any(path.startswith("/static/built/") for path in paths)
    ada.record()
    expect(ada.page.locator(".recording .clock")).to_have_text(RUNS)
    ada.page.get_by_role("button", name="Send the recording").click()
    expect(ada.page.locator(".voice .play")).to_be_visible()
    ada.page.get_by_role("searchbox").fill("river")
    expect(ada.page.locator("#results mark").first).to_be_visible()
    ada.page.goto("/settings")
    expect(ada.page.get_by_role("heading", name="Settings")).to_be_visible()


def test_a_reload_asks_only_for_what_may_have_changed(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    grace.post(ada.person, "Hello")
    ada.open(grace)
    expect(ada.message("Hello")).to_be_visible()
    ada.page.wait_for_load_state("networkidle")  # the typefaces come after what is to be read
    ada.page.reload()
    expect(ada.message("Hello")).to_be_visible()
    assert ada.page.evaluate(TRANSFERRED) == []
