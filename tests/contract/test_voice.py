"""Voice messages are playable at once, delivered with a transcript and found by it, or given up with a reason."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chat.store import keys
from tests import recordings
from tests.client import Client, Person
from tests.contract import tus
from tests.contract.conftest import ATTEMPTS, Connect, Web, eventually
from tests.contract.shapes import HIT, check_message, check_problem
from tests.deepgram_stand_in import BROKEN, CORRUPT, KEY, DeepgramStandIn, spoken
from tests.stack import Stack
from tests.stores import open_stores


@pytest.fixture(autouse=True, scope="module")
def _nothing_waits(stack: Stack) -> None:
    """What other modules' tests have said is heard before the first test here says what is heard next."""
    with open_stores(stack.settings()) as stores:
        eventually(lambda: not stores.redis.zcard(keys.TRANSCRIPTIONS), "their transcripts", 60)


def record(sender: Person, receiver: Person, **fields: str) -> dict[str, Any]:
    upload = sender.upload(recordings.spoken())["audioFileUuid"]
    return sender.post(receiver, audioFileId=upload, **fields)


def of(message: dict[str, Any], status: str | None = None) -> Callable[[dict[str, Any]], bool]:
    return lambda data: data["_id"] == message["_id"] and status in (None, data["status"])


def niceness_of_session(pid: int) -> int:
    """What counts between sessions on a kernel that shares the cores among them; 0 on any other."""
    with contextlib.suppress(FileNotFoundError):
        return int((Path("/proc") / str(pid) / "autogroup").read_text().partition("nice")[2] or 0)
    return 0


def test_on_a_shared_machine_text_goes_before_voice(stack: Stack) -> None:
    pids = [stack.processes[name].pid for name in ("transcriber", "web", "worker")]
    voice, *text = (os.getpriority(os.PRIO_PROCESS, pid) for pid in pids)
    assert voice > max(text)
    voice, *text = map(niceness_of_session, pids)
    assert voice > max(text) or not Path("/proc/self/autogroup").exists()


