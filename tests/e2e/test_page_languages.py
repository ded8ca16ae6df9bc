"""Languages: one's own, that of a recording, and scripts that run from the right or without blanks."""

import json

import pytest
from playwright.sync_api import Page, Route, expect

from tests.client import Client, Json
from tests.e2e.conftest import Visit
from tests.e2e.history import message, minutes_ago, recording, spoken, tell, wait_for
from tests.e2e.visitor import RUNS

SAID = "the river was high when we crossed it"


def ask_again(page: Page) -> None:
    page.locator("article").hover()
    page.get_by_role("button", name="Message actions").click()
    page.get_by_role("menuitem", name="Transcribe again").click()


def test_transcribing_again_offers_languages_and_remembers_the_one_chosen(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", locale="sv-SE"), client.sign_up("grace")
    tell(ada.page, [message(grace, ada.person, minutes_ago(1), **spoken(SAID))])  # whoever received it may ask, too
    asked: list[Json] = []

    def note(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or "{}"))
        route.fulfill(status=202, json={})

    ada.page.route("**/transcribe", note)
    ada.open(grace)
    ask_again(ada.page)
    choice = ada.page.get_by_role("combobox", name="Language of the recording")
    assert choice.locator("optgroup").first.locator("option").first.inner_text() == "Swedish"
    choice.select_option("he")
    with ada.page.expect_response("**/transcribe"):
        ada.page.get_by_role("button", name="Transcribe", exact=True).click()
    expect(ada.page.get_by_text("Transcribing again")).to_be_visible()
    assert asked == [{"language": "he", "overwrite": False}]
    ada.page.reload()
    ask_again(ada.page)
    expect(choice).to_have_value("he")
    ada.page.get_by_role("button", name="Cancel").click()
    assert len(asked) == 1


def test_a_correction_is_overwritten_only_after_asking(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    told = message(ada.person, grace, minutes_ago(1), **spoken(SAID), editedAt="2026-01-01T10:00:00.000Z")
    tell(ada.page, [told])
    asked: list[bool] = []

    def refuse(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or "{}")["overwrite"])
        route.fulfill(status=202 if asked[-1] else 409, json={"detail": "Its sender wrote that text."})

    ada.page.route("**/transcribe", refuse)
    ada.open(grace)
    for answer in ("Cancel", "Replace it"):
        ask_again(ada.page)
        ada.page.get_by_role("button", name="Transcribe", exact=True).click()
        expect(ada.page.get_by_role("dialog")).to_contain_text("Replace the corrected text?")
        ada.page.get_by_role("button", name=answer).click()
        expect(ada.page.get_by_role("dialog")).to_have_count(0)
    expect(ada.page.get_by_text("Transcribing again")).to_be_visible()
    wait_for(ada.page, lambda: len(asked) >= 3, "the third call")
    assert asked == [False, False, True]


def test_the_language_one_speaks_goes_along_with_what_one_records(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.page.goto("/settings")
    ada.page.get_by_role("combobox", name="The language you speak").select_option("sv")
    ada.page.goto("about:blank")  # the settings' socket may open only now
    with ada.page.expect_websocket() as opened:
        ada.open(grace)
    ada.wait_connected()  # without a socket it would go by a call
    ada.record()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    with opened.value.expect_event("framesent", lambda frame: '"type":"send"' in frame) as sent:
        ada.page.get_by_role("button", name="Send the recording").click()
    assert json.loads(sent.value)["language"] == "sv"


def test_words_come_while_the_rest_is_being_transcribed(visit: Visit, modules: str, client: Client) -> None:
    ada, grace = visit("ada", base_url=modules), client.sign_up("grace")
    waiting = message(grace, ada.person, minutes_ago(1), audioFileId="0" * 32, status="transcribing", duration=40)
    tell(ada.page, [waiting], recording(1))
    receive = "async (told) => (await import('/static/js/base/events.js')).emit('frame:status', told)"
    ada.open(grace)
    expect(ada.page.get_by_text("Listening for the words")).to_be_visible()
    for seconds, text in ((10, "the river was"), (30, "the river was high when")):
        ada.page.evaluate(receive, {**waiting, "text": text, "seconds": seconds})
        expect(ada.page.locator(".transcript")).to_have_text(text)
        expect(ada.page.locator(".working")).to_have_text(f"Listening on, {seconds * 100 // 40} % written down")


@pytest.mark.parametrize(
    ("said", "words"),
    [("今天天气很好。", ["今天", "天气", "很好。"]), ("מחר בשש ליד הספרייה", ["מחר", "בשש", "ליד", "הספרייה"])],
)
def test_every_script_lights_up_and_is_clicked(visit: Visit, client: Client, said: str, words: list[str]) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    heard = list(said) if " " not in said else said.split()
    told = spoken(" ".join(heard), seconds=5)
    told["text"] = said
    tell(ada.page, [message(grace, ada.person, minutes_ago(1), **told)], recording())
    ada.open(grace)
    shown = ada.page.locator(".timed .word")
    expect(shown.first).to_be_visible()
    assert ada.page.locator(".transcript").inner_text() == said
    assert "".join(shown.all_inner_texts()) == said.replace(" ", "")
    assert shown.first.inner_text() == words[0]
    direction = ada.page.locator(".transcript").evaluate("(each) => getComputedStyle(each).direction")
    assert direction == ("rtl" if "מ" in said else "ltr")
    shown.nth(1).click()
    expect(ada.page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    slider = ada.page.get_by_role("slider", name="Position in the recording")
    assert float(slider.input_value()) > 0.5
