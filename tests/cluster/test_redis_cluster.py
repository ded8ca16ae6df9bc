"""What the application does on a Redis Cluster that it does otherwise, or not at all, on a single Redis."""

import itertools
import signal
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, RedisError
from redis.crc import key_slot
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoReply

from chat.store import cluster as clusters
from chat.store import hot, keys, partitions
from chat.store.connection import Stores, connect_redis
from dev.processes import wait_until
from tests.client import Client, Person
from tests.fault.traffic import whole_history
from tests.recordings import spoken
from tests.redis_cluster import NODES, Cluster
from tests.stack import Stack
from web.sockets.bus import Bus, State

SECONDS = 30.0
pytestmark = pytest.mark.timeout(240)


def partner_in(stores: Stores, client: Client, person: Person, node: Redis) -> Person:
    """Somebody whose conversation with this person is on that node."""
    for _ in range(100):
        partner = client.sign_up("partner")
        log = keys.accepted_key(partitions.of_people(stores, person.id, partner.id))
        if clusters.node_of(stores.redis, log) is node:
            return partner
    raise AssertionError("no partition is on that node")


def test_what_two_people_do_works_whatever_node_has_their_conversation(stores: Stores, client: Client) -> None:
    ada = client.sign_up("ada")
    nodes = clusters.nodes(stores.redis)
    assert len(nodes) == NODES
    partners = [partner_in(stores, client, ada, node) for node in nodes]
    for partner in partners:
        socket = partner.connect()
        sent = ada.post(partner, "a zeppelin over the town")
        socket.wait_for_frame("application:messages", lambda data, of=sent: data["_id"] == of["_id"])
        voice = ada.post(partner, audioFileId=ada.upload(spoken("amiable.webm"))["audioFileUuid"])
        heard = socket.wait_for_frame("application:messages", lambda data, of=voice: data["_id"] == of["_id"])
        assert "amiable" in heard["text"]
        partner.call("POST", f"/chat/{ada.id}/read", 204, json={"upTo": sent["_id"]})
        assert partner.get("/conversations")[0]["unread"] == 1
        ada.call("PATCH", f"/chat/message/{sent['_id']}", 200, json={"text": "a balloon over the town"})
        socket.wait_for_frame(
            "application:status", lambda data, of=sent: data["_id"] == of["_id"] and "editedAt" in data
        )
    assert {each["partner"]["_id"] for each in ada.get("/conversations")} == {each.id for each in partners}
    assert {hit["partnerId"] for hit in ada.get("/search", q="balloon") if hit["type"] == "chat"} == {
        each.id for each in partners
    }
    assert {each["_id"] for each in ada.get("/user/list", q="partner")} >= {each.id for each in partners}


def test_a_node_that_lost_its_data_is_filled_again(stack: Stack, stores: Stores, client: Client) -> None:
    ada = client.sign_up("ada")
    people = clusters.node_of(stores.redis, keys.HOT_COMPLETE)
    other = next(node for node in clusters.nodes(stores.redis) if node is not people)
    ben = partner_in(stores, client, ada, other)
    sent = [ada.post(ben, f"{number}")["_id"] for number in range(3)]
    partition = partitions.of_people(stores, ada.id, ben.id)
    outbox = keys.outbox_key(partition)
    wait_until(lambda: len(ben.history(ada)) == 3 and not stores.redis.exists(outbox), SECONDS, "the archive")
    other.flushall()
    message = keys.message_key(partition, sent[0])
    wait_until(lambda: stores.redis.exists(message, keys.HOT_COMPLETE) == 2, SECONDS, "the rebuild")
    assert [each["_id"] for each in whole_history(ben, ada.id)] == sent
    wait_until(lambda: not hot.missing(stores), SECONDS, "its search indexes")
    assert [hit["_id"] for hit in ben.get("/search", q="1") if hit["type"] == "chat"] == [sent[1]]


def test_a_command_with_keys_of_several_nodes_is_split_and_its_replies_are_joined(stores: Stores) -> None:
    names = [f"{keys.PREFIX}:{{x{number}}}:split" for number in range(9)]
    redis = stores.redis
    for number, name in enumerate(names[:6]):
        redis.execute_command("JSON.SET", name, "$", f"{number}")
    assert hot.read_json(redis, names) == [0, 1, 2, 3, 4, 5, None, None, None]
    assert redis.exists(*names) == 6
    with redis.pipeline(transaction=False) as pipe:
        pipe.exists(*names)
        pipe.delete(*names[1:])
        pipe.time()
        pipe.exists(*names)
        before, deleted, _, after = pipe.execute()
    assert (before, deleted, after) == (6, 5, 1)
    with redis.pipeline() as pipe:
        pipe.set(names[0], 1).set(names[1], 1)
        with pytest.raises(RedisError, match="2 slots"):
            pipe.execute()
    redis.delete(*names)


def test_a_scan_finds_the_keys_of_all_nodes_page_by_page(stores: Stores) -> None:
    names = {f"{keys.PREFIX}:{{x{number}}}:scanned" for number in range(60)}
    for name in names:
        stores.redis.set(name, 1)
    found, at, pages = set(), "", 0
    while pages == 0 or at:
        page, at = clusters.scan(stores.redis, at, match="*:scanned", count=10)
        found |= {raw.decode() for raw in page}
        pages += 1
    assert found == names
    assert pages > NODES
    stores.redis.delete(*names)


