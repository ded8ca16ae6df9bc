"""A recording that kills every worker that transcribes it loses neither its message nor the queue."""

from collections.abc import Iterator

import pytest

from tests.client import Client, Json, Socket
from tests.deepgram_stand_in import BROKEN, Received
from tests.fault.conftest import System
from tests.recordings import silence, spoken

POISON = silence(1.5)
SLOW_SECONDS = 4.0  # how long an attempt would take if it were not killed


@pytest.fixture
def killed(system: System) -> Iterator[list[int]]:
    """The pids of transcribers that died when they requested the poison; each is started again."""
    pids: list[int] = []

    def kill_who_asks(received: Received) -> None:
        if received.body == POISON:
            pids.append(system.process("transcriber").pid)
            system.process("transcriber").kill()
            system.process("transcriber").start()

    system.deepgram.on_call, usual = kill_who_asks, system.deepgram.delay
    yield pids
    system.deepgram.on_call, system.deepgram.delay = None, usual


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_recording_that_kills_every_worker_is_given_up_and_others_go_on(
    system: System, client: Client, killed: list[int]
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    listening = ben.connect()
    poison = ada.post(ben, audioFileId=ada.upload(POISON, "a.wav", "audio/wav")["audioFileUuid"])
    others = [ada.post(ben, audioFileId=ada.upload(spoken())["audioFileUuid"])["_id"] for _ in range(4)]
    assert_only_the_poison_is_given_up(listening, others, poison["_id"], killed, seconds=90)
    system.deepgram.on_call = None
    again = ada.call("POST", f"/chat/message/{poison['_id']}/transcribe", 202, json={})
    assert again["_id"] == poison["_id"]
    edited = listening.wait_for_frame(
        "application:status", lambda data: _is(poison["_id"])(data) and data["status"] == "edited", 60
    )
    assert edited["text"], "its sender can still have it transcribed"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_recordings_slower_than_the_one_that_kills_are_not_given_up_with_it(
    system: System, client: Client, killed: list[int]
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    listening = ben.connect()
    uploads = [ada.upload(spoken())["audioFileUuid"] for _ in range(4)]
    poison = ada.upload(POISON, "a.wav", "audio/wav")["audioFileUuid"]
    system.deepgram.delay = SLOW_SECONDS
    others = [ada.post(ben, audioFileId=each)["_id"] for each in uploads]
    deadly = ada.post(ben, audioFileId=poison)["_id"]
    assert_only_the_poison_is_given_up(listening, others, deadly, killed, seconds=150)


def assert_only_the_poison_is_given_up(
    listening: Socket, others: list[str], poison: str, killed: list[int], seconds: float
) -> None:
    """Checks that the others arrive transcribed within `seconds`, and the poison untranscribed after its kills."""
    for other in others:
        heard = listening.wait_for_frame("application:messages", _is(other), seconds)
        assert heard["status"] == "delivered"
    given_up = listening.wait_for_frame("application:messages", _is(poison), 150)
    assert given_up["status"] == "untranscribed"
    assert len(killed) >= 3, "each attempt killed its worker"


def test_a_transcription_that_keeps_failing_is_delivered_untranscribed_and_can_be_tried_again(
    system: System, client: Client
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    listening = ben.connect()
    system.deepgram.then(BROKEN, BROKEN, BROKEN)
    sent = ada.post(ben, audioFileId=ada.upload(spoken())["audioFileUuid"])
    failed = listening.wait_for_frame("application:status", lambda data: data["status"] == "failed", 60)
    assert failed["_id"] == sent["_id"]
    assert failed["detail"]
    delivered = listening.wait_for_frame("application:messages", _is(sent["_id"]))
    assert delivered["status"] == "untranscribed"
    assert delivered["audioFileId"], "with its audio"
    ada.call("POST", f"/chat/message/{sent['_id']}/transcribe", 202)
    edited = listening.wait_for_frame("application:status", lambda data: data["status"] == "edited", 60)
    assert edited["text"].startswith("Had he married")
    assert ben.history(ada)[-1]["text"] == edited["text"]


def _is(message_id: str):
    def matches(data: Json) -> bool:
        return bool(data["_id"] == message_id)

    return matches
