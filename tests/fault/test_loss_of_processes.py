"""kill -9 and SIGTERM of any process, at any moment: nothing accepted is lost, doubled or out of order."""

import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.fault.conftest import House
from tests.fault.traffic import Traffic

pytestmark = pytest.mark.timeout(300)

ROUNDS = 6
NAMES = ("web", "web2", "worker", "transcriber", "beat")


@pytest.fixture
def traffic(house: House) -> Iterator[Traffic]:
    with Traffic(house.urls) as running:
        yield running


def some_time() -> None:
    """A random moment: what is broken has to be in the middle of something, whatever that is."""
    time.sleep(random.uniform(0.2, 1.5))


def kill_child(house: House, name: str) -> None:
    """kill -9 of one of a process's own workers; its supervisor is the process itself."""
    children = house.process(name).children()
    if children:
        os.kill(random.choice(children), signal.SIGKILL)


@pytest.mark.parametrize("name", ["web", "worker"])
def test_accepted_messages_survive_kill_of(house: House, traffic: Traffic, name: str) -> None:
    """The quick one; the long ones below do so again and again."""
    traffic.go_on(50)
    house.process(name).kill()
    house.process(name).start()
    traffic.go_on(50)
    traffic.verify()


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_accepted_messages_survive_repeated_kills_of(house: House, traffic: Traffic, name: str) -> None:
    for _ in range(ROUNDS):
        some_time()
        house.process(name).kill()
        some_time()
        house.process(name).start()
        traffic.go_on(20)
    traffic.verify()


@pytest.mark.long
@pytest.mark.parametrize("name", ["web", "worker", "transcriber"])
def test_accepted_messages_survive_repeated_kills_of_one_child_of(house: House, traffic: Traffic, name: str) -> None:
    for _ in range(ROUNDS):
        some_time()
        kill_child(house, name)
        traffic.go_on(30)
    traffic.verify()


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_accepted_messages_survive_a_deploy_of(house: House, traffic: Traffic, name: str) -> None:
    for _ in range(2):
        some_time()
        house.process(name).signal(signal.SIGTERM)
        assert house.process(name).wait(40) in (0, -signal.SIGTERM)
        house.process(name).start()
        traffic.go_on(20)
    traffic.verify()


@pytest.mark.long
def test_accepted_messages_survive_kills_of_everything_in_turn(house: House, traffic: Traffic) -> None:
    for _ in range(10):
        some_time()
        name = random.choice(NAMES)
        house.process(name).kill()
        house.process(name).start()
    traffic.go_on(50)
    traffic.verify()