def test_a_voice_message_is_transcribing_at_once_and_then_delivered_complete(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    sockets = [connect(ada), connect(ben)]
    deepgram.then(spoken("Meet me at the harbour."))
    message = record(ada, ben, clientId="voice-1")
    for socket in sockets:
        early = socket.wait_for_frame("application:status", of(message, "transcribing"))
        check_message(early)
        assert early["audioFileId"] == message["audioFileId"]
        assert early["clientId"] == "voice-1"
        late = socket.wait_for_frame("application:messages", of(message))
        check_message(late)
        assert early["duration"] == late["duration"] == pytest.approx(6.05, abs=0.1)
        assert early["peaks"] == late["peaks"]
        assert max(late["peaks"]) == 255
        assert late["text"] == "Meet me at the harbour."
        assert late["status"] == "delivered"
        assert 0 <= late["confidence"] <= 1
        assert late["language"] == "en"
        assert [word["word"].strip(".").lower() for word in late["words"]] == ["meet", "me", "at", "the", "harbour"]
        assert len(socket.messages()) == 1
    for person, partner in ((ada, ben), (ben, ada)):
        assert [each for each in person.history(partner) if each["_id"] == message["_id"]] == [late]


def test_a_text_sent_with_audio_is_the_senders_own_words(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    socket = connect(ben)
    deepgram.then(spoken("These words were heard."))
    message = record(ada, ben, text="My caption")
    delivered = socket.wait_for_frame("application:messages", of(message))
    assert delivered["text"] == "My caption"
    assert "heard" in str(delivered["words"])


def test_voice_messages_are_found_by_what_was_said_with_the_words_times(
    ada: Person, ben: Person, eve: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    socket = connect(ben)
    deepgram.then(spoken("The lighthouse keeper whistles beautifully.", seconds=6.0))
    message = record(ada, ben)
    delivered = socket.wait_for_frame("application:messages", of(message))
    for query in ("lighthouse", "LIGHT", "lighthous keeper", "whistles lighthouse"):
        for person, partner in ((ada, ben), (ben, ada)):
            hits = [hit for hit in person.get("/search", q=query) if hit["_id"] == message["_id"]]
            assert len(hits) == 1, query
            assert hits[0].keys() == HIT | {"words"}
            assert hits[0]["audioFileId"] == message["audioFileId"]
            assert hits[0]["partnerId"] == partner.id
            said = next(word for word in delivered["words"] if word["word"].lower() == "lighthouse")
            assert said in hits[0]["words"]
            assert "beautifully." not in [word["word"] for word in hits[0]["words"]]
    assert eve.get("/search", q="lighthouse") == []


def test_a_corrected_transcript_keeps_its_times_and_is_found_by_both(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    socket = connect(ben)
    deepgram.then(spoken("Recognise speech."))
    message = record(ada, ben)
    heard = socket.wait_for_frame("application:messages", of(message))
    corrected = ada.call("PATCH", f"/chat/message/{message['_id']}", json={"text": "Wreck a nice beach."})
    assert corrected["text"] == "Wreck a nice beach."
    assert corrected["words"] == heard["words"]
    assert corrected["audioFileId"] == message["audioFileId"]
    for query in ("wreck", "recognise"):
        assert message["_id"] in [hit["_id"] for hit in ben.get("/search", q=query)]
    emptied = ada.call("PATCH", f"/chat/message/{message['_id']}", json={"text": ""})
    assert emptied["text"] == ""  # a message may have only audio


@pytest.mark.parametrize(("answers", "tries"), [([CORRUPT], 1), ([BROKEN] * ATTEMPTS, ATTEMPTS)])
def test_what_cannot_be_transcribed_fails_with_a_reason_and_is_delivered_untranscribed(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn, answers: list[Any], tries: int
) -> None:
    sockets, before = [connect(ada), connect(ben)], len(deepgram.received)
    deepgram.then(*answers)
    message = record(ada, ben)
    for socket in sockets:
        failed = socket.wait_for_frame("application:status", of(message, "failed"))
        assert failed["detail"]
        assert KEY not in str(failed)
        delivered = socket.wait_for_frame("application:messages", of(message))
        check_message(delivered)
        assert delivered["status"] == "untranscribed"
        assert delivered["audioFileId"] == message["audioFileId"]
    assert len(deepgram.received) - before == tries
    assert ben.request("GET", f"/file/{message['audioFileId']}/content").content == recordings.spoken()


def test_transcribing_again_comes_as_edited(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    sockets = [connect(ada), connect(ben)]
    deepgram.then(CORRUPT)
    message = record(ada, ben)
    for socket in sockets:
        socket.wait_for_frame("application:messages", of(message))
    deepgram.then(spoken("Guten Morgen.", language=None))
    again = ada.call("POST", f"/chat/message/{message['_id']}/transcribe", 202, json={"language": "de"})
    check_message(again)
    for socket in sockets:
        edited = socket.wait_for_frame("application:status", of(message, "edited"))
        assert edited["text"] == "Guten Morgen."
        assert edited["editedAt"]
        assert len(socket.messages()) == 1
    assert deepgram.received[-1].query["language"] == "de"
    found = [each for each in ben.history(ada) if each["_id"] == message["_id"]]
    assert [(each["text"], each["status"]) for each in found] == [("Guten Morgen.", "delivered")]


@pytest.mark.parametrize("body", [{}, {"language": None}, None])
def test_the_language_is_optional(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn, body: object
) -> None:
    socket = connect(ada)
    message = record(ada, ben)
    socket.wait_for_frame("application:messages", of(message))
    options = {} if body is None else {"json": body}
    ada.call("POST", f"/chat/message/{message['_id']}/transcribe", 202, **options)
    socket.wait_for_frame("application:status", of(message, "edited"))
    assert deepgram.received[-1].query["language"] == "multi"


@pytest.mark.parametrize("language", ["", "x", "english please", "de\n", "de&model=x", "\0", "é", "x" * 1_000, 5, []])
def test_an_invalid_language_is_422(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn, language: object
) -> None:
    message = "01JD4XBCEA8X4M6Z9T1V0QW5RK"
    problem = check_problem(
        ada.request("POST", f"/chat/message/{message}/transcribe", json={"language": language}), 422
    )
    assert [error["field"] for error in problem["errors"]] == ["language"]


def test_the_senders_languages_help_the_recogniser(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    socket = connect(ada)
    headers = {"Accept-Language": "de-CH,de;q=0.9,*;q=0.1"}
    for body, expected in (({}, ["de-CH", "de"]), ({"language": "fr"}, ["fr", "de-CH", "de"])):
        upload = ada.upload(recordings.spoken())["audioFileUuid"]
        sent = {"receiverId": ben.id, "audioFileId": upload, **body}
        message = ada.call("POST", "/chat", 202, json=sent, headers=headers)
        socket.wait_for_frame("application:messages", of(message))
        hints = [call.query.get("language_hint") for call in deepgram.received]
        assert expected in hints, hints


@pytest.mark.parametrize("language", ["", "english please", "e", "de_CH", 7])
def test_a_language_that_is_none_is_refused_when_sending(ada: Person, ben: Person, language: object) -> None:
    sent = {"receiverId": ben.id, "text": "hello", "language": language}
    check_problem(ada.request("POST", "/chat", json=sent), 422)


def test_its_receiver_may_have_it_transcribed_again_and_strangers_do_not_learn_of_it(
    ada: Person, ben: Person, eve: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    socket = connect(ada)
    message = record(ada, ben)
    socket.wait_for_frame("application:messages", of(message))
    path = f"/chat/message/{message['_id']}/transcribe"
    check_problem(eve.request("POST", path, json={}), 404)
    deepgram.then(spoken("Heard again."))
    ben.call("POST", path, 202, json={})
    assert socket.wait_for_frame("application:status", of(message, "edited"))["text"] == "Heard again."


def test_a_correction_is_overwritten_only_when_that_is_asked_for(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    socket = connect(ada)
    message = record(ada, ben)
    socket.wait_for_frame("application:messages", of(message))
    ada.call("PATCH", f"/chat/message/{message['_id']}", json={"text": "What I said."})
    socket.wait_for_frame("application:status", of(message, "edited"))
    path = f"/chat/message/{message['_id']}/transcribe"
    for person in (ada, ben):
        for body in ({}, {"overwrite": False}):
            check_problem(person.request("POST", path, json=body), 409)
    check_problem(ada.request("POST", path, json={"overwrite": "perhaps"}), 422)
    deepgram.then(spoken("What was heard."))
    ada.call("POST", path, 202, json={"overwrite": True, "language": "en"})
    assert socket.wait_for_frame("application:status", of(message, "edited"))["text"] == "What was heard."


def test_who_has_had_their_minutes_is_told_so_and_nothing_is_accepted(
    client: Client, ben: Person, sparing: Web
) -> None:
    talker = client.sign_up()
    long = recordings.silence(40)
    first, second = (talker.upload(long, "a.wav", "audio/wav")["audioFileUuid"] for _ in range(2))
    spared = sparing.seen_by(talker)
    spared.post(ben, audioFileId=first)
    refused = spared.request("POST", "/chat", json={"receiverId": ben.id, "audioFileId": second, "clientId": "voice"})
    assert "minutes" in check_problem(refused, 429)["detail"]
    spared.post(ben, text="texts go on")
    assert talker.post(ben, audioFileId=second, clientId="voice")["audioFileId"] == second, "its upload still waits"


def test_one_recording_is_transcribed_again_only_so_often(
    client: Client, ben: Person, connect: Connect, sparing: Web
) -> None:
    talker = client.sign_up()
    socket = connect(talker)
    message = record(talker, ben)
    socket.wait_for_frame("application:messages", of(message))
    path = f"/chat/message/{message['_id']}/transcribe"
    sparing.seen_by(talker).call("POST", path, 202, json={})
    socket.wait_for_frame("application:status", of(message, "edited"))
    check_problem(sparing.seen_by(ben).request("POST", path, json={}), 429)


def test_silence_is_a_message_without_words(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    socket = connect(ben)
    deepgram.then(spoken(""))
    message = record(ada, ben)
    delivered = socket.wait_for_frame("application:messages", of(message))
    check_message(delivered)
    assert (delivered["text"], delivered["status"]) == ("", "delivered")


def test_a_voice_message_deleted_while_it_is_transcribed_stays_deleted(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    socket = connect(ben)
    deepgram.delay = 1.0
    try:
        message = record(ada, ben)
        received = len(deepgram.received)
        eventually(lambda: len(deepgram.received) >= received, "the call")
        socket.wait_for_frame("application:status", of(message, "transcribing"))
        ada.call("DELETE", f"/chat/message/{message['_id']}", 204)
        socket.wait_for_frame("application:status", of(message, "deleted"))
    finally:
        deepgram.delay = 0.0
    after = record(ada, ben)
    socket.wait_for_frame("application:messages", of(after))
    assert [each["_id"] for each in socket.messages()] == [after["_id"]]
    tombstone = next(each for each in ben.history(ada) if each["_id"] == message["_id"])
    assert (tombstone["text"], tombstone["audioFileId"]) == ("", None)
    assert "words" not in tombstone


def test_a_recordings_words_come_while_one_speaks_and_its_message_has_them_from_the_beginning(
    ada: Person, ben: Person, connect: Connect, deepgram: DeepgramStandIn
) -> None:
    phone, desk, other = connect(ada), connect(ada), connect(ben)
    content = recordings.spoken()
    path = tus.begin(ada, filetype="audio/webm", receiverId=ben.id)
    phone.send({"type": "typing", "receiverId": ben.id, "recording": True})
    assert other.wait_for_frame("application:typing") == {"senderId": ada.id, "recording": True}
    assert tus.append(ada, path, 0, content[:12_000]).status_code == 204
    for socket in (phone, desk):
        shown = socket.wait_for_frame("application:captions", lambda data: bool(data["words"]))
        assert shown.keys() == {"_id", "text", "words", "settled", "seconds"}
        assert shown["_id"] == tus.id_of(path)
        assert shown["text"].split() == [word["word"] for word in shown["words"]]
        assert 0 <= shown["settled"] <= len(shown["words"])
    (unfinished,) = [each for each in ada.get("/recordings") if each["_id"] == tus.id_of(path)]
    assert not unfinished["complete"]
    assert tus.append(ada, path, 12_000, content[12_000:], len(content)).status_code == 204
    received = len(deepgram.received)
    message = ada.post(ben, audioFileId=tus.id_of(path))
    delivered = other.wait_for_frame("application:messages", of(message))
    check_message(delivered)
    last = phone.wait_for_frame("application:captions", lambda data: data["settled"] == len(data["words"]) > 10)
    assert (delivered["status"], delivered["text"], delivered["words"]) == ("delivered", last["text"], last["words"])
    told = {frame.channel for frame in other.frames}
    assert not told & {"application:status", "application:captions"}, "no waiting, and nothing of what was not sent"
    assert len(deepgram.received) == received, "it was not transcribed once more"
