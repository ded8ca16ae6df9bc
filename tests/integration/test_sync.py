"""The sync neither drops nor duplicates anything, whatever is lost and however often it runs."""

from dataclasses import replace
from typing import Any

import pytest

from chat import ids
from chat.messages import conversations, editing, history, search, storing
from chat.messages import log as accepted_log
from chat.people import sessions
from chat.store import clock, hot, keys, partitions
from chat.store.cluster import nodes
from chat.store.connection import Stores
from chat.upkeep import ageing, bringing, reindex, sync
from chat.voice import turns
from tests.people import archive_only, change, drain, key_of, log_of, partition_of, said, send, someone


def rounds(stores: Stores) -> None:
    while sync.run(stores):
        pass


def test_a_lost_redis_is_rebuilt_from_the_archive(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    sent = [send(stores, anna, bert, f"apple {n}", f"client {n}") for n in range(450)]
    drain(stores)
    conversations.mark_read(stores, bert, anna, sent[439]["_id"])
    rounds(stores)
    before = history.recent(stores, bert, anna), conversations.list_conversations(stores, bert, 10, None)
    stores.redis.flushdb()
    rounds(stores)
    assert (history.recent(stores, bert, anna), conversations.list_conversations(stores, bert, 10, None)) == before
    assert before[1][0]["unread"] == 10
    assert send(stores, anna, bert, "apple 3", "client 3")["_id"] == sent[3]["_id"]
    assert search.ready(stores)


def test_a_rebuild_brings_back_the_hot_window_and_nothing_older(stores: Stores, pair: tuple[str, str]) -> None:
    old = archive_only(stores, pair, 5)
    new = [send(stores, *pair, f"new {n}", f"client {n}")["_id"] for n in range(3)]
    drain(stores)
    rounds(stores)
    stores.redis.flushdb()
    rounds(stores)
    conversation = partitions.conversation_key(stores, ids.conversation_id(*pair))
    assert [raw.decode() for raw in stores.redis.zrange(conversation, 0, -1)] == new
    assert not stores.redis.exists(
        *[key_of(stores, each["_id"]) for each in stores.mongo.messages.find({"text": {"$in": old}})]
    )
    window = stores.settings.hot_window_days * 86_400
    assert 0 < stores.redis.ttl(keys.client_key(partition_of(stores, pair), pair[0], "client 0")) <= window


def test_a_rebuild_that_was_killed_goes_on_where_it_was(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(9):
        send(stores, *pair, f"{n}")
    drain(stores)
    rounds(stores)
    stores.redis.flushdb()
    monkeypatch.setattr(sync, "PAGE", 2)
    monkeypatch.setattr(sync, "ROUND_SECONDS", 0.0)  # a page a round
    counts = []
    while sync.run(stores):
        counts.append(stores.redis.zcard(partitions.conversation_key(stores, ids.conversation_id(*pair))))
        assert counts[-1] < 9 or stores.redis.exists(keys.HOT_REBUILD)
        newest = history.recent(stores, *pair)[-1:]
        assert said(newest) == ["8"]
    assert [count for count in counts if count][:4] == [2, 4, 6, 8], "the newest first"
    assert not stores.redis.exists(keys.HOT_REBUILD)
    assert said(history.recent(stores, *pair)) == [f"{n}" for n in range(9)]


def test_conversations_keep_their_order_when_redis_is_rebuilt(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    carl, dora = someone(stores, "carl"), someone(stores, "dora")
    for sender, receiver in ((bert, anna), (anna, carl), (dora, anna), (anna, bert), (carl, anna), (anna, bert)):
        send(stores, sender, receiver, "hello")
        drain(stores)  # takes long enough for each to have a time of its own
    newest = stores.redis.zrange(keys.conversations_key(anna), 0, -1, withscores=True)
    rounds(stores)
    before = [row["partner"]["_id"] for row in conversations.list_conversations(stores, anna, 10, None)]
    assert before == [bert, carl, dora]
    for listed in (True, False):
        if not listed:
            stores.mongo.conversations.delete_many({})  # the messages of the window alone bring it back
        stores.redis.flushdb()
        rounds(stores)
        rows = conversations.list_conversations(stores, anna, 10, None)
        assert [row["partner"]["_id"] for row in rows] == before
        assert stores.redis.zrange(keys.conversations_key(anna), 0, -1, withscores=True) == newest
        for partner in before:
            assert stores.redis.zrange(keys.conversations_key(partner), 0, -1) == [anna.encode()]


def test_a_rebuild_leaves_what_redis_has_as_it_is(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert = pair
    sent = [send(stores, anna, bert, f"{n}", f"client {n}")["_id"] for n in range(3)]
    drain(stores)
    rounds(stores)
    stores.mongo.messages.update_one({"_id": sent[0]}, {"$set": {"status": "transcribing"}})
    stores.mongo.cursors.insert_one(
        {"_id": ids.cursor_id(ids.conversation_id(*pair), bert), "reader": bert, "upTo": sent[0]}
        | {"conversation": ids.conversation_id(*pair)}
    )
    conversations.mark_read(stores, bert, anna, sent[1])
    change(stores, sent[2], {"text": "changed"})
    change(stores, sent[0], {"status": "transcribing"})
    stores.redis.zadd(keys.TRANSCRIPTIONS, {sent[0]: 4_000_000_000_000})  # its next attempt is due then
    known = keys.client_key(partition_of(stores, pair), anna, "client 1")
    stores.redis.set(known, "another receipt")
    stores.redis.delete(keys.HOT_COMPLETE)
    monkeypatch.setattr(storing, "flush", lambda *_: 0)  # the archive lacks the changes while it is read
    rounds(stores)
    assert said(history.recent(stores, *pair)) == ["0", "1", "changed"]
    assert stores.redis.zscore(keys.TRANSCRIPTIONS, sent[0]) == 4_000_000_000_000
    assert stores.redis.get(known) == b"another receipt"
    assert conversations.list_conversations(stores, bert, 10, None)[0]["unread"] == 1


def test_a_cursor_that_moves_during_the_flush_is_brought_the_next_time(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert = pair
    sent = [send(stores, anna, bert, f"{n}")["_id"] for n in range(2)]
    drain(stores)
    conversations.mark_read(stores, bert, anna, sent[0])
    clear = stores.scripts.clear_outbox_fields

    def move_and_clear(**call: Any) -> Any:
        conversations.mark_read(stores, bert, anna, sent[1])
        return clear(**call)

    with monkeypatch.context() as patched:
        patched.setattr(stores.scripts, "clear_outbox_fields", move_and_clear)
        sync.run(stores)
    assert stores.mongo.cursors.find_one({})["upTo"] == sent[0]
    assert stores.redis.hlen(keys.cursors_outbox_key(partition_of(stores, pair))) == 1
    rounds(stores)
    assert stores.mongo.cursors.find_one({})["upTo"] == sent[1]
    assert stores.redis.hlen(keys.cursors_outbox_key(partition_of(stores, pair))) == 0


def test_a_person_who_changed_meanwhile_is_not_put_back_as_they_were(stores: Stores, pair: tuple[str, str]) -> None:
    old = stores.mongo.users.find_one({"_id": pair[0]})
    hot.save_user(stores, {**old, "username": "anna the second", "revision": 2})
    hot.save_user(stores, old)
    (found,) = hot.read_json(stores.redis, [keys.user_key(pair[0])])
    assert (found["username"], found["revision"]) == ("anna the second", 2)
    names = stores.redis.zrange(keys.NAMES, 0, -1)
    assert [keys.user_of_name_member(member) for member in names].count(pair[0]) == 1


def test_new_messages_sort_after_all_archived_ones_also_when_redis_was_lost(
    stores: Stores, pair: tuple[str, str]
) -> None:
    future = 10**6
    last = send(stores, *pair, "from a clock that runs ahead")
    stores.redis.flushdb()
    rounds(stores)
    archived = f"{sync.ids.now_ms() + future}-0"
    stores.mongo.messages.insert_one(
        {**last, "_id": sync.ids.message_id(archived, "0" * 16), "conversation": ids.conversation_id(*pair)}
    )
    stores.redis.flushdb()
    rounds(stores)
    assert send(stores, *pair, "now")["_id"] > sync.ids.message_id(archived, "0" * 16)


def test_a_message_changed_before_the_rebuild_does_not_go_after_a_while(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "old")
    drain(stores)
    rounds(stores)
    stores.redis.flushdb()
    editing.edit(stores, pair[0], message["_id"], "new")
    assert stores.redis.ttl(key_of(stores, message["_id"])) > 0
    rounds(stores)
    assert stores.redis.ttl(key_of(stores, message["_id"])) == -1
    assert said(history.recent(stores, *pair)) == ["new"]


def test_a_rebuilt_inbox_counts_what_is_unread_and_not_deleted(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    sent = [send(stores, anna, bert, f"{n}")["_id"] for n in range(4)]
    drain(stores)
    editing.delete(stores, anna, sent[0])
    rounds(stores)
    stores.redis.flushdb()
    editing.edit(stores, anna, sent[1], "edited while Redis was empty")
    editing.delete(stores, anna, sent[2])
    rounds(stores)
    assert conversations.list_conversations(stores, bert, 10, None)[0]["unread"] == 2


def test_a_voice_message_changed_before_the_rebuild_is_still_transcribed(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "caption")
    drain(stores)
    rounds(stores)
    stores.mongo.messages.update_one({"_id": message["_id"]}, {"$set": {"status": "transcribing"}})
    stores.redis.flushdb()
    editing.edit(stores, pair[0], message["_id"], "better caption")
    rounds(stores)
    assert turns.due(stores) == [message["_id"]]


def names_kept(stores: Stores) -> list[str]:
    """The names of all keys but those of counters, which go by themselves."""
    return sorted(name for raw in stores.redis.scan_iter("*") if not (name := raw.decode()).startswith(keys.LIMITS))


def test_syncing_twice_changes_nothing(stores: Stores, pair: tuple[str, str]) -> None:
    for n in range(20):
        send(stores, *pair, f"{n}")
    drain(stores)
    rounds(stores)
    kept = names_kept(stores)
    documents = list(stores.mongo.messages.find().sort("_id", 1))
    stores.redis.delete(keys.HOT_COMPLETE)
    rounds(stores)
    assert names_kept(stores) == kept
    assert list(stores.mongo.messages.find().sort("_id", 1)) == documents


def test_the_archive_catches_up_with_what_it_missed(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "while MongoDB was away")
    entry = stores.redis.xrange(log_of(stores, pair))[0]
    drafts = sync.storing.store_hot(
        stores, [accepted_log.parse_entry(entry).message]
    )  # as the drainer does, but for the archive
    assert storing.waiting_for_archive(stores) == 1
    rounds(stores)
    assert storing.waiting_for_archive(stores) == 0
    assert stores.mongo.messages.find_one({"_id": message["_id"]})["text"] == drafts[0].message["text"]


def test_a_change_during_the_flush_stays_in_the_outbox(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "one")
    drain(stores)
    change(stores, message["_id"], {"text": "two"})
    stale = storing.hot.read_messages(stores, [message["_id"]])
    change(stores, message["_id"], {"text": "three"})
    storing.confirm(stores, [found for found in stale if found])
    assert stores.redis.zscore(keys.outbox_key(partition_of(stores, pair)), message["_id"]) == 3
    storing.flush(stores)
    assert stores.mongo.messages.find_one({"_id": message["_id"]})["text"] == "three"


def test_ageing_takes_only_what_the_archive_has_and_leaves_no_gap(stores: Stores, pair: tuple[str, str]) -> None:
    brief = stores.settings.model_copy(update={"hot_window_days": 10_000})
    wide = replace(stores, settings=brief)
    old = archive_only(stores, pair, 30)
    new = [send(stores, *pair, f"new {n}")["text"] for n in range(5)]
    drain(stores)
    rounds(wide)
    key = partitions.conversation_key(stores, ids.conversation_id(*pair))
    assert stores.redis.zcard(key) == 35
    victim = stores.mongo.messages.find_one({"text": old[4]})
    stores.redis.zadd(keys.outbox_key(partition_of(stores, pair)), {victim["_id"]: 9})
    assert ageing.age(stores) == 4  # up to the first one in the outbox, so that no gap appears
    assert stores.redis.zcard(key) == 31
    assert said(history.recent(stores, *pair)) == old[4:] + new
    stores.redis.zrem(keys.outbox_key(partition_of(stores, pair)), victim["_id"])
    assert ageing.age(stores) == 26
    assert not stores.redis.exists(key_of(stores, victim["_id"]))
    assert said(history.recent(stores, *pair)) == new


@pytest.mark.parametrize("kind", ["conversation", "cursors", "message"])
def test_no_client_id_looks_like_what_the_upkeep_goes_through(stores: Stores, pair: tuple[str, str], kind: str) -> None:
    """It is the end of a key, and the beginning of that matches the pattern."""
    sent = send(stores, *pair, "hello", f"}}:{kind}:{ids.conversation_id(*pair)}")["_id"]
    drain(stores)
    conversations.mark_read(stores, pair[1], pair[0], sent)
    assert reindex.reindex(stores) == 0
    for step in bringing.STEPS.values():
        assert step(stores, "") == ""
    brief = stores.settings.model_copy(update={"hot_window_days": -1})
    assert ageing.age(replace(stores, settings=brief)) == 1


def test_a_change_while_a_message_ages_is_not_lost(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send(stores, *pair, "before")["_id"]
    drain(stores)
    brief = stores.settings.model_copy(update={"hot_window_days": -1})
    later = replace(stores, settings=brief)
    drop = ageing._drop

    def change_and_drop(*arguments: Any) -> int:
        change(stores, message, {"text": "after"})
        return drop(*arguments)

    monkeypatch.setattr(ageing, "_drop", change_and_drop)
    assert ageing.age(later) == 0
    storing.flush(stores)
    assert stores.mongo.messages.find_one({"_id": message})["text"] == "after"
    monkeypatch.undo()
    assert ageing.age(later) == 1


def test_an_old_message_stays_for_its_time_after_a_change(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "before")["_id"]
    drain(stores)
    stores.redis.expire(key_of(stores, message), 2)  # loaded a week ago
    change(stores, message, {"text": "after"})
    assert stores.redis.ttl(key_of(stores, message)) > 1_000


def test_a_conversation_of_long_ago_stays_in_both_lists(stores: Stores, pair: tuple[str, str]) -> None:
    sent = send(stores, *pair, "see you in autumn")["_id"]
    drain(stores)
    brief = stores.settings.model_copy(update={"hot_window_days": -1})  # everything is of long ago
    later = replace(stores, settings=brief)
    assert ageing.age(later) == 1
    for lost in (False, True):
        if lost:
            stores.redis.flushdb()
            rounds(later)
        for person, partner in (pair, pair[::-1]):
            (row,) = conversations.list_conversations(stores, person, 10, None)
            assert (row["partner"]["_id"], row["lastMessage"]["_id"]) == (partner, sent)
            assert conversations.list_conversations(stores, person, 10, sent) == []


def test_one_sync_runs_at_a_time(stores: Stores) -> None:
    stores.redis.set(keys.lock_key("sync"), "someone else", ex=60)
    assert sync.run(stores) is False
    assert not stores.redis.exists(keys.HOT_COMPLETE)


def test_the_later_end_of_sessions_counts_also_where_it_is_forgotten_earlier(
    stores: Stores, pair: tuple[str, str]
) -> None:
    sessions.end_all(stores, pair[0])
    sync.run(stores)
    issued = clock.now_ms(stores.redis)
    shorter = replace(stores, settings=stores.settings.model_copy(update={"token_lifetime": 600}))
    sessions.end_all(shorter, pair[0])
    assert not sessions.is_valid(stores, pair[0], "stolen", issued)
    sync.run(stores)
    for node in nodes(stores.redis):
        node.flushall()
    hot.migrate(stores)
    assert not sessions.is_valid(stores, pair[0], "stolen", issued), "the archive knows"
    for _ in range(3):
        sync.run(stores)
    assert not sessions.is_valid(stores, pair[0], "stolen", issued), "and tells Redis"
