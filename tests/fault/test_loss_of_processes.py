"""kill -9 and SIGTERM of any process, at any moment: nothing accepted is lost, duplicated or out of order."""

import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from chat.store import keys
from chat.store.connection import Stores
from dev.processes import wait_until
from tests.client import Client
from tests.fault.conftest import System
from tests.fault.traffic import Traffic
from tests.push_service import PushService

pytestmark = pytest.mark.timeout(300)

ROUNDS = 6
NAMES = ("web", "web2", "worker", "transcriber", "beat")


@pytest.fixture
def traffic(system: System) -> Iterator[Traffic]:
    with Traffic(system.urls) as running:
        yield running


def some_time() -> None:
    """Waits for a random moment, so that the victim is in the middle of something."""
    time.sleep(random.uniform(0.2, 1.5))


def kill_child(system: System, name: str) -> None:
    """Kills one of a process's own workers with kill -9; the process itself supervises and replaces it."""
    children = system.process(name).children()
    if children:
        os.kill(random.choice(children), signal.SIGKILL)


@pytest.mark.parametrize("name", ["web", "worker"])
def test_accepted_messages_survive_kill_of(system: System, traffic: Traffic, name: str) -> None:
    """The quick version; the long ones below repeat this."""
    traffic.go_on(50)
    system.process(name).kill()
    system.process(name).start()
    traffic.go_on(50)
    traffic.verify()


def test_notifications_come_once_the_pusher_is_back_also_the_one_it_was_killed_over(
    system: System, client: Client, system_stores: Stores
) -> None:
    ada, grace, edith = client.sign_up("ada"), client.sign_up("grace"), client.sign_up("edith")
    with PushService() as service:
        browser = service.subscribe(ada.get("/push")["key"])
        ada.call("PUT", "/push", 204, json=browser.subscription)
        service.responds.clear()
        amid = grace.post(ada, "in the middle")
        first = service.next()
        system.process("pusher").kill()
        service.responds.set()
        meanwhile = edith.post(ada, "meanwhile")
        wait_until(lambda: len(ada.history(edith)) == 1, 20, "the message to be delivered")
        assert service.is_quiet
        system_stores.redis.zadd(keys.PUSH_DUE, {f"{ada.id} {grace.id}": 0})  # as if the dead one's lease had ended
        system.process("pusher").start()
        again, other = sorted((service.next() for _ in range(2)), key=lambda each: each.content["messageId"])
        assert [each.content["messageId"] for each in (first, again)] == [amid["_id"]] * 2
        assert again.headers["topic"] == first.headers["topic"], "takes the place of what came already"
        assert other.content["messageId"] == meanwhile["_id"]
        assert service.is_quiet
        wait_until(lambda: not system_stores.redis.exists(keys.PUSH_DUE), 20, "nothing to be due any more")


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_accepted_messages_survive_repeated_kills_of(system: System, traffic: Traffic, name: str) -> None:
    for _ in range(ROUNDS):
        some_time()
        system.process(name).kill()
        some_time()
        system.process(name).start()
        traffic.go_on(20)
    traffic.verify()


@pytest.mark.long
@pytest.mark.parametrize("name", ["web", "worker", "transcriber"])
def test_accepted_messages_survive_repeated_kills_of_one_child_of(system: System, traffic: Traffic, name: str) -> None:
    for _ in range(ROUNDS):
        some_time()
        kill_child(system, name)
        traffic.go_on(30)
    traffic.verify()


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_accepted_messages_survive_a_deploy_of(system: System, traffic: Traffic, name: str) -> None:
    for _ in range(2):
        some_time()
        system.process(name).signal(signal.SIGTERM)
        assert system.process(name).wait(40) in (0, -signal.SIGTERM)
        system.process(name).start()
        traffic.go_on(20)
    traffic.verify()


@pytest.mark.long
def test_accepted_messages_survive_kills_of_everything_in_turn(system: System, traffic: Traffic) -> None:
    for _ in range(10):
        some_time()
        name = random.choice(NAMES)
        system.process(name).kill()
        system.process(name).start()
    traffic.go_on(50)
    traffic.verify()
