"""Two people talk: what each sees, and what is kept."""

import re

from playwright.sync_api import Route, expect

from tests.client import PASSWORD, Client
from tests.e2e.conftest import Visit
from tests.e2e.history import CALL, first
from tests.e2e.visitor import name_of

DARK = "rgb(18, 23, 21)"


def test_sign_up_find_somebody_and_talk(visit: Visit) -> None:
    other = visit("grace", at="/")
    page = visit(at="/").page
    page.get_by_role("link", name="Create an account").click()
    name = f"ada {other.name[-8:]}"
    page.get_by_label("Name").fill(name)
    page.get_by_label("E-mail").fill(f"{other.name}.ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    page.get_by_role("searchbox").fill(other.name)
    page.locator("#results").get_by_role("link", name=other.name).click()
    expect(page).to_have_url(re.compile(f"/chat/{other.person.id}/{other.name}$"))
    page.get_by_role("textbox", name=f"Message to {other.name}").fill("Hello there")
    page.keyboard.press("Enter")
    row = page.locator(".row", has_text="Hello there")
    expect(row.get_by_role("img", name="Delivered")).to_be_visible()

    there = other.page.get_by_role("navigation", name="Conversations").get_by_role("link", name=name)
    expect(there).to_contain_text("Hello there")
    expect(there).to_contain_text("1 unread")
    expect(other.page).to_have_title(re.compile(r"^\(1\) "))
    there.click()
    expect(other.message("Hello there")).to_be_visible()
    expect(other.page.locator(".unread-line")).to_be_visible()
    expect(row.get_by_role("img", name="Read")).to_be_visible()
    expect(there).not_to_contain_text("unread")
    expect(other.page.locator(".state")).to_have_text("online")


def test_a_message_that_comes_while_the_history_is_on_its_way_stays(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", at="/"), client.sign_up("grace")
    client.sign_up("joan").post(ada.person, "before")  # so the socket knows where to go on, and nothing is reloaded
    expect(ada.page.get_by_role("navigation")).to_contain_text("before")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.fulfill(json=[])
        held.append(route)

    ada.page.route(CALL, hold_the_first)
    with ada.page.expect_request(CALL):
        ada.open(grace)
    grace.post(ada.person, "Quicker")
    expect(ada.page.get_by_role("navigation").get_by_role("link", name=name_of(grace))).to_contain_text("Quicker")
    first(ada.page, held).fulfill(json=[])
    expect(ada.page.locator(".notice .spinner")).to_have_count(0)  # the history is there
    expect(ada.message("Quicker")).to_be_visible()


def test_the_list_tells_who_wrote_last_who_is_there_and_who_types(visit: Visit) -> None:
    ada, grace, joan = (visit(name, at="/") for name in ("ada", "grace", "joan"))
    rows = ada.page.get_by_role("navigation", name="Conversations").get_by_role("link")
    for somebody in (grace, joan):
        somebody.person.post(ada.person, f"Here is {somebody.name}")
        expect(rows.first).to_contain_text(f"Here is {somebody.name}")
    expect(rows).to_have_count(2)
    expect(rows.first.get_by_text("online")).to_be_attached()
    expect(rows.first.locator("time")).to_have_text(re.compile(r"^\d{1,2}:\d\d\s[AP]M$"))
    box = grace.open(ada)
    grace.wait_connected()  # typing is not kept for later
    box.press_sequentially("Hm")
    expect(rows.last).to_contain_text("typing …")
    grace.person.post(ada.person, "Me again")
    expect(rows.first).to_contain_text("Me again")
    rows.first.hover()
    ada.page.mouse.down()
    grace.person.post(ada.person, "While you click")
    expect(rows.first).to_contain_text("While you click")
    ada.page.mouse.up()
    expect(ada.page.get_by_role("heading", name=grace.name)).to_be_visible()
    joan.context.close()
    expect(rows.last.get_by_text("online")).to_have_count(0, timeout=40_000)


def test_typing_shows_and_goes(visit: Visit) -> None:
    ada, grace = visit("ada"), visit("grace")
    ada.open(grace)
    box = grace.open(ada)
    expect(ada.page.locator(".state")).to_have_text("online")
    grace.wait_connected()  # typing is not kept for later
    box.press_sequentially("Hm")
    expect(ada.page.locator(".state")).to_have_text("typing …")
    grace.page.keyboard.press("Enter")
    expect(ada.message("Hm")).to_be_visible()
    expect(ada.page.locator(".state")).to_have_text("online")


def test_edit_and_delete_reach_the_other(visit: Visit) -> None:
    ada, grace = visit("ada"), visit("grace")
    grace.open(ada)
    ada.open(grace)
    ada.say("Thrusday?")
    expect(ada.mark("Thrusday?", "Read")).to_be_visible()
    ada.choose("Thrusday?", "Edit")
    ada.page.locator("#composer-input").fill("Thursday?")
    ada.page.get_by_role("button", name="Save").click()
    for page in (ada.page, grace.page):
        expect(page.locator(".row", has_text="Thursday?")).to_contain_text("edited")
    ada.choose("Thursday?", "Delete")
    ada.page.get_by_role("button", name="Delete", exact=True).click()
    for page in (ada.page, grace.page):
        expect(page.get_by_text("Message deleted").last).to_be_visible()
        expect(page.get_by_text("Thursday?")).to_have_count(0)


def test_text_is_never_read_as_html_and_addresses_are_links(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    text = "<img src=x onerror=alert(1)> <b>see</b> https://example.org/a?b=1&c=2."
    ada.say(text)
    said = ada.page.locator(".said")
    expect(said).to_have_text(text)
    expect(said.locator("img, b")).to_have_count(0)
    expect(said.get_by_role("link")).to_have_attribute("href", "https://example.org/a?b=1&c=2")


def test_address_back_button_and_draft(visit: Visit, client: Client) -> None:
    ada, grace, joan = visit("ada"), client.sign_up("grace"), client.sign_up("joan")
    joan.post(ada.person, "From Joan")
    ada.open(grace).fill("half a thought")
    ada.page.get_by_role("navigation").get_by_role("link", name=name_of(joan)).click()
    expect(ada.message("From Joan")).to_be_visible()
    ada.page.go_back()
    expect(ada.page).to_have_url(re.compile(name_of(grace)))
    expect(ada.page.locator("#composer-input")).to_have_value("half a thought")
    ada.page.reload()
    expect(ada.page.locator("#composer-input")).to_have_value("half a thought")


def test_a_link_to_a_conversation_survives_the_log_in(visit: Visit, client: Client) -> None:
    grace = client.sign_up("grace")
    stranger = visit()
    ada = grace.client.sign_up("ada")
    stranger.page.goto(f"/chat/{name_of(grace)}")
    stranger.page.get_by_label("E-mail").fill(ada.user["email"])
    stranger.page.get_by_label("Password").fill("not the password")
    stranger.page.get_by_role("button", name="Log in").click()
    expect(stranger.page.get_by_text("The email or the password is wrong.")).to_be_visible()
    stranger.page.get_by_label("Password").fill(ada.password)
    stranger.page.get_by_role("button", name="Log in").click()
    expect(stranger.page.get_by_role("heading", name=name_of(grace))).to_be_visible()


def test_settings_change_name_theme_and_password(visit: Visit) -> None:
    ada = visit("ada", at="/")
    page = ada.page
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Name").fill(f"{ada.name} Lovelace")
    page.get_by_label("About you").fill("Poetical science")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.locator(".account")).to_contain_text("Lovelace")
    page.get_by_label("Dark").check()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_css("background-color", DARK)
    expect(page.get_by_label("About you")).to_have_value("Poetical science")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("another long password")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Changed.")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Create an account")).to_be_visible()


