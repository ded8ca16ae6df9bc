"""What is spoken on the page, heard by Whisper: from the microphone to words that can be clicked."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.client import Client
from tests.e2e.conftest import Visit
from tests.e2e.history import first, hold
from tests.e2e.test_page_voice import NOTE_LIT, PAUSE, TRANSCRIBED
from tests.recordings import silence
from tests.stack import Stack

AT_LEAST_4 = re.compile(r"^0:(0[4-9]|[1-5]\d)$")  # a clock


@pytest.fixture(scope="module", autouse=True)
def _whisper(stack: Stack) -> Iterator[None]:
    with stack.another_transcriber({"DEEPGRAM_API_KEY": ""}):
        yield


def test_speak_read_and_click_a_word(visit: Visit) -> None:
    ada, grace = visit("ada"), visit("grace")
    grace.open(ada)
    ada.open(grace)
    ada.record()
    expect(ada.page.get_by_role("timer")).to_have_text(AT_LEAST_4)
    ada.page.get_by_role("button", name="Send the recording").click()
    words = ada.page.locator(".timed .word")
    expect(words.nth(2)).to_be_visible(timeout=TRANSCRIBED)
    expect(ada.page.locator(".working")).to_have_count(0, timeout=TRANSCRIBED)
    there = grace.page.locator(".timed .word")
    expect(there).to_have_text(words.all_inner_texts())
    chosen = there.nth(2)
    grace.page.evaluate(NOTE_LIT)
    with grace.sees(PAUSE):
        chosen.click()
    grace.page.wait_for_function("word => lit[0] === word", arg=chosen.inner_text())
    slider = grace.page.get_by_role("slider", name="Position in the recording")
    expect(slider).not_to_have_value(slider.input_value())  # the voice goes on
    expect(chosen).not_to_have_class(re.compile("lit"))
    assert grace.page.locator(".word.lit").count() <= 1
    grace.page.get_by_role("button", name=re.compile("^Speed")).click()
    expect(grace.page.get_by_role("button", name="Speed 1.5×", exact=True)).to_be_visible()


def test_a_recording_without_words_is_transcribed_again_by_its_sender(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    upload = ada.person.upload(silence(1.0), "voice.wav", "audio/wav")
    ada.person.post(grace, audioFileId=upload["audioFileUuid"])
    nothing = ada.page.get_by_text("No words were heard in this recording.")
    expect(nothing).to_be_visible(timeout=60_000)
    held = hold(ada.page, "**/transcribe")  # a silence is soon heard through
    ada.page.locator("article").hover()
    ada.page.get_by_role("button", name="Message actions").click()
    ada.page.get_by_role("menuitem", name="Transcribe again").click()
    ada.page.get_by_role("button", name="Transcribe", exact=True).click()
    expect(ada.page.get_by_text("Transcribing again")).to_be_visible()
    first(ada.page, held).continue_()
    expect(nothing).to_be_visible(timeout=60_000)
