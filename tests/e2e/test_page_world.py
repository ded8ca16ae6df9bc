"""What people of the whole world meet on the page: addresses that stay, honest links, their own time."""

import re
from datetime import datetime, timedelta

from playwright.sync_api import expect

from tests.client import Client
from tests.contract.conftest import eventually
from tests.e2e.conftest import Visit


def test_an_address_stays_with_its_person_whoever_takes_the_name(visit: Visit, client: Client) -> None:
    ada, kim = visit("ada"), client.sign_up("kim")
    page, old_name = ada.page, kim.user["username"]
    ada.open(kim)  # an older address, by name
    expect(page).to_have_url(re.compile(f"/chat/{kim.id}/{old_name}$"))
    mine = page.url
    kim.call("PATCH", "/user/me", json={"username": f"/{old_name}"})
    thief = client.sign_up()
    thief.call("PATCH", "/user/me", json={"username": old_name})
    page.goto(mine)
    expect(page.get_by_role("textbox", name=f"Message to /{old_name}")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/chat/{kim.id}/-{old_name}$"))
    page.reload()
    expect(page.get_by_role("textbox", name=f"Message to /{old_name}")).to_be_visible()
    page.goto(f"/chat/01JD4XBCEA8X4M6Z9T1V0QW5RK/{old_name}")
    expect(page.get_by_text("There is nobody at this address.")).to_be_visible()


def test_each_of_two_people_who_have_left_can_be_opened(visit: Visit, client: Client) -> None:
    ada = visit("ada")
    for word in ("first", "second"):
        person = client.sign_up()
        message = ada.person.post(person, word)
        eventually(lambda one=person: ada.person.history(one), "the message")
        person.call("DELETE", "/user/me", 204, json={"password": person.password})
        assert message["text"] == word
    ada.page.goto("/")
    rows = ada.page.get_by_role("navigation", name="Conversations").get_by_role("link", name="Deleted account")
    for word in ("first", "second"):
        rows.filter(has_text=word).click()
        expect(ada.page.locator("article").get_by_text(word, exact=True)).to_be_visible()
        ada.page.reload()
        expect(ada.page.locator("article").get_by_text(word, exact=True)).to_be_visible()


def test_a_link_reads_as_it_is_and_says_where_it_leads(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    grace.post(ada.person, "read \u202ehttps://google.com/moc.elgoog and https://google.com@evil.example/x")
    ada.open(grace)
    turned, elsewhere = ada.page.locator("article a").nth(0), ada.page.locator("article a").nth(1)
    expect(turned).to_have_text("https://google.com/moc.elgoog")
    expect(turned).to_have_css("direction", "ltr")
    expect(turned).to_have_css("unicode-bidi", "isolate")
    assert "\u202e" not in ada.page.locator("article .said").inner_text()
    expect(elsewhere).to_have_attribute("href", "https://google.com@evil.example/x")
    expect(ada.page.locator("article .said bdi.host")).to_have_text("(evil.example)")


def test_headings_and_times_follow_the_reader_through_midnight(visit: Visit, client: Client) -> None:
    ada = visit("ada", locale="en-US", timezone_id="Pacific/Kiritimati")
    grace = client.sign_up("grace")
    now = datetime.fromisoformat(grace.post(ada.person, "Good evening")["dateSent"])
    ada.page.clock.install(time=now)
    ada.open(grace)
    expect(ada.page.locator("p.day")).to_have_text("Today")
    local = now + timedelta(hours=14)
    hour = local.hour % 12 or 12
    listed = ada.page.get_by_role("navigation", name="Conversations").locator("time")
    expect(listed).to_have_text(re.compile(rf"^{hour}:\d\d\s[AP]M$"))
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    ada.page.clock.fast_forward(int((midnight - local).total_seconds() + 1) * 1_000)
    expect(ada.page.locator("p.day")).to_have_text("Yesterday")
    expect(listed).to_have_text("Yesterday")
