"""What has been read is what was on the screen."""

import re

from playwright.sync_api import expect

from tests.client import Client, Person
from tests.contract.conftest import eventually
from tests.e2e.conftest import Visit
from tests.e2e.visitor import name_of

JUMP = "To the newest message"
TO_START = "view => { view.scrollTop = 0; }"
TO_END = "view => { view.scrollTop = view.scrollHeight; }"


def write(sender: Person, receiver: Person, count: int) -> None:
    for number in range(count):
        sender.post(receiver, f"number {number}")


def read_of(sender: Person, receiver: Person) -> int:
    return sum(each["status"] == "read" for each in sender.history(receiver))


def test_opening_a_conversation_reads_only_what_is_on_the_screen(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    write(grace, ada.person, 60)
    row = ada.page.get_by_role("navigation").get_by_role("link", name=name_of(grace))
    ada.open(grace)
    expect(ada.page.locator(".unread-line")).to_be_in_viewport()
    expect(ada.message("number 0")).to_be_in_viewport()
    expect(row).not_to_contain_text("60 unread")

    def is_read() -> bool:
        below = int(ada.page.locator(".jump .badge").inner_text())
        return 20 < below < 60 and read_of(grace, ada.person) == 60 - below

    eventually(is_read, "what is on the screen to be read, and nothing else")
    ada.page.get_by_role("button", name=JUMP).click()
    ada.page.locator(".timeline").evaluate(TO_END)
    expect(ada.message("number 59")).to_be_in_viewport()
    expect(row).not_to_contain_text("unread")


def test_a_conversation_with_hundreds_unread_opens_at_the_first(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    grace.post(ada.person, "long ago")
    ada.open(grace)
    expect(ada.message("long ago")).to_be_visible()
    ada.page.goto("/")
    row = ada.page.get_by_role("navigation").get_by_role("link", name=name_of(grace))
    write(grace, ada.person, 230)
    expect(row).to_contain_text("unread")
    expect(row).to_contain_text("number 229")
    ada.open(grace)
    expect(ada.message("number 0")).to_be_in_viewport()
    expect(ada.page.locator(".unread-line")).to_be_in_viewport()
    expect(ada.page.locator(".jump .badge")).to_have_text(re.compile("99"))


def test_the_button_down_leads_to_what_has_not_been_seen(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    write(grace, ada.person, 40)
    ada.open(grace)
    ada.page.get_by_role("button", name=JUMP).click()
    ada.page.locator(".timeline").evaluate(TO_END)
    expect(ada.message("number 39")).to_be_in_viewport()
    ada.page.locator(".timeline").evaluate(TO_START)
    expect(ada.message("number 0")).to_be_in_viewport()
    for number in range(40):
        grace.post(ada.person, f"later {number}")
    expect(ada.page.locator(".jump .badge")).to_have_text("40")
    ada.page.get_by_role("button", name=JUMP).click()
    expect(ada.message("later 0")).to_be_in_viewport()
    expect(ada.page.locator(".jump .badge")).not_to_have_text("40")
