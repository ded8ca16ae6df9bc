"""Small plans of Redis have 20 connections: one of each process but the pusher gets by with them, by settings."""

import threading
import time
from collections.abc import Iterator

import pytest

from tests.client import Client
from tests.stack import Stack

MAX_CONNECTIONS = 20
PEOPLE, EACH, PAUSE = 4, 40, 0.1  # 40 messages a second
SECONDS = 60


@pytest.fixture
def small_plan(stack: Stack) -> Iterator[Stack]:
    """The stack, while its Redis accepts no more connections than that."""
    with stack.redis.client() as redis:
        usual = redis.config_get("maxclients")["maxclients"]
        redis.config_set("maxclients", MAX_CONNECTIONS)
        yield stack
        redis.config_set("maxclients", usual)


def test_everything_works_within_twenty_connections(small_plan: Stack, client: Client) -> None:
    people = [client.sign_up(f"person{number}") for number in range(PEOPLE)]
    sockets = [person.connect() for person in people]
    sent: list[list[str]] = [[] for _ in people]

    def talk(number: int) -> None:
        for count in range(EACH):
            partner = people[(number + 1) % PEOPLE]
            sent[number].append(people[number].post(partner, f"number {count}")["_id"])
            time.sleep(PAUSE)  # the pace

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert [len(each) for each in sent] == [EACH] * PEOPLE, "none was refused"
    for number, socket in enumerate(sockets):
        for message_id in sent[number - 1]:
            socket.wait_for_frame("application:messages", lambda data, of=message_id: data["_id"] == of)
    for process in small_plan.processes.values():
        assert "max number of clients" not in process.output(), process.name
