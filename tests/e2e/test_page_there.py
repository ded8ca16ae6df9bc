"""The page is there without a network, for its own person alone, and tells of new versions and of new messages."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from dev.system import CHROMIUM
from tests.client import Client
from tests.e2e.conftest import Visit, launched
from tests.e2e.history import wait_for
from tests.recordings import silence

KEPT = """async (name) => {
    if (!(await indexedDB.databases()).some((each) => each.name === name)) return 0;
    const database = await new Promise((resolve) => {
        indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result);
    });
    const counts = [...database.objectStoreNames].map((store) => new Promise((resolve) => {
        database.transaction(store).objectStore(store).count().onsuccess = ({ target }) => resolve(target.result);
    }));
    const sum = (await Promise.all(counts)).reduce((one, other) => one + other, 0);
    database.close();
    return sum;
}"""
# The first attempt of every page to start its worker asks for a script that the server does not have.
FAILS_FIRST = """if (globalThis.ServiceWorkerContainer) {
    const { register } = ServiceWorkerContainer.prototype;
    let isFirst = true;
    ServiceWorkerContainer.prototype.register = function (address, options) {
        const asked = isFirst ? "/no-such-worker.js" : address;
        isFirst = false;
        return register.call(this, asked, options);
    };
}"""
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
DATABASES = ("chattergram-offline", "chattergram-heard", "chattergram", "chattergram-recordings")


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One that shows notifications."""
    with launched(playwright, CHROMIUM) as browser:
        yield browser


def wait_kept(page: Page, database: str, count: int) -> None:
    """Waits until a database has so many entries, with those that say when each was used."""
    wait_until(page, f"({KEPT})('{database}').then((kept) => kept >= {count})")


def wait_until(page: Page, promise: str) -> None:
    """Waits until what is promised is true; playwright's `wait_for_function` takes any promise for true."""
    page.evaluate(f"""async () => {{
        while (!(await {promise})) await new Promise((resolve) => setTimeout(resolve, 50));
    }}""")


def wait_controlled(page: Page) -> None:
    """Waits until the worker is in charge of the page, for as long as a busy machine may need to install it."""
    page.wait_for_function("() => navigator.serviceWorker.controller?.state === 'activated'", timeout=60_000)


def test_what_was_read_and_heard_is_there_offline_what_is_written_goes_later_and_leaving_takes_it_all(
    visit: Visit, client: Client
) -> None:
    grace = client.sign_up("grace")
    ada = visit("ada", service_workers="allow")
    page = ada.page
    voice = grace.upload(silence(1.0), "voice.wav")["audioFileUuid"]
    grace.post(ada.person, "said aloud", audioFileId=voice)
    grace.post(ada.person, "written")
    ada.open(grace)
    expect(ada.message("written")).to_be_visible()
    wait_controlled(page)
    page.get_by_role("button", name="Play").first.click()
    wait_kept(page, "chattergram-heard", 2)
    wait_kept(page, "chattergram-offline", 4)

    ada.context.set_offline(True)
    page.reload()
    expect(
        page.get_by_role("navigation", name="Conversations").get_by_text(str(grace.user["username"]))
    ).to_be_visible()
    expect(ada.message("said aloud")).to_be_visible()
    expect(ada.message("written")).to_be_visible()
    page.get_by_role("button", name="Play").first.click()
    expect(page.locator("section.player")).to_be_visible()
    ada.say("later")
    expect(ada.mark("later", "Waiting to be sent")).to_be_visible()
    page.close()

    page = ada.page = ada.new_page()  # still offline
    ada.open(grace)
    expect(ada.mark("later", "Waiting to be sent")).to_be_visible()
    grace.post(ada.person, "meanwhile")
    ada.context.set_offline(False)
    expect(ada.mark("later", "Delivered")).to_be_visible(timeout=60_000)
    expect(ada.message("meanwhile")).to_be_visible()
    assert [each["text"] for each in grace.history(ada.person)][-2:].count("later") == 1

    page.goto("/settings")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Create an account")).to_be_visible()
    wait_until(page, f"Promise.all({json.dumps(DATABASES)}.map({KEPT})).then((kept) => kept.every((each) => !each))")
    cached = page.evaluate("""async () => {
        const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
        return (await Promise.all(caches_.map((cache) => cache.keys()))).flat().map(({ url }) => new URL(url).pathname);
    }""")
    assert "/" in cached
    assert not [path for path in cached if not path.startswith("/static/") and path not in ("/", "/language")]
    catalogues = [path for path in cached if path.endswith(".json")]
    assert [re.search(r"/en-\w+\.json$", path) is not None for path in catalogues] == [True]  # of seven


def test_a_page_gets_its_worker_after_a_failure_and_if_it_was_being_opened_while_that_took_over(visit: Visit) -> None:
    ada = visit("ada", at="/", service_workers="allow")
    ada.page.add_init_script(FAILS_FIRST)
    wait_controlled(ada.page)
    address = ada.page.evaluate("location.href")
    ada.page.evaluate("navigator.serviceWorker.getRegistration().then((own) => own.unregister())")
    ada.page.goto("about:blank")
    opening = ada.context.new_page()
    held: list[Route] = []
    opening.route(address, lambda route: held.append(route))  # noqa: PLW0108 (playwright counts its parameters)
    with opening.expect_request(address):
        opening.evaluate("(address) => { location.href = address; }", address)
    ada.page.goto("/")
    wait_controlled(ada.page)
    held[0].continue_()
    wait_controlled(opening)


def test_a_new_version_waits_until_its_reader_wants_it(visit: Visit) -> None:
    page = visit("ada", at="/", service_workers="allow").page
    wait_controlled(page)
    # The same worker at another address is an update of it to the browser.
    page.evaluate("navigator.serviceWorker.register('/sw.js?next', { type: 'module' })")
    notice = page.locator(".update")
    expect(notice).to_contain_text("A new version is ready.")
    assert page.evaluate("navigator.serviceWorker.controller.scriptURL").endswith("/sw.js")
    with page.expect_event("framenavigated"):
        notice.get_by_role("button", name="Reload").click()
    page.wait_for_function("() => navigator.serviceWorker.controller?.scriptURL.endsWith('?next')")


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
