"""The broker goes down while the workers live: messages accepted meanwhile are delivered all the same."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.messages import draining
from dev.embedded import RedisServer
from tests.client import Client
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.fault.traffic import RECOVERY_SECONDS
from tests.recordings import spoken
from tests.stack import Stack

pytestmark = pytest.mark.timeout(240)

BETWEEN_SECONDS = 0.2


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RedisServer]:
    """A broker separate from the application's Redis."""
    server = RedisServer("broker", tmp_path / "broker", tmp_path / "log" / "broker.log")
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()


@pytest.fixture
def stack(tmp_path: Path, broker: RedisServer, deepgram: DeepgramStandIn) -> Iterator[Stack]:
    ours = {"DEEPGRAM_API_KEY": KEY, "DEEPGRAM_BASE_URL": deepgram.url, "CELERY_BROKER_URL": broker.url()}
    with Stack(tmp_path / "stack", ours, {"pusher": ""}) as running:
        yield running


def test_texts_are_delivered_while_the_broker_is_away_and_speech_once_it_is_back(
    stack: Stack, broker: RedisServer
) -> None:
    with Client(stack.url) as client:
        ada, ben = client.sign_up("ada"), client.sign_up("ben")
        listening = ben.connect()
        recordings = [ada.upload(spoken())["audioFileUuid"] for _ in range(4)]
        heard: set[str] = set()

        def hear(message_id: str) -> None:
            frame = listening.wait_for_frame(
                "application:messages", lambda data: data["_id"] == message_id, RECOVERY_SECONDS
            )
            assert frame["status"] == "delivered"
            heard.add(message_id)

        hear(ada.post(ben, "somebody drains now")["_id"])
        spoken_then = [ada.post(ben, audioFileId=recordings.pop())["_id"]]
        last = ada.post(ben, "the last one before")["_id"]
        broker.kill()
        hear(last)
        # Continue past the end of the draining task: no task can follow it, and the flag is still set.
        until = time.monotonic() + 1.6 * draining.RUN_SECONDS
        while time.monotonic() < until:
            if recordings:
                spoken_then.append(ada.post(ben, audioFileId=recordings.pop())["_id"])
            hear(ada.post(ben, "meanwhile")["_id"])
            time.sleep(BETWEEN_SECONDS)  # the pace of a fast typist
        broker.restart()
        for message_id in spoken_then:
            hear(message_id)
        hear(ada.post(ben, "afterwards")["_id"])
        assert {each["_id"] for each in ben.history(ada)} == heard
