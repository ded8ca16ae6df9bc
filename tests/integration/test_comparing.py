"""A store restored from a backup gets from the other one what it lacks, and nothing that was erased comes back.

A copy of either store is taken and put back here as an operator would: all documents of MongoDB, all keys of Redis.
"""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from chat import audio, ids
from chat.audio import chunks
from chat.errors import NotFound, Unauthorized
from chat.messages import conversations, editing, history
from chat.people import accounts, sessions
from chat.people.passwords import Passwords
from chat.store import keys
from chat.store.connection import Stores
from chat.upkeep import bringing, comparing, erasure, sync
from tests.people import archive_only, drain, said, send, send_voice, someone

PASSWORD = "correct horse battery"
Copy = Callable[[], None]


def rounds(stores: Stores) -> None:
    while sync.run(stores):
        pass


def talk(stores: Stores, sender: str, receiver: str, *texts: str) -> list[str]:
    sent = [send(stores, sender, receiver, text)["_id"] for text in texts]
    drain(stores)
    rounds(stores)
    return sent


def copy_of_archive(stores: Stores) -> Copy:
    """Copies MongoDB; the result restores the copy."""
    kept = {name: list(stores.mongo[name].find()) for name in stores.mongo.list_collection_names()}

    def restore() -> None:
        for name in stores.mongo.list_collection_names():
            stores.mongo[name].delete_many({})
            if documents := kept.get(name):
                stores.mongo[name].insert_many(documents)

    return restore


def copy_of_redis(stores: Stores) -> Copy:
    """Copies Redis; the result restores the copy."""
    kept = [(key, stores.redis.dump(key), max(0, stores.redis.pexpiretime(key))) for key in stores.redis.scan_iter("*")]

    def restore() -> None:
        stores.redis.flushdb()
        for key, value, expires in kept:
            if value is not None:  # or it expired while it was copied
                stores.redis.restore(key, expires, value, absttl=True)
        assert not stores.redis.exists(keys.lock_key("sync"))

    return restore


def archived(stores: Stores, *people: str) -> list[str]:
    return [each["text"] for each in stores.mongo.messages.find({"senderId": {"$in": people}}).sort("_id")]