def test_notifications_come_to_those_who_asked_for_them(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", permissions=["notifications"]), client.sign_up("grace")
    ada.context.add_init_script(
        "document.hasFocus = () => false;"
        "window.told = [];"
        "window.Notification = class { constructor(title, { body }) { told.push(`${title}: ${body}`); }"
        " static permission = 'granted'; static requestPermission = async () => 'granted'; };"
    )
    ada.page.goto("/settings")
    row = ada.page.get_by_role("navigation").get_by_role("link", name=name_of(grace))
    grace.post(ada.person, "Not asked for")
    expect(row).to_contain_text("Not asked for")
    ada.page.get_by_label("Tell me about new messages").check()
    expect(ada.page.get_by_label("Tell me about new messages")).to_be_checked()
    grace.post(ada.person, "Asked for")
    expect(row).to_contain_text("2 unread")
    expect(ada.page).to_have_title(re.compile(r"^\(2\) "))
    assert ada.page.evaluate("told") == [f"{name_of(grace)}: Asked for"]


def test_deleting_the_account_asks_for_the_password(visit: Visit) -> None:
    ada = visit("ada")
    ada.page.goto("/settings")
    ada.page.get_by_role("button", name="Delete account").click()
    ada.page.get_by_label("Your password").fill(PASSWORD)
    ada.page.get_by_role("button", name="Delete for ever").click()
    expect(ada.page.get_by_text("Your account is gone.")).to_be_visible()


def test_what_is_read_elsewhere_or_deleted_is_unread_no_more(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", at="/"), client.sign_up("grace")
    row = ada.page.get_by_role("navigation").get_by_role("link", name=name_of(grace))
    said = [grace.post(ada.person, text)["_id"] for text in ("one", "two", "three", "four")]
    expect(row).to_contain_text("4 unread")
    ada.person.call("POST", f"/chat/{grace.id}/read", 204, json={"upTo": said[1]})
    expect(row).to_contain_text("2 unread")
    grace.call("DELETE", f"/chat/message/{said[3]}", 204)
    expect(row).to_contain_text("1 unread")
    expect(ada.page).to_have_title(re.compile(r"^\(1\) "))
    grace.post(ada.person, "five")
    expect(row).to_contain_text("2 unread")
    row.click()
    line = ada.page.locator(".row:has(.unread-line)")
    expect(line).to_contain_text("three")
    grace.call("DELETE", f"/chat/message/{said[2]}", 204)
    expect(line).to_contain_text("five")
    expect(row).not_to_contain_text("unread")


def test_messages_go_over_the_socket_and_refusals_are_in_the_pages_language(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", locale="en-GB"), client.sign_up("grace")
    calls: list[str] = []
    ada.page.on("request", lambda request: calls.append(request.url) if request.method == "POST" else None)
    ada.open(grace)
    ada.wait_connected()
    ada.say("without a call")
    expect(ada.mark("without a call", "Delivered")).to_be_visible()
    assert [url for url in calls if url.endswith("/api/chat")] == []
    ada.page.evaluate("localStorage['chattergram.language'] = 'de'")
    box = ada.open(grace)
    grace.call("DELETE", "/user/me", 204, json={"password": grace.password})
    box.fill("to nobody")
    box.press("Enter")
    expect(ada.page.get_by_text("Diese Person gibt es nicht.")).to_be_visible()
