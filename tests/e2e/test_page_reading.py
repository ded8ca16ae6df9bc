"""What a conversation shows of its spoken and typed messages, in every state they can have."""

import re
from datetime import timedelta

from playwright.sync_api import expect

from tests.client import Client
from tests.e2e.conftest import Visit
from tests.e2e.history import message, minutes_ago, recording, spoken, tell
from tests.e2e.visitor import name_of

SAID = "the river was high when we crossed it"


def test_messages_are_grouped_by_day_and_sender_and_tell_their_exact_time(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    noon = minutes_ago(0).replace(hour=12, minute=0, second=5) - timedelta(days=1)
    said = [
        message(grace, ada.person, noon - timedelta(days=1), "The day before"),
        message(grace, ada.person, noon, "One"),
        message(grace, ada.person, noon + timedelta(minutes=1), "Two"),
        message(ada.person, grace, noon + timedelta(minutes=2), "Three"),
        message(ada.person, grace, noon + timedelta(minutes=20), "Four"),
    ]
    tell(ada.page, said)
    ada.open(grace)
    expect(ada.page.locator(".day")).to_have_count(2)
    expect(ada.page.locator(".day").last).to_have_text("Yesterday")
    expect(ada.page.locator(".row .meta")).to_have_count(4)  # one each group: One and Two share theirs
    expect(ada.page.locator(".row", has=ada.page.get_by_text("One", exact=True)).locator(".meta")).to_have_count(0)
    expect(ada.message("Two")).to_have_attribute("title", re.compile(r"\b\d{1,2}:01:05\b"))


def test_a_recording_can_be_played_before_its_transcript_is_there(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    waiting = message(grace, ada.person, minutes_ago(1), audioFileId="0" * 32, status="transcribing")
    tell(ada.page, [waiting], recording())
    ada.open(grace)
    expect(ada.page.get_by_text("Listening for the words")).to_be_visible()
    expect(ada.page.locator(".controls .clock")).to_have_text("0:35")
    expect(ada.page.locator(".bars").first).to_have_attribute("d", re.compile(r"v([2-9]|\d\d)"))  # no flat line
    ada.page.get_by_role("button", name="Play the recording").click()
    expect(ada.page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    expect(ada.page.locator(".controls .clock")).to_have_text(re.compile("^0:(0[1-9]|[1-3][0-9])$"))


def test_words_the_recogniser_was_unsure_of_are_marked(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    told = spoken(SAID, unsure="high")
    told["words"][0]["confidence"] = None  # not every recogniser says how sure it is
    tell(ada.page, [message(grace, ada.person, minutes_ago(1), **told)])
    ada.open(grace)
    expect(ada.page.locator(".word.unsure")).to_have_text("high")
    expect(ada.page.locator(".word.unsure")).to_have_attribute("title", re.compile("not sure"))


def test_a_silence_within_a_recording_begins_a_new_line(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    told = spoken(SAID)
    for word in told["words"][4:]:
        word["start"] += 2
        word["end"] += 2
    tell(ada.page, [message(grace, ada.person, minutes_ago(1), **told)])
    ada.open(grace)
    expect(ada.page.locator(".transcript br")).to_have_count(1)
    expect(ada.page.locator(".transcript br + .word")).to_have_text("when")


def test_a_failed_transcription_can_be_asked_for_again(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    failed = message(ada.person, grace, minutes_ago(1), audioFileId="0" * 32, status="untranscribed")
    tell(ada.page, [failed])
    ada.page.route("**/transcribe", lambda route: route.fulfill(status=202, json={}))
    ada.open(grace)
    expect(ada.page.get_by_text("The words could not be made out.")).to_be_visible()
    with ada.page.expect_request(f"**/api/chat/message/{failed['_id']}/transcribe"):
        ada.page.get_by_role("button", name="Transcribe again").click()
        ada.page.get_by_role("button", name="Transcribe", exact=True).click()
    expect(ada.page.get_by_text("Transcribing again")).to_be_visible()
    ada.page.unroute("**/transcribe")
    ada.page.route("**/transcribe", lambda route: route.fulfill(status=503, json={"detail": "Not just now."}))
    ada.page.reload()
    ada.page.get_by_role("button", name="Transcribe again").click()
    ada.page.get_by_role("button", name="Transcribe", exact=True).click()
    expect(ada.page.get_by_text("Not just now.")).to_be_visible()


def test_a_hit_with_other_accents_or_a_slip_is_marked_and_sought(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada"), client.sign_up("grace")
    told = message(grace, ada.person, minutes_ago(1), **spoken("Der Fluss stand hóhere als sonst"))
    tell(ada.page, [told], recording())
    ada.page.goto(f"/chat/{name_of(grace)}?at={told['_id']}&q=hoehere")
    for name in ("hit", "lit"):
        expect(ada.page.locator(f".word.{name}")).to_have_text("hóhere")
