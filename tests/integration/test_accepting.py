"""Promises of accepting a message and of draining the log, on the real stores."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from chat import ids
from chat.errors import Invalid, NotFound, Unavailable
from chat.messages import history, sending, storing
from chat.messages import log as accepted_log
from chat.messages.log import Draft
from chat.store import keys
from chat.store.connection import Stores
from tests.people import change, drain, nobody_to_wake, said, send, someone


@pytest.fixture
def pair(stores: Stores) -> tuple[str, str]:
    return someone(stores, "anna"), someone(stores, "bert")


def test_an_accepted_message_is_in_both_stores_once_drained(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    message = send(stores, anna, bert, "hello")
    assert message["status"] == "accepted"
    drain(stores)
    assert [found["_id"] for found in history.recent(stores, bert, anna)] == [message["_id"]]
    assert stores.mongo.messages.count_documents({"_id": message["_id"]}) == 1
    assert stores.redis.zcard(keys.OUTBOX) == 0
    assert stores.redis.xlen(keys.ACCEPTED) == 0


def test_ten_posts_of_one_client_id_at_once_make_one_message(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda _: send(stores, anna, bert, "once", "same"), range(10)))
    assert len({message["_id"] for message in made}) == 1
    drain(stores)
    assert said(history.recent(stores, anna, bert)) == ["once"]
    assert send(stores, anna, bert, "once", "same")["_id"] == made[0]["_id"]


def test_a_call_the_redis_client_repeats_makes_one_message(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    accept = stores.scripts.accept_message

    def lose_the_first_answer(**call: object) -> object:
        accept(**call)
        return accept(**call)  # as redis-py does when the connection breaks before the answer has come

    monkeypatch.setattr(stores.scripts, "accept_message", lose_the_first_answer)
    stores.redis.set(keys.ACCEPTED_WAKING, "1")
    message = send(stores, *pair, "once")
    assert stores.redis.xlen(keys.ACCEPTED) == 1
    drain(stores)
    assert [found["_id"] for found in history.recent(stores, *pair)] == [message["_id"]]


def test_the_same_client_id_of_another_sender_is_another_message(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    assert send(stores, anna, bert, "one", "same")["_id"] != send(stores, bert, anna, "two", "same")["_id"]


def test_ids_sort_as_accepted_also_within_a_millisecond(stores: Stores, pair: tuple[str, str]) -> None:
    made = [send(stores, *pair, f"{n}")["_id"] for n in range(300)]
    assert made == sorted(made)
    drain(stores)
    assert said(history.recent(stores, *pair)) == [f"{n}" for n in range(100, 300)]


def test_entries_of_a_dead_drainer_are_taken_first_and_not_doubled(stores: Stores, pair: tuple[str, str]) -> None:
    send(stores, *pair, "first")
    accepted_log.create_group(stores)
    taken = stores.redis.xreadgroup(keys.ACCEPTED_GROUP, accepted_log.CONSUMER, {keys.ACCEPTED: ">"})
    assert taken
    send(stores, *pair, "second")
    drain(stores)
    assert said(history.recent(stores, *pair)) == ["first", "second"]
    assert stores.mongo.messages.count_documents({}) == 2


def test_draining_twice_neither_doubles_nor_undoes_a_change(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "before")
    entry = stores.redis.xrange(keys.ACCEPTED)[0]
    drain(stores)
    change(stores, message["_id"], {"text": "after"})
    stores.redis.xadd(keys.ACCEPTED, entry[1])  # the same draft once more would be another message
    again = accepted_log.parse_entry(entry).message
    assert storing.store_hot(stores, [again])[0]["text"] == "after"
    storing.flush(stores)
    storing.store_archive(stores, [again])
    assert stores.mongo.messages.find_one({"_id": message["_id"]})["text"] == "after"


def test_archiving_twice_takes_no_message_for_its_own_double(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "once", "client")
    drain(stores)
    found = storing.hot.read_messages(stores.redis, [message["_id"]])
    stored, doubled = storing.store_archive(stores, [each for each in found if each])
    assert [each["_id"] for each in stored] == [message["_id"]]
    assert doubled == []


def test_messages_can_be_sharded_by_conversation(stores: Stores, pair: tuple[str, str]) -> None:
    # What a sharded cluster demands: https://www.mongodb.com/docs/manual/core/sharding-shard-key/#unique-indexes
    unique = [each["key"] for each in stores.mongo.messages.index_information().values() if each.get("unique")]
    assert unique
    assert all(key[0][0] == "conversation" for key in unique)
    stores.mongo.command("profile", 2)
    try:
        send(stores, *pair, "once", "client")
        drain(stores)
    finally:
        stores.mongo.command("profile", 0)
    upserts = list(stores.mongo["system.profile"].find({"ns": f"{stores.mongo.name}.messages", "op": "update"}))
    stores.mongo["system.profile"].drop()
    assert upserts
    assert all("conversation" in each["command"]["q"] for each in upserts)


def test_what_too_few_members_of_mongodb_have_is_not_taken_for_archived(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "_archive_conversations", lambda *_: None)  # which would fail too, as it happens
    sent = send(stores, *pair, "once")["_id"]
    drain(stores)
    few = stores.mongo.with_options(write_concern=WriteConcern(w=5, wtimeout=50))  # there is one
    lonely = replace(stores, mongo=few)
    found = storing.hot.read_messages(stores.redis, [sent])
    with pytest.raises(PyMongoError):
        storing.store_archive(lonely, [each for each in found if each])


def test_a_full_log_refuses_and_accepts_nothing(stores: Stores, pair: tuple[str, str]) -> None:
    small = stores.settings.model_copy(update={"accepted_limit": 3})
    bounded = replace(stores, settings=small)
    for n in range(3):
        send(bounded, *pair, f"{n}")
    with pytest.raises(Unavailable):
        send(bounded, *pair, "too much")
    drain(stores)
    assert len(history.recent(stores, *pair)) == 3


def test_without_a_queue_nothing_is_accepted(stores: Stores, pair: tuple[str, str]) -> None:
    def broker_is_away() -> None:
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        sending.accept(stores, Draft(*pair, "lost?"), broker_is_away)
    assert stores.redis.xlen(keys.ACCEPTED) == 0
    assert sending.accept(stores, Draft(*pair, "kept"), nobody_to_wake)["text"] == "kept"


def test_a_drainer_is_woken_once_while_one_is_on_its_way(stores: Stores, pair: tuple[str, str]) -> None:
    woken: list[int] = []
    for n in range(5):
        sending.accept(stores, Draft(*pair, f"{n}"), lambda: woken.append(1))
    assert woken == [1]
    drain(stores)
    sending.accept(stores, Draft(*pair, "later"), lambda: woken.append(1))
    assert woken == [1, 1]


def test_unknown_receivers_and_empty_messages_are_refused(stores: Stores, pair: tuple[str, str]) -> None:
    with pytest.raises(NotFound):
        send(stores, pair[0], ids.floor(1), "hello")
    with pytest.raises(Invalid):
        send(stores, *pair, "  \n")
    with pytest.raises(Invalid):
        send(stores, pair[0], pair[0], "note to self")


def test_a_receiver_redis_has_forgotten_is_still_known(stores: Stores, pair: tuple[str, str]) -> None:
    stores.redis.delete(keys.user_key(pair[1]))
    assert send(stores, *pair, "hello")["text"] == "hello"


def test_a_client_id_redis_has_forgotten_still_makes_no_second_message(stores: Stores, pair: tuple[str, str]) -> None:
    first = send(stores, *pair, "once", "same")
    drain(stores)
    stores.redis.flushdb()
    stores.redis.ping()
    send(stores, *pair, "once", "same")
    drain(stores)
    assert stores.mongo.messages.count_documents({}) == 1
    assert first["_id"] in [found["_id"] for found in history.recent(stores, *pair)]
    assert len(history.recent(stores, *pair)) == 1
