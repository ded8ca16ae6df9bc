"""kill -9 in the middle of recordings that travel while they are made: every acknowledged piece stays."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
import requests

from dev.processes import wait_until
from tests import recordings
from tests.client import Client, Person
from tests.contract import tus
from tests.fault.conftest import System
from tests.fault.test_loss_of_processes import some_time
from tests.fault.traffic import RECOVERY_SECONDS

pytestmark = pytest.mark.timeout(300)

PIECE_BYTES = 1_500
PAUSE = 0.02  # seconds between two pieces


class Speaker:
    """Records one recording after the other, in pieces, and goes on after each break like any tus client."""

    def __init__(self, client: Client, urls: Sequence[str]) -> None:
        self.person = client.sign_up("speaker")
        self._others = [replace(self.person, client=Client(url), sockets=[]) for url in urls]
        self._turns: Iterator[Person] = itertools.cycle(self._others)
        self.content = recordings.spoken()
        self.complete: list[str] = []
        self.lost: list[str] = []
        self.breaks = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends after the recording that is being made."""
        self._stopping.set()
        self._thread.join(RECOVERY_SECONDS + 20)
        assert not self._thread.is_alive(), "a recording did not end"

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._record()

    def _record(self) -> None:
        path = self._begun()
        acknowledged = offset = 0
        while offset < len(self.content):
            piece = self.content[offset : offset + PIECE_BYTES]
            length = len(self.content) if offset + len(piece) == len(self.content) else None
            with suppress(requests.RequestException):
                response = tus.append(next(self._turns), path, offset, piece, length)
                if response.status_code == 204:
                    acknowledged = offset = int(response.headers["Upload-Offset"])
                    self._stopping.wait(PAUSE)
                    continue
            self.breaks += 1
            offset = self._offset(path)
            if offset < acknowledged:
                self.lost.append(f"{path}: {acknowledged - offset} bytes")
        self.complete.append(path)

    def _begun(self) -> str:
        while True:
            with suppress(requests.RequestException):
                response = tus.create(next(self._turns))
                if response.status_code == 201:
                    return response.headers["Location"].removeprefix("/api")
            self.breaks += 1
            self._stopping.wait(PAUSE)

    def _offset(self, path: str) -> int:
        """How far it is, as soon as somebody says so."""
        found: list[int] = []

        def ask() -> bool:
            with suppress(requests.RequestException):
                response = tus.head(next(self._turns), path)
                assert response.status_code not in (404, 410), f"{path} is gone"
                if response.status_code == 200:
                    found.append(int(response.headers["Upload-Offset"]))
            return bool(found)

        wait_until(ask, RECOVERY_SECONDS, "a recording to be reached")
        return found[0]


LONG = [pytest.param(victim, 8, marks=pytest.mark.long) for victim in ("web", "redis", "mongodb")]


@pytest.mark.parametrize(("victim", "rounds"), [("web", 1), ("redis", 1), *LONG])
def test_every_acknowledged_piece_survives_kills_of(system: System, client: Client, victim: str, rounds: int) -> None:
    speaker, ben = Speaker(client, system.urls), client.sign_up("ben")
    victims = [system.process("web"), system.process("web2")] if victim == "web" else [getattr(system.stack, victim)]
    for _ in range(rounds):
        some_time()
        done, breaks = len(speaker.complete), speaker.breaks
        for each in victims:
            each.kill()
        wait_until(lambda: speaker.breaks > breaks, RECOVERY_SECONDS, "a break")  # noqa: B023
        system.restart_stopped()
        wait_until(lambda: len(speaker.complete) > done, RECOVERY_SECONDS, "the next recording")  # noqa: B023
    speaker.stop()
    assert speaker.lost == []
    for upload in map(tus.id_of, speaker.complete):
        assert speaker.person.request("GET", f"/file/{upload}/content").content == speaker.content
        speaker.person.post(ben, audioFileId=upload)
