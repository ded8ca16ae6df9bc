"""A recording that kills whoever transcribes it takes neither its message nor the queue with it."""

import pytest

from tests.client import Client, Json
from tests.deepgram_stand_in import BROKEN, Received
from tests.fault.conftest import House
from tests.recordings import silence, spoken

POISON = silence(1.5)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_recording_that_kills_every_worker_is_given_up_and_others_go_on(house: House, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    listening = ben.connect()
    killed: list[int] = []

    def kill_who_asks(received: Received) -> None:
        if received.body == POISON:
            killed.append(house.process("transcriber").pid)
            house.process("transcriber").kill()
            house.process("transcriber").start()

    house.deepgram.on_call = kill_who_asks
    try:
        poison = ada.post(ben, audioFileId=ada.upload(POISON, "a.wav", "audio/wav")["audioFileUuid"])
        others = [ada.post(ben, audioFileId=ada.upload(spoken())["audioFileUuid"])["_id"] for _ in range(4)]
        for other in others:
            heard = listening.wait_for_frame("application:messages", _is(other), 90)
            assert heard["status"] == "delivered"
        given_up = listening.wait_for_frame("application:messages", _is(poison["_id"]), 150)
        assert given_up["status"] == "untranscribed"
        assert len(killed) >= 3, "each attempt killed its worker"
    finally:
        house.deepgram.on_call = None
    again = ada.call("POST", f"/chat/message/{poison['_id']}/transcribe", 202, json={})
    assert again["_id"] == poison["_id"]
    edited = listening.wait_for_frame(
        "application:status", lambda data: _is(poison["_id"])(data) and data["status"] == "edited", 60
    )
    assert edited["text"], "its sender can have it transcribed after all"


def test_a_transcription_that_keeps_failing_is_delivered_untranscribed_and_can_be_tried_again(
    house: House, client: Client
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    listening = ben.connect()
    house.deepgram.then(BROKEN, BROKEN, BROKEN)
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
