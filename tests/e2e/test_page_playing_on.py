"""What plays has its buttons wherever one goes, and goes on with the voice messages that follow."""

import re

from playwright.sync_api import expect

from tests.client import Client
from tests.e2e.conftest import Visit
from tests.e2e.history import message, minutes_ago, recording, spoken, tell
from tests.e2e.visitor import name_of

FIRST = "The river was high."
SECOND = "We crossed it at noon, and the bridge was gone when we came back that night."
TO_THE_END = """async () => {
    const player = await import("/static/js/voice/player.js");
    player.skip(player.current().state.duration - player.current().state.time - 0.3);
}"""
# What the keys of a keyboard or of headphones do, by the names of the Media Session standard.
MEDIA_KEYS = """() => {
    window.mediaKeys = {};
    MediaSession.prototype.setActionHandler = (name, run) => { mediaKeys[name] = run; };
}"""


def test_a_bar_stays_with_what_plays_wherever_one_goes(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    told = spoken(f"{FIRST} {SECOND}", seconds=35)  # 7 of them are the first sentence's; one skips 10
    tell(ada.page, [message(grace, ada.person, minutes_ago(1), **told)], recording())
    ada.context.add_init_script(f"({MEDIA_KEYS})()")
    ada.open(grace)
    bar = ada.page.get_by_role("region", name="Now playing")
    expect(bar).to_have_count(0)
    ada.page.locator(".timed .word").first.click()
    expect(bar).to_contain_text(name_of(grace))
    expect(bar.locator(".spoken")).to_have_text(FIRST)
    bar.get_by_role("button", name="Pause playback").click()
    ada.page.get_by_role("link", name="Settings").click()
    expect(ada.page.get_by_role("heading", name="Settings")).to_be_visible()
    bar.get_by_role("button", name="Ten seconds on").click()
    expect(bar.locator(".spoken")).to_have_text(SECOND)
    bar.get_by_role("button", name="Ten seconds back").click()
    expect(bar.locator(".spoken")).to_have_text(FIRST)
    bar.get_by_role("button", name=re.compile("^Playback speed")).click()
    expect(bar.get_by_role("button", name="Playback speed 1.5×")).to_be_visible()
    bar.get_by_role("button", name="Go on playing").click()
    expect(bar.get_by_role("button", name="Pause playback")).to_be_visible()
    ada.page.evaluate("mediaKeys.pause()")
    expect(bar.get_by_role("button", name="Go on playing")).to_be_visible()
    ada.page.evaluate("mediaKeys.seekforward()")
    expect(bar.locator(".spoken")).to_have_text(SECOND)
    ada.page.evaluate("mediaKeys.seekbackward()")
    expect(bar.locator(".spoken")).to_have_text(FIRST)
    assert ada.page.evaluate("navigator.mediaSession.metadata.title") == name_of(grace)
    bar.get_by_role("link").click()
    expect(ada.page.locator(".flash .timed")).to_be_visible()
    bar.get_by_role("button", name="Stop playing").click()
    expect(bar).to_have_count(0)


def test_the_voice_message_that_follows_plays_next(visit: Visit, modules: str, client: Client) -> None:
    ada, grace = visit("ada", base_url=modules), client.sign_up("grace")
    told = [
        message(grace, ada.person, minutes_ago(3), **{**spoken("the first one"), "audioFileId": "1" * 32}),
        message(grace, ada.person, minutes_ago(2), "only written"),
        message(ada.person, grace, minutes_ago(1), **{**spoken("and the next"), "audioFileId": "2" * 32}),
    ]
    tell(ada.page, told, recording())
    ada.context.add_init_script(f"({MEDIA_KEYS})()")
    ada.open(grace)
    ada.page.get_by_role("button", name="Play the recording").first.click()
    bar = ada.page.get_by_role("region", name="Now playing")
    expect(bar).to_contain_text("the first one")
    ada.page.evaluate("mediaKeys.nexttrack()")
    expect(bar).to_contain_text("and the next")
    ada.page.get_by_role("button", name="Play the recording").first.click()
    expect(bar).to_contain_text("the first one")
    ada.page.evaluate(TO_THE_END)
    expect(bar).to_contain_text("and the next")
    expect(bar.get_by_role("link")).to_have_text("You")
    expect(bar.get_by_role("button", name="Pause playback")).to_be_visible()
