"""One person's searches and edits neither block Redis for others nor fill it."""

import time
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.attack.attacker import SECONDS, Bystander
from tests.client import Person
from tests.stack import Stack

GROWN = 50 * 2**20  # bytes of Redis a flood of one person may take, whatever it does
BROAD = ["a b c d e f g h i j k l m n o p", "th " * 16, "1 2 3 4 5 6 7 8 9 0", "zzzzzzzzzzzzzzzz"]


@pytest.fixture
def redis(stack: Stack) -> Iterator[Redis]:
    with Redis.from_url(stack.settings().redis_url) as opened:
        yield opened


def used(redis: Redis) -> int:
    return int(redis.info("memory")["used_memory"])


def test_broad_searches_hold_nobody_up(bystander: Bystander, eve: Person, ada: Person) -> None:
    for number in range(20):
        eve.post(ada, f"the {number} " + " ".join(f"{letter}{number}" for letter in "abcdefghijklmnopqrstuvwxyz"))

    def attack() -> None:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            for query in BROAD:
                assert eve.request("GET", "/search", params={"q": query}).status_code in (200, 422, 429)

    bystander.chat_during(attack, attack)


def test_edits_without_end_hold_nobody_up_and_fill_nothing(
    bystander: Bystander, eve: Person, ada: Person, redis: Redis
) -> None:
    message = eve.post(ada, "once")["_id"]
    before = used(redis)

    def attack() -> None:
        until, number = time.monotonic() + SECONDS, 0
        while time.monotonic() < until:
            number += 1
            text = f"{number} " + "word " * 790
            assert eve.request("PATCH", f"/chat/message/{message}", json={"text": text}).status_code in (200, 404, 429)

    bystander.chat_during(attack)
    assert used(redis) - before < GROWN
