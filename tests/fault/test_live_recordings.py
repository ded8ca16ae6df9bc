"""Whoever dies while somebody speaks: no piece that was acknowledged is lost, and the words come all the same."""

import time
from contextlib import suppress
from typing import Any

import pytest
import requests

from tests.client import Client, Person
from tests.contract import tus
from tests.fault.conftest import System
from tests.recordings import spoken

pytestmark = pytest.mark.timeout(180)

CONTENT = spoken()
PIECE_BYTES = 3_000
REPLACED_SECONDS = 10.0  # within which a dead follower has a successor
RECOVERY_SECONDS = 30.0
RETRY_SECONDS = 0.1


def say(speaker: Person, path: str, stop: int, *, last: bool = False) -> None:
    """Sends pieces up to that byte; whenever one is not acknowledged, asks where to go on."""
    until = time.monotonic() + RECOVERY_SECONDS
    at: int | None = 0
    while at is None or at < stop:
        assert time.monotonic() < until, "nobody took the pieces"
        try:
            at = int(tus.head(speaker, path).headers["Upload-Offset"]) if at in (None, 0) else at
            while at < stop:
                end = min(stop, at + PIECE_BYTES)
                response = tus.append(speaker, path, at, CONTENT[at:end], stop if last and end == stop else None)
                response.raise_for_status()
                at = int(response.headers["Upload-Offset"])
        except (requests.RequestException, KeyError):
            at = None
            time.sleep(RETRY_SECONDS)


def post(speaker: Person, receiver: Person, path: str) -> dict[str, Any]:
    until = time.monotonic() + RECOVERY_SECONDS
    while True:
        with suppress(requests.RequestException, AssertionError):
            return speaker.post(receiver, audioFileId=tus.id_of(path), clientId=tus.id_of(path))
        assert time.monotonic() < until, "nobody took the message"
        time.sleep(RETRY_SECONDS)


@pytest.mark.parametrize(
    "victim",
    ["transcriber", *(pytest.param(name, marks=pytest.mark.long) for name in ("web", "worker", "redis", "mongodb"))],
)
def test_a_recording_has_all_its_pieces_and_its_words_after_a_kill_of(
    system: System, client: Client, victim: str
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    path = tus.begin(ada, filetype="audio/webm", receiverId=ben.id)
    streams, transcribed = len(system.deepgram.streams), len(system.deepgram.received)
    watching = ada.connect()
    say(ada, path, 9_000)
    watching.wait_for_frame("application:captions", lambda data: bool(data["words"]))
    broken = getattr(system.stack, victim)
    broken.kill()
    if victim in ("redis", "mongodb"):
        broken.restart()
    else:
        broken.start()
    began = time.monotonic()
    if victim == "transcriber":
        system.stack.wait_workers()
        began = time.monotonic()
        while len(system.deepgram.streams) == streams + 1:
            assert time.monotonic() - began < REPLACED_SECONDS, "nobody took over"
            time.sleep(RETRY_SECONDS)
    say(ada, path, len(CONTENT), last=True)
    socket = ben.connect()
    message = post(ada, ben, path)

    def is_complete() -> bool:
        return any(each["_id"] == message["_id"] and len(each["text"].split()) > 10 for each in ben.history(ada))

    until = time.monotonic() + RECOVERY_SECONDS
    while not is_complete():
        assert time.monotonic() < until, "its words never came"
        time.sleep(RETRY_SECONDS)
    content = ben.request("GET", f"/file/{tus.id_of(path)}/content").content
    assert content == CONTENT
    if victim == "transcriber":
        assert len(system.deepgram.received) == transcribed, "its words were heard, not transcribed anew"
    assert socket.close_code is None
