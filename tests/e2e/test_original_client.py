"""A page that does what the original web client does, from another origin, in Chromium."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dev.processes import LOOPBACK
from tests import recordings
from tests.client import Client, Person
from tests.contract.conftest import eventually
from tests.stack import Stack

HISTORY_LIMIT = 200


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the page comes from."""
    handler = partial(Quiet, directory=str(Path(__file__).parent / "original"))
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(chromium: Browser, origin: str, stack: Stack) -> Iterator[Page]:
    context = chromium.new_context()
    opened = context.new_page()
    sockets = stack.url.replace("http", "ws", 1)
    opened.goto(f"{origin}/?api={stack.url}/api/&sockets={sockets}/ws")
    yield opened
    context.close()


def log_in(page: Page, person: Person) -> None:
    page.get_by_label("Email").fill(person.user["email"])
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("body[data-connected]")).to_be_attached()


def shown(page: Page) -> list[str]:
    return [str(each) for each in page.locator("#messages li").evaluate_all("all => all.map(e => e.dataset.id)")]


def test_it_reads_every_message_once_whatever_arrives_between_its_pages(page: Page, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    sent = [ben.post(ada, f"{number}")["_id"] for number in range(HISTORY_LIMIT + 60)]
    eventually(lambda: [each["_id"] for each in ada.history(ben, limit=1)] == sent[-1:], "the messages")
    log_in(page, ada)
    page.get_by_role("button", name=ben.user["username"]).click()
    expect(page.locator("#messages li")).to_have_count(HISTORY_LIMIT)

    sent.append(ben.post(ada, "it splits --- at -- dashes ---- twice")["_id"])
    expect(page.get_by_text("it splits --- at -- dashes ---- twice", exact=True)).to_be_visible()
    page.get_by_label("Message").fill("an answer --- of mine")
    page.get_by_role("button", name="Post").click()
    expect(page.get_by_text("an answer --- of mine", exact=True)).to_be_visible()
    sent.append(ada.history(ben, limit=1)[0]["_id"])

    for count in (HISTORY_LIMIT + 52, HISTORY_LIMIT + 62):
        page.get_by_role("button", name="Load more").click()
        expect(page.locator("#messages li")).to_have_count(count)
    assert shown(page) == sent


def test_a_voice_message_stands_once_though_it_was_opened_while_transcribed(page: Page, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    log_in(page, ada)
    upload = ben.upload(recordings.spoken())
    voice = ben.post(ada, audioFileId=upload["audioFileUuid"])["_id"]
    page.get_by_role("button", name=ben.user["username"]).click()
    expect(page.locator(f"[data-id='{voice}']")).to_be_visible()
    page.get_by_role("button", name="Load more").click()
    eventually(lambda: ada.history(ben)[-1]["status"] in ("delivered", "untranscribed"), "the transcript")
    assert shown(page) == [voice]


def test_it_notices_that_its_session_has_ended_and_logs_in_again(page: Page, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    log_in(page, ada)
    token = page.evaluate("localStorage.token")
    client.request("POST", "/logout", headers={"Authorization": f"Bearer {token}"})
    page.get_by_role("button", name=ben.user["username"]).click()
    expect(page.get_by_label("Email")).to_be_visible()
    assert page.evaluate("localStorage.token") is None
    log_in(page, ada)
    page.get_by_role("button", name=ben.user["username"]).click()
    expect(page.get_by_role("button", name="Post")).to_be_visible()
