"""Offline, nothing written or spoken is lost, nothing is sent twice, and two tabs agree."""

import re

from playwright.sync_api import Request, WebSocket, expect

from tests.client import Client
from tests.e2e.conftest import Visit
from tests.e2e.history import first, hold
from tests.e2e.visitor import RUNS, Visitor, name_of
from tests.recordings import silence
from tests.stack import Stack

PROBLEM = "application/problem+json"


def test_what_is_written_offline_goes_out_once_also_over_a_reload(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    ada.say("before")
    expect(ada.mark("before", "Delivered")).to_be_visible()
    ada.lose_network()
    ada.say("during one")
    ada.say("during two")
    expect(ada.page.locator(".banner").get_by_text("No connection.")).to_be_visible()
    expect(ada.mark("during two", "Waiting to be sent")).to_be_visible()
    ada.context.set_offline(False)
    for text in ("during one", "during two"):
        expect(ada.message(text)).to_be_visible()
    expect(ada.mark("during two", "Delivered")).to_be_visible()
    expect(ada.page.locator(".banner").get_by_text("No connection.")).to_have_count(0)
    said = [message["text"] for message in grace.history(ada.person)]
    assert said == ["before", "during one", "during two"]


def test_the_outbox_outlives_a_reload(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    ada.hold_back()
    ada.say("kept")
    expect(ada.mark("kept", "Waiting to be sent")).to_be_visible()
    ada.page.reload()
    expect(ada.mark("kept", "Waiting to be sent")).to_be_visible()
    ada.let_go()
    expect(ada.mark("kept", "Delivered")).to_be_visible(timeout=60_000)
    assert [message["text"] for message in grace.history(ada.person)] == ["kept"]


def test_a_recording_made_offline_goes_out(visit: Visit) -> None:
    ada, grace = visit("ada"), visit("grace")
    grace.open(ada)
    ada.open(grace)
    ada.lose_network()
    ada.record()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    ada.page.get_by_role("button", name="Send the recording").click()
    expect(ada.page.locator(".sending")).to_have_text("Waiting for the network")
    ada.context.set_offline(False)
    expect(grace.page.locator("article .controls")).to_be_visible()
    expect(ada.page.locator(".sending")).to_have_count(0)


def test_an_upload_shows_how_far_it_is_and_outlives_a_break(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    slow = ada.context.new_cdp_session(ada.page)
    slow.send("Network.enable")
    conditions = {"latency": 0, "downloadThroughput": -1, "offline": False}
    slow.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": 40_000})
    ada.page.locator("input[type=file]").set_input_files(
        {"name": "long.wav", "mimeType": "audio/wav", "buffer": silence(25.0)}
    )
    expect(ada.page.locator(".sending")).to_have_text(re.compile(r"Uploading, [1-9]\d? %"))
    slow.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": 40_000, "offline": True})
    expect(ada.page.locator(".sending")).to_have_text("Waiting for the network")
    expect(ada.mark_of(ada.page.locator(".row").last, "Waiting to be sent")).to_be_visible()
    slow.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": -1})
    expect(ada.mark_of(ada.page.locator(".row").last, "Delivered")).to_be_visible()
    assert len(ada.person.history(grace)) == 1


def test_what_was_missed_comes_in_order(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    grace.post(ada.person, "one")
    expect(ada.message("one")).to_be_visible()
    ada.context.set_offline(True)
    for text in ("two", "three", "four"):
        grace.post(ada.person, text)
    expect(ada.page.locator(".banner").get_by_text("No connection.")).to_be_visible()
    ada.context.set_offline(False)
    expect(ada.page.locator(".said")).to_have_text(["one", "two", "three", "four"])


def test_a_refused_message_can_be_tried_again(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    problem = '{"title": "No", "detail": "Not like this."}'
    ada.hold_back(lambda route: route.fulfill(status=422, content_type=PROBLEM, body=problem))
    ada.say("again")
    expect(ada.page.get_by_text("Not like this.")).to_be_visible()
    expect(ada.mark("again", "Not sent")).to_be_visible()
    ada.let_go()
    ada.page.get_by_role("button", name="Try again").click()
    expect(ada.mark("again", "Delivered")).to_be_visible()


def test_two_tabs_agree(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    tab = ada.new_page()
    ada.open(grace, tab)
    ada.say("from the first")
    expect(ada.mark("from the first", "Delivered")).to_be_visible()
    expect(tab.locator(".said")).to_have_text(["from the first"])
    grace.post(ada.person, "to both")
    for page in (ada.page, tab):
        expect(page.locator(".said")).to_have_text(["from the first", "to both"])
        expect(page.get_by_text("1 unread")).to_have_count(0)
    tab.goto("/settings")
    tab.get_by_role("button", name="Log out").click()
    expect(ada.page.get_by_role("link", name="Create an account")).to_be_visible()


def test_what_waits_in_a_tab_that_is_closed_goes_out_by_another(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    tab = ada.new_page()
    ada.open(grace, tab)
    ada.open(grace)
    ada.hold_back()
    ada.say("left behind")
    row = tab.locator(".row", has_text="left behind")
    expect(ada.mark_of(row, "Waiting to be sent")).to_be_visible()
    ada.page.close()
    ada.let_go()
    expect(ada.mark_of(row, "Delivered")).to_be_visible(timeout=60_000)
    assert [message["text"] for message in grace.history(ada.person)] == ["left behind"]


def test_the_page_finds_back_by_itself_after_the_server_was_away(visit: Visit, client: Client, stack: Stack) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    grace.connect()
    ada.open(grace)
    expect(ada.page.locator(".state")).to_have_text("online")
    stack.web.kill()
    try:
        ada.say("while it was away")
        expect(ada.page.locator(".banner").get_by_text("No connection.")).to_be_visible()
        expect(ada.mark("while it was away", "Waiting to be sent")).to_be_visible()
    finally:
        stack.web.start()
        stack.wait_web()
    expect(ada.mark("while it was away", "Delivered")).to_be_visible(timeout=60_000)
    expect(ada.page.locator(".banner").get_by_text("No connection.")).to_have_count(0, timeout=60_000)
    expect(ada.page.locator(".state")).to_have_text(re.compile(r"\w"))


def test_a_revoked_token_leads_to_the_log_in(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    grace.connect()
    ada.open(grace)
    expect(ada.page.locator(".state")).to_have_text("online")
    ada.person.call("POST", "/logout", 204)
    expect(ada.page.get_by_text("Please log in again.")).to_be_visible()


def test_a_slow_upload_to_one_holds_up_nobody_else(visit: Visit, client: Client) -> None:
    ada, grace, joan = visit("ada"), client.sign_up("grace"), client.sign_up("joan")
    joan.post(ada.person, "Are you there?")
    ada.open(grace)
    held = hold(ada.page, "**/api/upload")
    ada.page.locator("input[type=file]").set_input_files(
        {"name": "long.wav", "mimeType": "audio/wav", "buffer": silence(1.0)}
    )
    ada.say("after the recording")
    ada.page.get_by_role("navigation").get_by_role("link", name=name_of(joan)).click()
    ada.say("at once")
    expect(ada.mark("at once", "Delivered")).to_be_visible()
    assert grace.history(ada.person) == []
    first(ada.page, held).continue_()
    ada.page.go_back()
    expect(ada.mark("after the recording", "Delivered")).to_be_visible()
    recording, written = grace.history(ada.person, limit=9)
    assert recording["audioFileId"]
    assert written["text"] == "after the recording"
    assert len(held) == 1


def test_coming_back_to_the_page_reloads_nothing_that_its_socket_has_brought(visit: Visit) -> None:
    ada = visit("ada", at="/")  # whose newest message is older than what the server keeps for those who resume
    expect(ada.page.get_by_text("No conversations yet.")).to_be_visible()
    ada.page.goto("about:blank")  # the first visit's socket may open only now
    with ada.page.expect_websocket() as made:
        ada.page.goto("/")
    for _ in range(3):
        come_back(ada, made.value)
    asked: list[Request] = []

    def note(request: Request) -> None:
        if "/api/conversations" in request.url:
            asked.append(request)

    ada.page.on("request", note)
    for _ in range(3):
        come_back(ada, made.value)
    assert asked == []


def come_back(visitor: Visitor, socket: WebSocket) -> None:
    """Shows the page again, and waits for the server's reply."""
    with socket.expect_event("framereceived", lambda frame: "application:resume" in str(frame)):
        visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_socket_that_never_opens_is_said_to_be_missing(visit: Visit, client: Client) -> None:
    ada = visit("ada")
    ada.context.route_web_socket("**/ws/**", lambda _: None)  # taken, and never answered
    ada.page.goto("/")
    expect(ada.page.locator(".banner").get_by_text("No connection.")).to_be_visible()


def test_what_was_edited_and_whose_name_changed_in_a_gap_shows_without_opening_anew(
    visit: Visit, client: Client
) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    sent = grace.post(ada.person, "Half past six")
    ada.open(grace)
    expect(ada.message("Half past six")).to_be_visible()
    ada.lose_network()
    expect(ada.page.locator(".banner").get_by_text("No connection.")).to_be_visible()
    grace.call("PATCH", f"/chat/message/{sent['_id']}", json={"text": "Half past seven"})
    renamed = f"{name_of(grace)} II"
    grace.call("PATCH", "/user/me", json={"username": renamed})
    ada.context.set_offline(False)
    expect(ada.message("Half past seven")).to_be_visible()
    expect(ada.page.get_by_role("heading", name=renamed)).to_be_visible()
