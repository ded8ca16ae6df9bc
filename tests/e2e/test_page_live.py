"""Words while one speaks: seen, corrected and sent, through a lost network, a reload, and on another device."""

import re

from playwright.sync_api import expect

from tests.client import Client, Person
from tests.deepgram_stand_in import SENTENCE
from tests.e2e import accessible
from tests.e2e.conftest import Visit
from tests.e2e.touch import PHONE
from tests.e2e.visitor import Visitor, name_of

FIRST = SENTENCE.split()[0]  # what the stand-in hears, whatever is said
HEARD = 60_000  # milliseconds
LATER = re.compile(r"^0:(0[4-9]|[1-5]\d)$")  # a clock
SAID = "xylophone"
# Other words are heard in a recording.
HEAR = """async ([id, text]) => {
    const { emit } = await import("/static/js/base/events.js");
    const words = text.split(" ").map((word, at) => ({ word, start: at, end: at + 0.5, confidence: 1 }));
    emit("frame:captions", { _id: id, text, words, settled: words.length, seconds: words.length });
}"""
LOOK_FOR_UNFINISHED = """async () => (await import("/static/js/base/events.js")).emit("unfinished", null)"""


def speak_until_words_settle(visitor: Visitor) -> None:
    expect(visitor.page.locator(".heard-words .word:not(.unsettled)").nth(2)).to_be_visible(timeout=HEARD)


def asked(visit: Visit, modules: str, client: Client) -> tuple[Visitor, Person]:
    """Ada with grace's question before her, on a page whose modules can be looked into; and grace."""
    ada, grace = visit("ada", base_url=modules), client.sign_up("grace")
    grace.post(ada.person, "Where are you?")
    ada.open(grace)
    return ada, grace


def test_words_are_seen_while_one_speaks_and_sent_as_one_has_corrected_them(visit: Visit) -> None:
    still = {"reduced_motion": "reduce"}  # a word that just appears has little contrast yet
    ada, grace = visit("ada", **PHONE, **still), visit("grace", **still)
    grace.open(ada)
    ada.page.goto("/settings")
    ada.page.get_by_label("Let others read along while I record").check()
    ada.open(grace)
    ada.record()
    expect(grace.page.locator(".conversation-head .state")).to_have_text("recording a voice message …")
    expect(ada.page.locator(".heard-words .word").first).to_have_text(FIRST, timeout=HEARD)
    expect(ada.page.get_by_text(f"{name_of(grace)} can read along")).to_be_visible()
    expect(grace.page.locator(".overheard .word").first).to_have_text(FIRST, timeout=HEARD)
    accessible.check(ada.page)
    accessible.check(grace.page)
    ada.context.set_offline(True)
    expect(ada.page.get_by_text("What you say is kept here")).to_be_visible()
    clock = ada.page.get_by_role("timer")
    expect(clock).to_have_text(LATER)
    ada.context.set_offline(False)
    speak_until_words_settle(ada)
    ada.page.get_by_role("button", name="Stop and listen").click()
    words = ada.page.locator(".review .word")
    expect(words.nth(3)).to_be_visible()
    unsettled = ada.page.locator(".review .unsettled")
    expect(unsettled).to_have_count(0, timeout=HEARD)  # what is reviewed does not change any more
    accessible.check(ada.page)
    words.nth(1).click()
    expect(ada.page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    ada.page.get_by_role("button", name=re.compile("^Cut off from")).click()
    expect(words.nth(0)).not_to_have_class(re.compile("cut"))
    expect(words.nth(1)).to_have_class(re.compile("cut"))
    ada.page.get_by_role("button", name="Keep the end").click()
    expect(words.nth(1)).not_to_have_class(re.compile("cut"))
    ada.page.get_by_role("button", name="Correct", exact=True).click()
    ada.page.get_by_role("textbox", name=re.compile("^Word 2,")).fill(SAID)
    ada.page.get_by_role("button", name="Save").click()
    expect(words.nth(1)).to_have_text(SAID)
    ada.page.get_by_role("button", name="Send the recording").click()
    expect(grace.page.locator("article .timed .word").nth(1)).to_have_text(SAID, timeout=HEARD)
    expect(ada.page.locator("article .timed .word").nth(1)).to_have_text(SAID)
    expect(grace.page.locator(".overheard")).to_have_count(0)
    expect(ada.page.locator(".recording")).to_have_count(0)


def test_an_unfinished_recording_is_gone_on_with_on_another_device(visit: Visit, client: Client) -> None:
    phone, grace = visit("ada", **PHONE), client.sign_up("grace")
    grace.post(phone.person, "Where are you?")
    phone.open(grace)
    phone.record()
    speak_until_words_settle(phone)
    phone.page.reload()
    expect(phone.page.locator(".review .word").first).to_have_text(FIRST)

    desk = visit(person=phone.person, at="/")
    expect(desk.page.get_by_text("Unfinished recording")).to_be_visible()
    desk.open(grace)
    expect(desk.page.locator(".review .word").first).to_have_text(FIRST)
    before = desk.page.locator(".recording .clock").inner_text()
    desk.page.get_by_role("button", name="Go on recording").click()
    expect(desk.page.locator(".recording.on")).to_be_visible()
    expect(desk.page.get_by_role("timer")).not_to_have_text(re.compile(f"^(0:00|{before})$"))
    desk.page.get_by_role("button", name="Send the recording").click()
    message = desk.page.locator("article")
    expect(message.locator(".timed .word").first).to_have_text(FIRST, timeout=HEARD)
    expect(message.locator(".clock").last).not_to_have_text(before)

    expect(phone.page.locator("article .timed .word").first).to_have_text(FIRST, timeout=HEARD)
    expect(phone.page.locator(".recording")).to_have_count(0)  # it was sent elsewhere


def test_words_that_change_while_one_looks_through_them_keep_the_focus(
    visit: Visit, modules: str, client: Client
) -> None:
    ada, _ = asked(visit, modules, client)
    with ada.page.expect_request(lambda each: each.method == "PATCH") as piece:
        ada.record()
    speak_until_words_settle(ada)
    ada.page.get_by_role("button", name="Stop and listen").click()
    words = ada.page.locator(".review .transcript")
    words.focus()
    ada.page.evaluate(HEAR, [piece.value.url.rpartition("/")[2], "quite other words"])
    expect(words).to_have_text("quite other words")
    expect(words).to_be_focused()


def test_an_unfinished_recording_takes_no_focus_from_whoever_types_elsewhere(
    visit: Visit, modules: str, client: Client
) -> None:
    ada, grace = asked(visit, modules, client)
    other = ada.context.new_page()
    other.goto(f"/chat/{name_of(grace)}")
    other.locator(".mic").last.press("Enter")
    expect(other.get_by_role("timer")).to_have_text("0:02")
    other.close()
    search = ada.page.get_by_role("searchbox")
    search.fill("gra")
    ada.page.evaluate(LOOK_FOR_UNFINISHED)
    expect(ada.page.locator(".recording .play")).to_be_visible()
    expect(search).to_be_focused()
