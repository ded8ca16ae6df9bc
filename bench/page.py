"""The page in Chromium on a slow phone: what it loads, when it is ready, whether it stutters; Lighthouse's scores."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from bench import conversation, lighthouse, tasks
from bench.phone import Load, Phone, phone
from bench.rows import Row, progress
from bench.servers import servers
from dev import page as page_build
from dev.system import CHROMIUM, find_program
from tests.client import Client, Person
from tests.e2e.visitor import ARGUMENTS
from tests.stack import Stack

TRIES = 5
MESSAGES = 10_000
NEW = 450  # messages after the last one that was read, in another conversation; half of them are one's own
MAX_BYTES = 60 * 1024
MAX_REQUESTS = 12
LANDING_SECONDS = 2.0
CONVERSATION_SECONDS = 3.0
RELOAD_SECONDS = 0.8
LONGEST_TASK = 80  # milliseconds
PASSES = 6
MAX_GROWTH = 1.1  # of what the browser holds after the last pass, compared with the first
MIN_SCORE = 90  # what Lighthouse calls good
LOAD_SECONDS = 240
UP, DOWN = -1, 1
FLICKS = 12
SETTLE_MS = 1_000

# Jumps to the beginning of what is loaded until this message is in the page.
LOAD_ALL = """async ([id, seconds]) => {
    const view = document.querySelector(".timeline");
    const until = performance.now() + seconds * 1000;
    while (!view.querySelector(`[data-id="${id}"]`)) {
        if (performance.now() > until) throw new Error("The beginning was not reached");
        view.scrollTop = 0;
        await new Promise((done) => requestAnimationFrame(done));
    }
}"""
# Goes down over thirty screens and up again.
PASS = """async () => {
    const view = document.querySelector(".timeline");
    for (const direction of [1, -1]) {
        for (let step = 0; step < 60; step += 1) {
            view.scrollTop += (direction * view.clientHeight) / 2;
            await new Promise((done) => requestAnimationFrame(done));
        }
    }
}"""


def page(scale: float) -> list[Row]:
    """The page on a slow phone: bytes, requests, seconds until it is ready, scrolling, Lighthouse."""
    page_build.build()
    chromium = find_program(*CHROMIUM)
    if chromium is None:
        raise FileNotFoundError("Chromium is missing; `make browser` installs it")
    tries = max(1, round(TRIES * scale))
    with servers({"PAGE_MODULES": "false"}) as stack, Client(stack.url) as client, sync_playwright() as playwright:
        progress(f"writing a conversation of {MESSAGES:,} messages")
        people = client.sign_up("ada"), client.sign_up("grace")
        made = conversation.write(stack, *people, MESSAGES)
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            rows = _part("landing page", lambda: _landing(browser, stack, tries))
            rows += _part("conversation", lambda: _conversation(browser, stack, people, made, tries))
            rows += _part("many unread", lambda: _many_unread(browser, stack, client, people[0], tries))
            rows += _part("scrolling", lambda: _scrolling(browser, stack, people, made))
        finally:
            browser.close()
        return rows + _part("Lighthouse", lambda: _scores(stack.url, chromium))


def _part(name: str, measure: Callable[[], list[Row]]) -> list[Row]:
    """The rows of a part; if it fails, one that says so, since it must not take the others' figures away."""
    try:
        return measure()
    except (RuntimeError, PlaywrightError) as error:
        reason = " ".join(str(error).split())[:200].replace("|", "/")
        return [Row(name, f"failed: {reason}", "measured", False)]


def _landing(browser: Browser, stack: Stack, tries: int) -> list[Row]:
    progress("loading the landing page")
    loads = []
    for _ in range(tries):
        with phone(browser, stack.url, ".welcome h1") as opened:
            loads.append(opened.load("/"))
    return [_ready("landing page ready", loads, LANDING_SECONDS), *_weight("landing page", loads)]


def _conversation(
    browser: Browser, stack: Stack, people: tuple[Person, Person], made: list[str], tries: int
) -> list[Row]:
    progress("opening the conversation, and loading it again")
    loads, reloads = [], []
    for _ in range(tries):
        with _reading(browser, stack, people, made) as (opened, address):
            loads.append(opened.load(address))
            reloads.append(opened.load(address))
    what = f"conversation of {MESSAGES:,} messages"
    return [
        _ready(f"{what} ready", loads, CONVERSATION_SECONDS),
        *_weight(what, loads),
        _ready(f"{what} loaded again, ready", reloads, RELOAD_SECONDS),
    ]


