"""The page is there without a network, for its own person alone, and tells of new versions."""

import json
import re

from playwright.sync_api import Page, Route, expect

from tests.client import Client
from tests.e2e.conftest import Visit
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
DATABASES = ("chattergram-offline", "chattergram-heard", "chattergram", "chattergram-recordings")


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
