"""With a finger: recording by tapping, holding and sliding."""

from playwright.sync_api import Locator, expect

from tests.client import Client
from tests.e2e.conftest import Visit
from tests.e2e.touch import PHONE, Finger
from tests.e2e.visitor import RUNS, Visitor


def microphone(visitor: Visitor) -> Locator:
    return visitor.page.locator(".mic")


def test_a_tap_on_the_microphone_records_until_its_buttons_are_used(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", **PHONE), client.sign_up("grace")
    ada.open(grace)
    finger = Finger(ada)
    finger.tap(microphone(ada))
    expect(ada.page.locator(".recording.on")).to_be_visible()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    finger.tap(ada.page.get_by_role("button", name="Send the recording"))
    expect(ada.page.locator("article .controls")).to_be_visible()
    expect(ada.page.locator(".recording")).to_have_count(0)


def test_a_tap_whose_click_the_browser_leaves_out_takes_no_later_one_away(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", **PHONE), client.sign_up("grace")
    ada.open(grace)
    finger = Finger(ada)
    finger.press(microphone(ada))
    finger.cancel()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    finger.tap(ada.page.get_by_role("button", name="Send the recording"))
    expect(ada.page.locator("article .controls")).to_be_visible()


def test_a_recording_that_was_too_short_is_said_to_be(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", **PHONE), client.sign_up("grace")
    ada.context.add_init_script(
        "Object.defineProperty(AudioContext.prototype, 'currentTime', { get: () => 0.1 });"  # a clock that stands still
    )
    ada.open(grace)
    finger = Finger(ada)
    finger.tap(microphone(ada))
    expect(ada.page.locator(".recording.on")).to_be_visible()
    finger.tap(ada.page.get_by_role("button", name="Send the recording"))
    expect(ada.page.locator(".composer-note")).to_contain_text("too short")
    expect(ada.page.locator("article .controls")).to_have_count(0)


def test_letting_go_before_there_is_a_microphone_says_that_nothing_was_recorded(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", **PHONE), client.sign_up("grace")
    ada.context.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => new Promise(() => {});"  # the browser still asks
    )
    ada.open(grace)
    finger = Finger(ada)
    finger.press(microphone(ada))
    expect(ada.page.get_by_text("Slide left to discard")).to_be_visible()
    finger.let_go()
    expect(ada.page.locator(".composer-note")).to_contain_text("too short")
    expect(microphone(ada)).to_be_visible()


def test_holding_the_microphone_sends_what_was_said_meanwhile(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", **PHONE), client.sign_up("grace")
    ada.open(grace)
    finger = Finger(ada)
    finger.press(microphone(ada))
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    finger.let_go()
    expect(ada.page.locator("article .controls")).to_be_visible()


def test_sliding_up_lets_go_of_a_recording_that_goes_on(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", **PHONE), client.sign_up("grace")
    ada.open(grace)
    finger = Finger(ada)
    finger.press(microphone(ada))
    expect(ada.page.get_by_text("Slide left to discard")).to_be_visible()
    finger.move(down=-60)
    finger.move(down=-60)
    finger.rest()
    expect(ada.page.get_by_role("button", name="Send the recording")).to_be_visible()
    finger.let_go()
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    expect(ada.page.locator(".recording.on")).to_be_visible()
    finger.tap(ada.page.get_by_role("button", name="Send the recording"))
    expect(ada.page.locator("article .controls")).to_be_visible()


def test_sliding_aside_discards_a_recording_and_that_can_be_undone(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", **PHONE), client.sign_up("grace")
    ada.open(grace)
    finger = Finger(ada)
    finger.press(microphone(ada))
    expect(ada.page.get_by_role("timer")).to_have_text(RUNS)
    finger.move(right=-60)
    finger.move(right=-60)
    finger.rest()
    finger.let_go()
    expect(ada.page.locator(".recording")).to_have_count(0)
    finger.tap(ada.page.get_by_role("button", name="Undo"))
    finger.tap(ada.page.get_by_role("button", name="Send the recording"))
    expect(ada.page.locator("article .controls")).to_be_visible()
