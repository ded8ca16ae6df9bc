"""Recordings that are more than they say: each costs its sender an error, and nobody else notices."""

import pytest

from tests import recordings
from tests.attack.attacker import Bystander
from tests.client import Person

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
        for _ in range(3):
            # On a connection of its own: the server may close one on which it has refused something.
            alone = {"Connection": "close"}
            response = eve.request("POST", "/upload", files={"audio": ("a.m4a", bomb)}, headers=alone)
            statuses.append(response.status_code)

    bystander.chat_during(attack, attack)
    assert len(statuses) == 6
    assert set(statuses) <= {413, 415}
