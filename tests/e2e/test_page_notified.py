"""A person with no page open is told of new messages, if they want it; in a Chromium that shows notifications."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, expect

from dev.system import CHROMIUM
from tests.client import Client
from tests.e2e.conftest import Visit, launched
from tests.e2e.history import wait_for
from tests.e2e.test_page_there import wait_controlled

# A page of Android's browsers, which asked for notifications and is not looked at.
ANDROID = """() => {
    window.Notification = class {
        static permission = "granted";
        constructor() { throw new TypeError("Illegal constructor"); }
    };
    document.hasFocus = () => false;
    localStorage.setItem("chattergram.notifications", "on");
}"""
# Waits until the worker has shown a notification with this title.
NOTIFIED = """async (wanted) => {
    while (!(await registration.getNotifications()).some(({ title }) => title === wanted)) {
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}"""
# Waits until the worker sees no page any more; one that is being left still counts as looked at.
ALONE = """async () => {
    while ((await clients.matchAll({ type: "window", includeUncontrolled: true })).length) {
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}"""


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One that shows notifications."""
    with launched(playwright, CHROMIUM) as browser:
        yield browser


def test_a_pushed_message_is_shown_and_a_click_opens_its_conversation(visit: Visit, client: Client) -> None:
    grace = client.sign_up("grace")
    ada = visit("ada", at="/", service_workers="allow", permissions=["notifications"], locale="de-DE")
    page, name = ada.page, str(grace.user["username"])
    wait_controlled(page)
    registrations: list[str] = []
    session = ada.context.new_cdp_session(page)
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(each["registrationId"] for each in event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    origin = page.evaluate("location.origin")
    worker = ada.context.service_workers[0]
    wait_for(page, lambda: bool(registrations), "the registration of the worker")
    page.goto("about:blank")  # nobody looks at the page, so the notification is shown
    worker.evaluate(ALONE)
    pushed = {"messageId": "1", "senderId": grace.id, "sender": name, "isVoice": None, "text": None}
    data = {"origin": origin, "registrationId": registrations[0], "data": json.dumps(pushed)}
    session.send("ServiceWorker.deliverPushMessage", data)
    worker.evaluate(NOTIFIED, f"Neue Nachricht von {name}")  # before there is a page again, which would be looked at
    page.goto("/", wait_until="commit")
    expect(page.get_by_role("navigation", name="Unterhaltungen")).to_be_visible()
    worker.evaluate(
        """async () => {
            const [notification] = await registration.getNotifications();
            dispatchEvent(new NotificationEvent("notificationclick", { notification }));
        }"""
    )
    expect(page).to_have_url(re.compile(rf"{origin}/chat/\w+/{name}$"))
    expect(page.locator("#composer-input")).to_be_visible()
    ada.wait_connected()  # what was sent before is in the list, and not told of
    page.evaluate(ANDROID)  # where only the worker may show what the page wants to
    edith = client.sign_up("edith")
    edith.post(ada.person, "to the page")
    worker.evaluate(NOTIFIED, edith.user["username"])


def test_the_settings_switches_hold_and_logging_out_asks_about_what_is_not_sent(visit: Visit, client: Client) -> None:
    page = visit("heidi", permissions=["notifications"]).page
    page.goto("/settings")
    notify = page.get_by_label("Tell me about new messages")
    shown = page.get_by_label("Show what was written while this page is closed")
    expect(shown).to_be_enabled()
    notify.check()
    with page.expect_response(lambda each: each.request.method == "PATCH") as changed:
        shown.check()
    assert changed.value.ok
    page.reload()
    expect(notify).to_be_checked()
    expect(shown).to_be_checked()
    notify.uncheck()
    page.reload()
    expect(notify).not_to_be_checked()

    ada, grace = visit("ada", service_workers="allow"), client.sign_up("grace")
    page = ada.page
    ada.open(grace)
    wait_controlled(page)
    ada.lose_network()
    ada.say("not sent yet")
    expect(ada.mark("not sent yet", "Waiting to be sent")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    out = page.get_by_role("button", name="Log out", exact=True)
    out.click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("A message has not been sent yet")
    question.get_by_role("button", name="Cancel").click()
    expect(out).to_be_visible()
    out.click()
    question.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Create an account")).to_be_visible()
    ada.context.set_offline(False)
    assert grace.history(ada.person) == []
