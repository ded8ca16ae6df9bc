"""Redis or MongoDB is killed, down for a while, or lost altogether."""

import signal
import time
from collections.abc import Callable

import pytest

from chat.messages import log as accepted_log
from chat.messages import storing
from chat.store import keys
from chat.store.connection import Stores
from dev.processes import LOOPBACK, free_port, wait_until
from tests.client import Client, Person
from tests.fault.conftest import System
from tests.fault.test_loss_of_processes import some_time
from tests.fault.traffic import RECOVERY_SECONDS, Traffic, whole_history
from tests.people import partition_of
from tests.recordings import spoken
from tests.stack import answers

pytestmark = pytest.mark.timeout(400)


def archived(stores: Stores) -> bool:
    """Whether nothing is waiting to be archived."""
    return not storing.waiting_for_archive(stores) and not accepted_log.waiting(stores).entries


def sees(reader: Person, partner: Person, message_id: str) -> Callable[[], bool]:
    return lambda: message_id in [each["_id"] for each in whole_history(reader, partner.id)]


@pytest.mark.parametrize("server", ["redis", "mongodb"])
@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.long)])
def test_accepted_messages_survive_kill_of(system: System, server: str, rounds: int) -> None:
    with Traffic(system.urls) as traffic:
        traffic.go_on(30)
        for _ in range(rounds):
            some_time()
            broken = getattr(system.stack, server)
            broken.kill()
            some_time()
            broken.restart()
            traffic.go_on(30)
        traffic.verify()


def test_no_message_waits_until_mongodb_has_the_one_before(system: System, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    away = system.stack.worker.output().count("archive.away")
    system.stack.mongodb.signal(signal.SIGSTOP)  # a silent one, which the worker waits for
    try:
        for text in ("one", "two"):
            sent = ada.post(ben, text)
            socket.wait_for_frame("application:messages", lambda data, of=sent: data["_id"] == of["_id"])
        assert system.stack.worker.output().count("archive.away") == away, "it waits for MongoDB to have the first"
    finally:
        system.stack.mongodb.signal(signal.SIGCONT)


@pytest.mark.long
@pytest.mark.parametrize("server", ["redis", "mongodb"])
def test_accepted_messages_survive_an_orderly_restart_of(system: System, server: str) -> None:
    with Traffic(system.urls) as traffic:
        for _ in range(2):
            traffic.go_on(30)
            getattr(system.stack, server).stop()
            getattr(system.stack, server).restart()
        traffic.verify()


def test_a_lost_redis_is_rebuilt_by_itself(system: System, system_stores: Stores, client: Client) -> None:
    with Traffic(system.urls, pairs=2, voice_every=15) as traffic:
        traffic.go_on(80)
        traffic.verify()
        wait_until(lambda: archived(system_stores), RECOVERY_SECONDS, "archiving")
        ada, ben = traffic.pairs[0].people
        ben.call("POST", f"/chat/{ada.id}/read", 204, json={"upTo": whole_history(ben, ada.id)[-1]["_id"]})
        gone = client.sign_up("gone")
        gone.call("POST", "/logout", 204)
        cursors = keys.cursors_outbox_key(partition_of(system_stores, (ada.id, ben.id)))
        wait_until(lambda: not system_stores.redis.exists(cursors), RECOVERY_SECONDS, "archiving")
        before = whole_history(ada, ben.id)

        system.stack.redis.kill()
        system.stack.redis.lose_data()
        system.stack.redis.restart()

        wait_until(lambda: bool(system_stores.redis.exists(keys.HOT_COMPLETE)), RECOVERY_SECONDS, "rebuilding")
        assert whole_history(ada, ben.id) == before, "including read marks"
        assert [each["_id"] for each in ben.history(ada)] == [each["_id"] for each in before][-200:]
        assert {each["username"] for each in ada.get("/user/list", q="ben")} >= {ben.user["username"]}
        assert ada.get("/search", q="amiable"), "search over what was said"
        assert ben.get("/conversations")[0]["unread"] == 0
        assert gone.request("GET", "/user/me").status_code == 403, "ended sessions stay ended"
        wait_until(lambda: all(_online(ada, each) for each in (ada, ben)), RECOVERY_SECONDS, "presence")
        new = ada.post(ben, "as if nothing had happened")
        assert new["_id"] > before[-1]["_id"]
        wait_until(lambda: new["_id"] in traffic.pairs[0].listeners[1].seen, RECOVERY_SECONDS, "delivery")


def _online(reader: Person, person: Person) -> bool:
    found = reader.get("/user/list", q=person.user["username"])
    return bool(found) and bool(found[0]["online"])


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.long)])
def test_chat_goes_on_while_mongodb_is_down(
    system: System, system_stores: Stores, client: Client, seconds: int
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    first = ada.post(ben, "zeppelin")
    wait_until(sees(ben, ada, first["_id"]), RECOVERY_SECONDS, "the first message")
    with Traffic(system.urls, pairs=2, voice_every=0) as traffic:
        system.stack.mongodb.kill()
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                traffic.go_on(20, seconds=10)
                sent = ada.post(ben, "still here")
                wait_until(lambda: sent["_id"] in [each["_id"] for each in ben.history(ada)], 10, "recent history")  # noqa: B023
            assert [each["_id"] for each in ben.get("/search", q="zeppelin")] == [first["_id"]]
            assert ben.get("/conversations")[0]["partner"]["_id"] == ada.id
            started = time.monotonic()
            refused = ada.request("POST", "/upload", files={"audio": ("a.webm", spoken(), "audio/webm")})
            assert refused.status_code == 503
            assert "Retry-After" in refused.headers
            assert ada.request("GET", f"/chat/{ben.id}", params={"before": first["_id"]}).status_code == 503
            assert time.monotonic() - started < 20, "an error, not a hang"
        finally:
            system.stack.mongodb.restart()
        traffic.verify()
    wait_until(lambda: archived(system_stores), 2 * RECOVERY_SECONDS, "archiving what MongoDB missed")
    wanted = [message_id for pair in traffic.pairs for ids in pair.accepted.values() for message_id in ids]
    assert system_stores.mongo.messages.count_documents({"_id": {"$in": wanted}}) == len(wanted)


def test_without_a_broker_a_post_is_refused_in_time_and_nothing_is_accepted(
    system: System, system_stores: Stores, client: Client
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    port = free_port()
    alone = system.stack.make_process(
        "web-without-broker",
        system.stack.web.command[-1],
        {"PORT": str(port), "CELERY_BROKER_URL": f"redis://{LOOPBACK}:{free_port()}/1"},
    )
    alone.start()
    try:
        with Client(f"http://{LOOPBACK}:{port}") as there:
            wait_until(lambda: answers(f"{there.url}/healthz"), 30, "the web process")
            assert "broker" in there.http.get(f"{there.url}/readyz", timeout=10).json()["detail"]
            flag = keys.waking_key(partition_of(system_stores, (ada.id, ben.id)))
            wait_until(lambda: not system_stores.redis.exists(flag), 30, "quiet")
            body = {"receiverId": ben.id, "text": "hello?", "clientId": "once"}
            refused = there.request("POST", "/chat", json=body, headers={"x-api-key": ada.token})
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) > 0
        assert accepted_log.waiting(system_stores).entries == 0
        assert ada.history(ben) == []
        accepted = ada.post(ben, "hello?", clientId="once")
        wait_until(sees(ben, ada, accepted["_id"]), RECOVERY_SECONDS, "the message")
        assert len(whole_history(ben, ada.id)) == 1
    finally:
        alone.stop()