def test_slots_that_move_to_another_node_are_followed(stores: Stores, cluster: Cluster) -> None:
    key = f"{keys.PREFIX}:{{moving}}:it"
    stores.redis.set(key, "here")
    with stores.redis.pipeline() as pipe:
        pipe.get(key)
        assert pipe.execute() == [b"here"]
    cluster.move(key)
    assert stores.redis.get(key) == b"here"
    with stores.redis.pipeline() as pipe:
        pipe.get(key).set(key, "there")
        assert pipe.execute() == [b"here", True]
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.get(key)
        assert pipe.execute() == [b"there"]


def test_what_is_just_being_moved_to_a_new_node_is_found_there(
    stores: Stores, cluster: Cluster, tmp_path: Path
) -> None:
    key = f"{keys.PREFIX}:{{growing}}:it"
    stores.redis.set(key, "here")
    node = cluster.join(tmp_path, "new")
    try:
        cluster.begin_move(key, node)
        assert stores.redis.get(key) == b"here"
        with stores.redis.pipeline(transaction=False) as pipe:
            pipe.get(key).append(key, " and there").get(f"{key} not")
            assert pipe.execute() == [b"here", 14, None]
        with node.client() as client:  # it never has more than this slot, and goes again
            client.execute_command("ASKING")
            client.delete(key)
        for each in cluster.nodes:
            each.ask("SETSLOT", key_slot(key.encode()), "STABLE")
            each.ask("FORGET", node.id)
    finally:
        node.kill()
        for each in cluster.nodes:
            each.ask("FORGET", node.id)


def test_an_index_whose_slot_moves_is_made_on_the_other_node(stores: Stores, cluster: Cluster, stack: Stack) -> None:
    index = keys.message_index(0)
    cluster.move(index)
    assert index in [each.name for each in hot.missing(stores)]
    wait_until(lambda: not hot.missing(stores), SECONDS, "the sync to make it")
    stack.wait_web()


def test_nothing_is_accepted_that_no_replica_has_where_one_must(
    stores: Stores, client: Client, cluster: Cluster
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    node = cluster.owner_of(keys.accepted_key(partitions.of_people(stores, ada.id, ben.id)))
    (replica,) = [each for each in cluster.nodes if each.primary_port == node.port]
    body = {"receiverId": ben.id, "text": "hello", "clientId": "once"}
    replica.signal(signal.SIGSTOP)  # the node goes on sending to it, and has to look what it has got
    try:
        for _ in range(2):
            assert ada.request("POST", "/chat", json=body).status_code == 503
    finally:
        replica.signal(signal.SIGCONT)
    replica.kill()
    wait_until(lambda: not node.has_replica, SECONDS, "the node to notice")
    assert ada.request("POST", "/chat", json=body).status_code == 503
    cluster.restart()
    again = ada.call("POST", "/chat", 202, json=body)
    wait_until(lambda: [each["_id"] for each in ben.history(ada)] == [again["_id"]], SECONDS, "the one message")


def test_what_the_replicas_have_after_a_second_attempt_is_replicated(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster: Any = stores.redis
    send, attempts = cluster._send, itertools.count()

    def lose_the_first_replies(commands: Any, beside: int, replicas: int) -> Any:
        replies, waited = send(commands, beside, replicas)
        return ([NoReply()] * len(replies), [False] * len(waited)) if next(attempts) == 0 else (replies, waited)

    monkeypatch.setattr(cluster, "_send", lose_the_first_replies)
    names = [f"of-{number}" for number in range(9)]
    try:
        replies, is_replicated = cluster.run_replicated([(("SET", name, "1"), {}) for name in names], 1)
        assert (set(map(bool, replies)), is_replicated, next(attempts)) == ({True}, True, 2)
    finally:
        cluster.delete(*names)


def test_a_node_that_refuses_writes_is_told_and_awaited(
    stack: Stack, stores: Stores, client: Client, cluster: Cluster
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    key = keys.accepted_key(partitions.of_people(stores, ada.id, ben.id))
    with cluster.owner_of(key).client() as node:
        node.config_set("maxmemory", 1)
        wait_until(lambda: not stack.ready(), SECONDS, "/readyz to tell")
        assert "redis" in client.http.get(f"{stack.url}/readyz", timeout=SECONDS).json()["detail"]
        assert ada.request("POST", "/chat", json={"receiverId": ben.id, "text": "now?"}).status_code == 503
        node.config_set("maxmemory", 0)
    stack.wait_web()
    body = {"receiverId": ben.id, "text": "and now", "clientId": "and now"}
    wait_until(lambda: ada.request("POST", "/chat", json=body).ok, SECONDS, "the web process to take messages again")
    socket.wait_for_frame("application:messages", lambda data: data["text"] == "and now", timeout=SECONDS)


def test_where_nobody_may_look_at_the_links_frames_count_as_lost_again_and_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = cluster.primaries[0]
    with node.client() as owner:
        owner.acl_setuser("blind", enabled=True, nopass=True, categories=["+@all"], commands=["-cluster"], keys=["*"])
    with Redis(port=node.port, username="blind", password="", retry=None) as blind:
        bus = Bus(blind)
        assert bus.look() is State.BROKEN
        monkeypatch.setattr(bus, "_again", 0.0)
        assert bus.look() is State.RENEWED
        bus.accept()
        assert bus.look() is State.BROKEN
    with node.client() as sighted:
        assert Bus(sighted).look() is State.WHOLE


def test_a_cluster_that_is_away_is_as_a_redis_that_is_away(stores: Stores) -> None:
    nowhere = stores.settings.model_copy(update={"redis_url": "redis+cluster://127.0.0.1:9,127.0.0.1:10"})
    with connect_redis(nowhere) as redis:
        for call in (lambda: redis.get("a"), redis.nodes, redis.pubsub, lambda: redis.pipeline().get("a").execute()):
            with pytest.raises(NoConnection):
                call()
