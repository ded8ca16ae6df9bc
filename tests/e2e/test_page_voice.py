"""Voice, from the microphone to a transcript that can be followed, clicked, corrected and found."""

import re

from playwright.sync_api import expect

from tests import recordings
from tests.client import Client
from tests.e2e.conftest import Visit
from tests.e2e.history import message, minutes_ago, recording, spoken, tell
from tests.e2e.visitor import RUNS

TRANSCRIBED = 60_000  # milliseconds
AT_LEAST_3 = re.compile(r"^0:(0[3-9]|[1-5]\d)$")  # a clock
AT_LEAST_5 = re.compile(r"^0:(0[5-9]|[1-5]\d)$")

PAUSE = '[aria-label="Pause"]'

# A slow phone, on which it takes until `stopNow()` that a recording has ended.
STOPS_LATE = """{
    const { stop } = MediaRecorder.prototype;
    MediaRecorder.prototype.stop = function () { window.stopNow = () => stop.call(this); };
}"""

# A machine without anything to play sound on: there the clock of a context never begins to run.
NO_LOUDSPEAKER = """window.AudioContext = class extends AudioContext {
    constructor() { super(); super.suspend(); }
    resume() { return new Promise(() => {}); }
};"""

# A word is lit for a fraction of a second: `lit` has those that were since.
NOTE_LIT = """() => {
    window.lit = [];
    new MutationObserver((changes) => {
        for (const { target } of changes) if (target.matches(".word.lit")) lit.push(target.textContent);
    }).observe(document, { subtree: true, attributeFilter: ["class"] });
}"""

# Pauses before the browser says that it plays, which it does in a task of its own. Returns what the player was told.
PLAY_AND_PAUSE = """async (transcript) => {
    const told = [];
    for (const name of ["play", "pause"]) {
        const method = HTMLMediaElement.prototype[name];
        HTMLMediaElement.prototype[name] = function () { told.push(name); return method.call(this); };
    }
    for (const key of ["Enter", " "]) {
        transcript.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
        for (let turn = 0; turn < 10; turn++) await null;
    }
    return told;
}"""