def test_an_older_archive_gets_what_only_redis_has(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    edited, deleted, *_ = talk(stores, anna, bert, "to be edited", "to be deleted", "kept")
    restore = copy_of_archive(stores)
    editing.edit(stores, anna, edited, "edited")
    editing.delete(stores, anna, deleted)
    carl = someone(stores, "carl")
    accounts.update(stores, Passwords(), bert, accounts.Changes(bio="a new one"), "")
    sessions.end(stores, anna, "a token", 3_600)
    last = talk(stores, anna, bert, *(f"new {n}" for n in range(353)))[-1]
    talk(stores, carl, bert, "I am new here")
    conversations.mark_read(stores, bert, anna, last)
    rounds(stores)
    whole = {name: list(stores.mongo[name].find().sort("_id")) for name in ("messages", "cursors", "sessions")}
    before, lists = history.recent(stores, bert, anna), conversations.list_conversations(stores, bert, 9, None)

    restore()
    with capture_logs() as logged:
        rounds(stores)

    for name, documents in whole.items():
        assert list(stores.mongo[name].find().sort("_id")) == documents, name
    assert stores.mongo.users.find_one({"_id": carl})["usernameKey"] == "carl"
    assert stores.mongo.users.find_one({"_id": bert})["bio"] == "a new one"
    assert history.recent(stores, bert, anna) == before
    assert conversations.list_conversations(stores, bert, 9, None) == lists
    assert bringing.brought(stores) == {
        "to_archive": 356,
        "to_redis": 0,
        "people": 2,
        "erased": 0,
        "recordings_lost": 0,
    }
    (said_so,) = [each for each in logged if each["event"] == "sync.compared"]
    assert (said_so["to_archive"], said_so["people"]) == (356, 2)
    with capture_logs() as logged:
        rounds(stores)
    assert not logged, "once is enough"


def test_an_older_redis_gets_what_only_the_archive_has(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    edited, deleted, *_ = talk(stores, anna, bert, "to be edited", "to be deleted", "kept")
    sessions.end_all(stores, anna)
    rounds(stores)
    restore = copy_of_redis(stores)
    editing.edit(stores, anna, edited, "edited")
    editing.delete(stores, anna, deleted)
    carl = someone(stores, "carl")
    accounts.update(stores, Passwords(), bert, accounts.Changes(bio="a new one"), "")
    sessions.end_all(stores, anna)
    ended = stores.redis.get(keys.sessions_key(anna))
    last = talk(stores, anna, bert, *(f"new {n}" for n in range(30)))[9]
    talk(stores, carl, bert, "I am new here")
    conversations.mark_read(stores, bert, anna, last)
    rounds(stores)
    before, lists = history.recent(stores, bert, anna), conversations.list_conversations(stores, bert, 9, None)
    documents = list(stores.mongo.messages.find().sort("_id"))

    restore()
    assert history.recent(stores, bert, anna) != before
    rounds(stores)

    assert history.recent(stores, bert, anna) == before
    assert conversations.list_conversations(stores, bert, 9, None) == lists
    assert {row["partner"]["_id"]: row["unread"] for row in lists} == {anna: 20, carl: 1}
    assert accounts.get(stores, bert)["bio"] == "a new one"
    assert stores.redis.get(keys.sessions_key(anna)) == ended
    assert list(stores.mongo.messages.find().sort("_id")) == documents
    assert bringing.brought(stores)["to_redis"] >= 33
    assert send(stores, anna, bert, "now")["_id"] > before[-1]["_id"]


@pytest.mark.parametrize("store", ["archive", "redis"])
def test_a_deleted_account_does_not_come_back(stores: Stores, store: str) -> None:
    passwords = Passwords()
    anna = accounts.sign_up(stores, passwords, "anna@example.org", "Anna", PASSWORD)["_id"]
    bert = someone(stores, "bert")
    voice = send_voice(stores, anna, bert)["_id"]
    talk(stores, anna, bert, "a secret")
    recording = stores.mongo.messages.find_one({"_id": voice})["audioFileId"]
    restore = copy_of_archive(stores) if store == "archive" else copy_of_redis(stores)
    erasure.leave(stores, passwords, anna, PASSWORD)
    past = {"$set": {"due": ids.timestamp(0), "settles": ids.timestamp(0)}}
    stores.mongo.erasures.update_many({}, past)
    erasure.run(stores)
    assert not stores.mongo.erasures.count_documents({})
    rounds(stores)

    restore()
    rounds(stores)
    erasure.run(stores)
    rounds(stores)

    assert bringing.brought(stores)["erased"] == 1
    with pytest.raises(Unauthorized):
        accounts.log_in(stores, passwords, "anna@example.org", PASSWORD, str)
    with pytest.raises(NotFound):
        accounts.get(stores, anna)
    assert archived(stores, anna) == ["", ""]
    assert said(history.recent(stores, bert, anna)) == ["", ""]
    assert not stores.mongo[chunks.FILES].count_documents({"_id": recording})
    assert not accounts.list_people(stores, "", "anna", 10, 0)


def test_a_recording_deleted_since_the_backup_is_erased_again(stores: Stores, pair: tuple[str, str]) -> None:
    voice = send_voice(stores, *pair)["_id"]
    talk(stores, *pair, "with it")
    recording = stores.mongo.messages.find_one({"_id": voice})["audioFileId"]
    restore = copy_of_archive(stores)
    editing.delete(stores, pair[0], voice)
    rounds(stores)
    audio.sweep_unclaimed(stores)
    assert not stores.mongo[chunks.FILES].count_documents({"_id": recording})

    restore()
    rounds(stores)
    audio.sweep_unclaimed(stores)

    assert "deletedAt" in stores.mongo.messages.find_one({"_id": voice})
    assert not stores.mongo[chunks.FILES].count_documents({"_id": recording})


def test_a_recording_that_only_the_lost_archive_had_is_reported(stores: Stores, pair: tuple[str, str]) -> None:
    talk(stores, *pair, "first")
    restore = copy_of_archive(stores)
    voice = send_voice(stores, *pair, "a caption")["_id"]
    talk(stores, *pair, "last")
    restore()
    rounds(stores)
    assert stores.mongo.messages.find_one({"_id": voice})["text"] == "a caption"
    assert bringing.brought(stores)["recordings_lost"] == 1


def test_a_comparison_that_was_killed_goes_on_where_it_was(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(stores, *pair, "first")
    restore = copy_of_archive(stores)
    talk(stores, *pair, *(f"{n}" for n in range(60)))
    restore()
    monkeypatch.setattr(bringing, "PAGE", 5)
    monkeypatch.setattr(sync, "ROUND_SECONDS", 0.0)  # a page a round
    counts: list[int] = []
    while sync.run(stores):
        counts.append(stores.mongo.messages.count_documents({}))
        assert stores.redis.exists(keys.HOT_COMPLETE) or counts[-1] == 61, "Redis is read until the archive has all"
    assert len(set(counts)) > 3, "page by page"
    assert archived(stores, *pair) == ["first", *(f"{n}" for n in range(60))]


def test_nothing_is_compared_while_the_stores_agree(stores: Stores, pair: tuple[str, str]) -> None:
    """Also not when a round was killed between leaving its mark in one store and in the other."""
    talk(stores, *pair, "hello")
    archive_only(stores, pair, 3)
    real = stores.mongo.marks.find_one({})["mark"]
    comparing.renew_mark(stores)
    stores.mongo.marks.update_one({}, {"$set": {"mark": real}})
    assert comparing.difference(stores) == ""


@pytest.mark.parametrize("what", ["message", "edit"])
def test_a_copy_from_within_the_last_round_is_noticed_too(stores: Stores, pair: tuple[str, str], what: str) -> None:
    (first,) = talk(stores, *pair, "first")
    restore = copy_of_archive(stores)
    mark: dict[str, Any] = stores.mongo.marks.find_one({})
    if what == "message":
        send(stores, *pair, "second")
        drain(stores)
    else:
        editing.edit(stores, pair[0], first, "edited")
        sync.storing.flush(stores)
    whole = list(stores.mongo.messages.find().sort("_id"))
    restore()
    assert stores.mongo.marks.find_one({}) == mark
    rounds(stores)
    assert list(stores.mongo.messages.find().sort("_id")) == whole


def test_a_message_that_redis_lost_with_its_last_second_is_brought_back(stores: Stores, pair: tuple[str, str]) -> None:
    talk(stores, *pair, "first")
    restore = copy_of_redis(stores)
    send(stores, *pair, "second")
    drain(stores)
    restore()
    rounds(stores)
    assert said(history.recent(stores, *pair)) == ["first", "second"]


def test_what_neither_store_has_any_more_is_missed_only_once(stores: Stores, pair: tuple[str, str]) -> None:
    talk(stores, *pair, "first")
    stores.redis.set(keys.confirmed_key(0), f"{ids.lowest_id(0)} 2")  # a change of an old message, since expired
    assert comparing.difference(stores)
    rounds(stores)
    assert not comparing.difference(stores)


def test_two_with_one_name_are_left_to_an_operator(stores: Stores, pair: tuple[str, str]) -> None:
    restore = copy_of_archive(stores)
    rounds(stores)
    carl = someone(stores, "carl")
    talk(stores, carl, pair[0], "hello")
    restore()
    other = accounts.sign_up(stores, Passwords(), "other@example.org", "carl", PASSWORD)["_id"]
    with capture_logs() as logged:
        rounds(stores)
    assert [each["_id"] for each in stores.mongo.users.find({"usernameKey": "carl"})] == [other]
    assert [each["user_id"] for each in logged if each["event"] == "sync.person_not_archived"] == [carl]
    assert archived(stores, carl) == ["hello"]


def test_nothing_is_synced_into_an_archive_that_is_being_restored(stores: Stores, pair: tuple[str, str]) -> None:
    rounds(stores)
    stores.mongo.marks.insert_one({"_id": comparing.RESTORE_MARK, "mark": "a backup"})
    send(stores, *pair, "later")
    assert sync.run_round(stores) == sync.RESTORING
