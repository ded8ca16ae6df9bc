"""The page below a path, with everything that a browser does there; and where a proxy lets no socket through."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.client import Client
from tests.e2e.conftest import Visit, another_web
from tests.e2e.test_page_there import wait_kept, wait_until
from tests.e2e.visitor import Visitor
from tests.stack import Stack

BASE = "/chat-app"
PAUSE = 8_000  # milliseconds, in which the page asks at least once
IS_CONTROLLED = """navigator.serviceWorker.ready.then(({ active }) =>
    active.state === "activated" && navigator.serviceWorker.controller !== null)"""
WORKS_OFFLINE = "navigator.serviceWorker.ready.then(({ scope }) => new URL(scope).pathname)"
FONTS = "document.fonts.ready.then(() => [...document.fonts].some(({ status }) => status === 'loaded'))"


@pytest.fixture(scope="module")
def below(stack: Stack) -> Iterator[str]:
    """The address of a page below a path, as behind a proxy that passes the path on; built, as people get it."""
    with another_web(stack, "web-below-built", BASE) as url:
        yield url


def test_below_a_path_the_page_does_what_it_does_elsewhere(chromium: Browser, client: Client, below: str) -> None:
    grace = client.sign_up("grace")
    ada = Visitor(chromium.new_context(base_url=f"{below}/"), None)  # with its service worker
    page = ada.page
    try:
        page.goto("signup")
        page.get_by_label("Name").fill(f"ada-{grace.id[-6:].lower()}")
        page.get_by_label("E-mail").fill(f"ada-{grace.id}@example.org")
        page.get_by_label("Password", exact=True).fill("correct horse battery")
        page.get_by_role("button", name="Sign up").click()
        expect(page).to_have_url(f"{below}/")
        expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
        expect(page.get_by_label("Address to share")).to_have_value(below)
        page.get_by_role("link", name="Settings").click()
        expect(page).to_have_url(f"{below}/settings")
        page.goto(f"chat/{grace.user['username']}")
        expect(page).to_have_url(f"{below}/chat/{grace.id}/{grace.user['username']}")
        ada.say("Below a path")
        expect(ada.mark("Below a path", "Delivered")).to_be_visible()
        me = page.evaluate(f"JSON.parse(localStorage['chattergram{BASE}.me'])._id")
        grace.post(me, "Your socket works")
        expect(ada.message("Your socket works")).to_be_visible()
        assert page.evaluate(FONTS)
        assert page.evaluate(WORKS_OFFLINE) == f"{BASE}/"
        wait_until(page, IS_CONTROLLED)
        wait_kept(page, f"chattergram-offline{BASE}", 4)
        ada.context.set_offline(True)
        page.reload()
        expect(ada.message("Below a path")).to_be_visible()
    finally:
        ada.context.close()
    assert not ada.errors


def test_without_sockets_the_page_says_so_and_messages_still_come(visit: Visit, client: Client) -> None:
    grace = client.sign_up("grace")
    ada = visit("ada")
    blocked = True

    def refuse(socket: WebSocketRoute) -> None:
        if blocked:
            socket.close()
        else:
            socket.connect_to_server()

    ada.page.route_web_socket("**/ws/", refuse)
    ada.page.clock.install()
    ada.open(grace)
    banner = ada.page.locator(".banner")
    ada.page.clock.run_for(PAUSE)
    expect(banner).to_contain_text("No live connection")
    grace.post(ada.person, "By asking")
    ada.page.clock.run_for(PAUSE)
    expect(ada.message("By asking")).to_be_visible()
    ada.say("Also the other way")
    expect(ada.mark("Also the other way", "Delivered")).to_be_visible()
    blocked = False
    ada.page.get_by_role("button", name="Try now").click()
    expect(banner).to_be_empty()
    grace.post(ada.person, "By socket again")
    expect(ada.message("By socket again")).to_be_visible()
    expect(ada.message("By asking")).to_have_count(1)