def test_the_keyboard_plays_seeks_and_chooses_words(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    told = message(grace, ada.person, minutes_ago(1), **spoken("the river was high", seconds=3))
    tell(ada.page, [told], recording())
    ada.open(grace)
    words = ada.page.locator(".timed .word")
    transcript = ada.page.get_by_role("group", name=re.compile("^Transcript"))
    transcript.focus()
    for _ in range(3):
        ada.page.keyboard.press("ArrowRight")
    expect(words.nth(2)).to_have_class(re.compile("chosen"))
    expect(ada.page.locator("#announcer")).to_contain_text("was")
    grace.post(ada.person, "and cold")  # its group goes on, so its row is drawn anew
    expect(ada.message("and cold")).to_be_visible()
    expect(words.nth(2)).to_have_class(re.compile("chosen"))
    ada.page.evaluate(NOTE_LIT)
    ada.page.keyboard.press("Enter")
    ada.page.wait_for_function("() => lit[0] === 'was'")
    ada.page.keyboard.press("Space")
    expect(ada.page.get_by_role("button", name="Play the recording")).to_be_visible()
    assert transcript.evaluate(PLAY_AND_PAUSE) == ["play", "pause"]
    slider = ada.page.get_by_role("slider", name="Position in the recording")
    slider.focus()
    expect(slider).to_be_focused()
    at = float(slider.input_value())
    ada.page.keyboard.press("ArrowRight")
    expect(slider).to_have_value(re.compile(rf"^{at + 5:.1f}"))
    for _ in range(6):
        ada.page.keyboard.press("ArrowLeft")
    expect(slider).to_have_value("0")


def test_pause_listen_first_or_throw_away(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    ada.record()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    expect(ada.page.locator(".meter i").last).to_have_attribute("style", re.compile("--level: 0.[0-9]*[1-9]"))
    ada.page.get_by_role("button", name="Pause recording").click()
    expect(ada.page.locator(".recording.on")).to_have_count(0)
    held = ada.page.get_by_role("timer").inner_text()
    for number in range(10):  # meanwhile time goes by
        grace.post(ada.person, f"meanwhile {number}")
        expect(ada.message(f"meanwhile {number}")).to_be_visible()
    assert ada.page.get_by_role("timer").inner_text() == held
    ada.page.get_by_role("button", name="Go on recording").click()
    ada.page.get_by_role("button", name="Stop and listen").click()
    with ada.sees(PAUSE):  # it lasts no longer than a second
        ada.page.get_by_role("button", name="Play the recording").click()
    ada.page.get_by_role("button", name="Discard the recording").click()
    expect(ada.page.locator("#composer-input")).to_be_visible()
    expect(ada.page.locator("article .controls")).to_have_count(0)


def test_a_machine_without_a_loudspeaker_records_too(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.context.add_init_script(NO_LOUDSPEAKER)
    ada.open(grace)
    ada.record()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    ada.page.get_by_role("button", name="Send the recording").click()
    expect(ada.page.locator("article .controls")).to_be_visible()


def test_what_firefox_recorded_plays_from_anywhere(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    content = recordings.spoken("firefox.webm")
    grace.post(ada.person, audioFileId=grace.upload(content)["audioFileUuid"])
    ada.open(grace)
    position = ada.page.get_by_role("slider", name="Position in the recording")
    position.press("ArrowRight")  # five seconds, which are all of it
    expect(position).not_to_have_value("0")
    position.press("ArrowLeft")
    expect(position).to_have_value("0")
    ada.page.get_by_role("button", name="Play the recording").click()
    expect(position).not_to_have_value("0")
    expect(ada.page.get_by_text("This cannot be played just now")).to_have_count(0)


def test_a_recording_one_walks_away_from_is_there_when_one_comes_back(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.context.add_init_script(STOPS_LATE)
    ada.open(grace)
    ada.record()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    ada.page.get_by_role("link", name="Settings").click()
    expect(ada.page.get_by_role("heading", name="Settings")).to_be_visible()
    ada.page.go_back()
    expect(ada.page.locator("#composer-input")).to_be_visible()
    ada.page.evaluate("stopNow()")
    ada.page.get_by_role("button", name="Send the recording").click()
    expect(ada.page.locator("article .controls")).to_be_visible()
    ada.page.reload()
    expect(ada.page.locator("article .controls")).to_be_visible()
    expect(ada.page.locator(".recording")).to_have_count(0)  # it is offered until it is sent, and not again


def test_a_reload_loses_nothing_of_a_recording(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    ada.record()
    expect(ada.page.get_by_role("timer")).to_have_text(AT_LEAST_5)
    ada.page.reload()
    expect(ada.page.locator(".recording .clock")).to_have_text(AT_LEAST_3)
    ada.page.get_by_role("button", name="Send the recording").click()
    expect(ada.page.locator("article .clock")).to_have_text(AT_LEAST_3)


def test_escape_stops_a_recording_and_discarding_it_can_be_undone(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    ada.record()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    ada.page.keyboard.press("Escape")
    expect(ada.page.get_by_role("button", name="Play the recording")).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(ada.page.locator(".recording")).to_have_count(0)
    expect(ada.page.get_by_role("button", name="Undo")).to_be_focused()
    ada.page.keyboard.press("Enter")
    ada.page.get_by_role("button", name="Send the recording").click()
    expect(ada.page.locator("article .controls")).to_be_visible()
    expect(ada.page.get_by_role("button", name="Undo")).to_have_count(0)


def test_holding_the_microphone_sends_when_let_go(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    calls: list[str] = []
    ada.open(grace)
    ada.page.locator(".mic").last.hover()
    ada.page.mouse.down()
    expect(ada.page.locator(".recording.on")).to_be_visible()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    ada.page.on("request", lambda request: calls.append(f"{request.method} {request.url.partition('/api/')[2][:10]}"))
    ada.page.mouse.up()
    expect(ada.page.locator("article .controls")).to_be_visible()
    expect(ada.page.get_by_role("img", name="Delivered").first).to_be_visible()
    assert "PATCH recordings" in calls
    assert "POST upload" not in calls, "it has travelled while it was made"


def test_letting_go_before_the_microphone_answers_records_nothing(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.context.add_init_script(
        "const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = async (wish) => {"
        " await new Promise((done) => { window.allow = done; });"
        " const stream = await ask(wish); window.tracks = stream.getTracks(); return stream; };"
    )
    ada.open(grace)
    ada.page.locator(".mic").last.hover()
    ada.page.mouse.down()
    expect(ada.page.locator(".recording")).to_be_visible()
    ada.page.wait_for_timeout(600)  # longer than a tap
    ada.page.mouse.up()
    expect(ada.page.locator(".recording")).to_have_count(0)
    ada.page.evaluate("""async () => {
        allow();
        const live = ({ readyState }) => readyState === "live";
        while (!window.tracks || tracks.some(live)) await new Promise(requestAnimationFrame);
    }""")


def test_a_corrected_transcript_still_plays_and_is_found_at_its_second(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.open(grace)
    ada.person.post(grace, audioFileId=ada.person.upload(recordings.spoken())["audioFileUuid"])
    words = ada.page.locator(".timed .word")
    expect(words.nth(2)).to_be_visible(timeout=TRANSCRIBED)
    kept = words.all_inner_texts()
    ada.page.locator("article").hover()
    ada.page.get_by_role("button", name="Message actions").click()
    ada.page.get_by_role("menuitem", name="Correct the transcript").click()
    second = ada.page.get_by_role("textbox", name=re.compile("^Word 2,"))
    with ada.sees(PAUSE):  # that stretch is heard
        second.focus()
    expect(ada.page.locator(PAUSE)).to_have_count(0)  # and no more
    second.fill(f"{kept[1]} xylophone")
    ada.page.get_by_role("button", name="Save").click()
    expect(words.nth(2)).to_have_text("xylophone")
    ada.page.get_by_role("searchbox").fill("xylophone")
    hit = ada.page.locator("#results").get_by_role("link", name=re.compile("xylophone"))
    hit.click()
    expect(ada.page.locator(".word.hit")).to_have_text("xylophone")
    expect(ada.page.locator(".word.lit")).to_have_text("xylophone")
    ada.page.reload()
    expect(words.nth(2)).to_have_text("xylophone")


def test_a_refused_microphone_is_explained(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    ada.context.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));"
    )
    ada.open(grace)
    ada.page.locator(".mic").last.click()
    expect(ada.page.locator(".composer-note")).to_contain_text("may not use the microphone")
    expect(ada.page.locator("#composer-input")).to_be_visible()
