"""Recordings that are more than they say, or travel in hostile pieces: nobody but their sender notices."""

import time

import pytest

from tests import recordings
from tests.attack.attacker import SECONDS, Bystander, Http
from tests.client import Client, Person
from tests.contract import tus
from tests.contract.conftest import Web

ROUNDS = max(2, round(SECONDS))
BOMBS = {
    "16 million samples in a packet": recordings.alac_declaring(16_777_216),
    "two billion samples a second": recordings.alac_declaring(4_096, rate=2_000_000_000),
    "ten minutes that say they are a second": recordings.opus_in_mp4(5_100, ticks=10),
    "tables for gigabytes": recordings.mp4_declaring(400_000_000),
    "fragments for gigabytes": recordings.mp4_fragment_declaring(400_000_000),
    "pages of nothing": recordings.ogg_pages_of_nothing(800_000),
    "four hours at one sample a second": recordings.silence(14_400, rate=1),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_recording_that_is_more_than_it_says_holds_nobody_up(bystander: Bystander, eve: Person, bomb: bytes) -> None:
    statuses: list[int] = []

    def attack() -> None:
        for _ in range(ROUNDS):
            # On a connection of its own: the server may close one on which it has refused something.
            alone = {"Connection": "close"}
            response = eve.request("POST", "/upload", files={"audio": ("a.m4a", bomb)}, headers=alone)
            statuses.append(response.status_code)

    bystander.chat_during(attack, attack)
    assert len(statuses) == 2 * ROUNDS
    assert set(statuses) <= {413, 415}


def test_tiny_pieces_of_several_people_hold_nobody_up(bystander: Bystander, client: Client) -> None:
    people = [client.sign_up("ant") for _ in range(3)]
    paths = [tus.begin(person) for person in people]
    sent = [0] * len(people)
    statuses: set[int] = set()

    def attack(number: int) -> None:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            status = tus.append(people[number], paths[number], sent[number], b"x").status_code
            statuses.add(status)
            sent[number] += status == 204

    bystander.chat_during(*(lambda number=number: attack(number) for number in range(len(people))))
    assert statuses <= {204, 429}
    assert [int(tus.head(*each).headers["Upload-Offset"]) for each in zip(people, paths, strict=True)] == sent


def test_a_piece_that_trickles_in_is_cut_off_and_the_recording_goes_on(eve: Person, small: Web) -> None:
    path, content = tus.begin(eve), recordings.spoken()
    with Http(small.client.url) as slow:
        more = f"x-api-key: {eve.token}\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n"
        slow.request(f"/api{path}", f"{more}Tus-Resumable: 1.0.0\r\nContent-Length: {len(content)}\r\n", "PATCH")
        slow.send("x")
        assert slow.status() == 408
    assert tus.append(eve, path, 0, content, len(content)).status_code == 204