def _many_unread(browser: Browser, stack: Stack, client: Client, reader: Person, tries: int) -> list[Row]:
    progress("opening a conversation with many unread")
    partner = client.sign_up("edith")
    conversation.write(stack, reader, partner, 2 * NEW, new=NEW)
    listed = reader.get("/conversations")
    unread = next(each["unread"] for each in listed if each["partner"]["_id"] == partner.id)
    loads = []
    for _ in range(tries):
        with phone(browser, stack.url, ".unread-line", reader) as opened:
            loads.append(opened.load(f"/chat/{partner.user['username']}"))
    return [_ready(f"conversation with {unread} unread, ready at the first of them", loads, CONVERSATION_SECONDS)]


@contextmanager
def _reading(
    browser: Browser, stack: Stack, people: tuple[Person, Person], made: list[str]
) -> Iterator[tuple[Phone, str]]:
    """A phone of the reader's, and the address of the conversation, which is ready when its newest message is."""
    reader, partner = people
    with phone(browser, stack.url, f'[data-id="{made[-1]}"]', reader) as opened:
        yield opened, f"/chat/{partner.user['username']}"


def _ready(what: str, loads: list[Load], limit: float) -> Row:
    found = sorted(load.seconds for load in loads)
    measured = f"{median(found):.2f} s (of {len(found)}: {found[0]:.2f} to {found[-1]:.2f})"
    return Row(what, measured, f"under {limit:g} s", median(found) < limit)


def _weight(what: str, loads: list[Load]) -> list[Row]:
    """The largest of the loads, fonts and sockets apart."""
    transferred, requests = max(load.transferred for load in loads), max(load.requests for load in loads)
    return [
        Row(
            f"{what}: loaded, fonts apart",
            f"{transferred / 1024:.1f} KB",
            f"at most {MAX_BYTES / 1024:.0f} KB",
            transferred <= MAX_BYTES,
        ),
        Row(f"{what}: requests", str(requests), f"at most {MAX_REQUESTS}", requests <= MAX_REQUESTS),
    ]


def _scrolling(browser: Browser, stack: Stack, people: tuple[Person, Person], made: list[str]) -> list[Row]:
    """Scrolls up from the newest message, down from the first one, and repeatedly over the same rows.

    The processor is the slow one, the network is not, so that rows come as fast as they can.
    """
    progress("scrolling")
    held = []
    with _reading(browser, stack, people, made) as (opened, address):
        opened.unlimited_network()
        opened.load(address)
        up = _longest_task(opened, UP)
        progress(f"loading all {MESSAGES:,} messages")
        opened.page.evaluate(LOAD_ALL, [made[0], LOAD_SECONDS])
        down = _longest_task(opened, DOWN)
        for _ in range(PASSES):
            opened.page.evaluate(PASS)
            held.append((opened.nodes(), opened.heap()))
    busy, took = max(up[0], down[0]), max(up[1], down[1])
    (nodes, heap), (last_nodes, last_heap) = held[0], held[-1]
    return [
        Row(
            f"longest task while a finger flicks through {MESSAGES:,} messages",
            f"{busy:.0f} ms of the main thread ({took:.0f} ms by the clock)",
            f"at most {LONGEST_TASK} ms",
            busy <= LONGEST_TASK,
        ),
        Row(
            f"nodes held after the first and the last of {PASSES} passes over the same rows",
            f"{nodes:,}, {last_nodes:,}",
            "no more",
            last_nodes <= nodes * MAX_GROWTH,
        ),
        Row(
            "... memory of the scripts",
            f"{heap / 2**20:.1f}, {last_heap / 2**20:.1f} MB",
            "no more",
            last_heap <= heap * MAX_GROWTH,
        ),
    ]


def _longest_task(opened: Phone, direction: int) -> tuple[float, float]:
    """Milliseconds of the main thread's time, and by the clock."""

    def flick() -> None:
        for _ in range(FLICKS):
            opened.flick(direction)

    opened.page.wait_for_timeout(SETTLE_MS)
    return tasks.longest(opened, flick)


def _scores(url: str, chromium: str) -> list[Row]:
    progress("asking Lighthouse")
    return [
        Row(f"Lighthouse: {name.lower()}", str(score), f"at least {MIN_SCORE}", score >= MIN_SCORE)
        for name, score in lighthouse.scores(f"{url}/", chromium).items()
    ]
