"""Draining the log, with the real stores: nothing accepted is lost, duplicated or held up by another message."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern
from redis import Redis, RedisError
from redis.client import Pipeline
from redis.exceptions import LockError

from chat import audio, frames, ids
from chat.messages import archiving, conversations, draining, editing, history, leases, sending, storing
from chat.messages import log as accepted_log
from chat.messages.log import Draft, Taken
from chat.store import hot, keys, partitions
from chat.store.connection import Stores
from dev.processes import free_port
from tests.people import change, drain, log_of, nobody_to_wake, partition_of, said, send, send_voice, someone, upload
from tests.pubsub import Listener


@pytest.fixture(autouse=True)
def _complete(stores: Stores) -> None:
    """As it is but for the minutes after Redis was lost."""
    stores.redis.set(keys.HOT_COMPLETE, "1")


def test_entries_of_a_dead_drainer_are_handled_first_and_not_duplicated(stores: Stores, pair: tuple[str, str]) -> None:
    send(stores, *pair, "first")
    accepted_log.create_groups(stores, [partition_of(stores, pair)])
    taken = stores.redis.xreadgroup(keys.ACCEPTED_GROUP, accepted_log.CONSUMER, {log_of(stores, pair): ">"})
    assert taken
    send(stores, *pair, "second")
    drain(stores)
    assert said(history.recent(stores, *pair)) == ["first", "second"]
    assert stores.mongo.messages.count_documents({}) == 2


def test_draining_twice_neither_duplicates_nor_undoes_a_change(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "before")
    entry = stores.redis.xrange(log_of(stores, pair))[0]
    drain(stores)
    change(stores, message["_id"], {"text": "after"})
    stores.redis.xadd(log_of(stores, pair), entry[1])  # the same draft once more would be another message
    again = accepted_log.parse_entry(entry).message
    assert storing.store_hot(stores, [again])[0].message["text"] == "after"
    storing.flush(stores)
    storing.store_archive(stores, [again])
    assert stores.mongo.messages.find_one({"_id": message["_id"]})["text"] == "after"


def test_archiving_twice_does_not_mistake_a_message_for_its_own_duplicate(
    stores: Stores, pair: tuple[str, str]
) -> None:
    message = send(stores, *pair, "once", "client")
    drain(stores)
    found = storing.hot.read_messages(stores, [message["_id"]])
    stored, duplicates = storing.store_archive(stores, [each for each in found if each])
    assert [each["_id"] for each in stored] == [message["_id"]]
    assert duplicates == []


def test_messages_can_be_sharded_by_conversation(stores: Stores, pair: tuple[str, str]) -> None:
    # What a sharded cluster requires: https://www.mongodb.com/docs/manual/core/sharding-shard-key/#unique-indexes
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


def test_a_message_on_too_few_members_of_mongodb_is_not_considered_archived(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "_archive_conversations", lambda *_: None)  # it would fail too
    sent = send(stores, *pair, "once")["_id"]
    drain(stores)
    few = stores.mongo.with_options(write_concern=WriteConcern(w=5, wtimeout=50))  # there is only one
    lonely = replace(stores, mongo=few)
    found = storing.hot.read_messages(stores, [sent])
    with pytest.raises(PyMongoError):
        storing.store_archive(lonely, [each for each in found if each])


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


def test_an_entry_nobody_can_read_is_set_aside_and_the_others_go_on(stores: Stores, pair: tuple[str, str]) -> None:
    draft, entropy = accepted_log.DRAFT, accepted_log.ENTROPY
    send(stores, *pair, "before")
    unreadable = [
        {draft: b"no json", entropy: b"0" * 16},
        {draft: b'["too", "short"]', entropy: b"0" * 16},
        {draft: b'{"text": "of nobody"}', entropy: b"0" * 16},
        {draft: b"{}"},
        {b"other": b"field"},
    ]
    set_aside = [(stores.redis.xadd(log_of(stores, pair), fields), fields) for fields in unreadable]
    send(stores, *pair, "behind")
    drain(stores)
    assert said(history.recent(stores, *pair)) == ["before", "behind"]
    assert stores.redis.xlen(log_of(stores, pair)) == 0
    kept = [fields for _, fields in stores.redis.xrange(keys.ACCEPTED_REFUSED)]
    assert kept == [{**fields, accepted_log.REFUSED_ENTRY: entry_id} for entry_id, fields in set_aside]


def test_of_what_was_set_aside_only_the_senders_own_is_forgotten(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    named = dict(zip(*[iter(accepted_log.entry_fields(Draft(anna, bert, "named"), "0" * 16))] * 2, strict=True))
    listed = {"message": orjson.dumps([anna, bert, "listed", None, None, ""]), "entropy": "0" * 16}
    received = {"message": orjson.dumps({"senderId": bert, "receiverId": anna, "text": anna}), "entropy": "0" * 16}
    unreadable = [{"message": b"null", "entropy": "0"}, {"message": b"no json"}, {"other": anna}]
    for fields in (named, listed, received, *unreadable):
        entry_id = stores.redis.xadd("of a test", fields)
        (raw,) = stores.redis.xrange("of a test", entry_id, entry_id)
        accepted_log.set_aside(stores, raw)
    accepted_log.forget_refused(stores, anna)
    kept = [fields.get(b"message") for _, fields in stores.redis.xrange(keys.ACCEPTED_REFUSED)]
    assert kept == [received["message"], b"null", b"no json", None]


def test_entries_of_version_1_0_are_delivered_after_a_deploy(stores: Stores, pair: tuple[str, str]) -> None:
    recording = upload(stores, pair[0])
    for text, audio_file_id in (("hello", None), ("from the beach", recording)):
        entry = orjson.dumps([*pair, text, audio_file_id, f"client of {text}", "a-request"])
        stores.redis.xadd(
            log_of(stores, pair), {"message": entry, "entropy": ids.new_entropy(ids.conversation_id(*pair))}
        )
    voices = drain(stores)
    found = history.recent(stores, *pair)
    assert [(each["text"], each["audioFileId"], each["clientId"]) for each in found] == [
        ("hello", None, "client of hello"),
        ("from the beach", recording, "client of from the beach"),
    ]
    assert voices == [found[1]["_id"]]


def test_one_drainer_works_at_a_time(stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "LEASE_WAIT", 0.0)
    send(stores, *pair, "hello")
    stores.redis.set(keys.drainer_key(partition_of(stores, pair)), "another", px=60_000)
    drain(stores)
    assert history.recent(stores, *pair) == []
    stores.redis.delete(keys.drainer_key(partition_of(stores, pair)))
    drain(stores)
    assert said(history.recent(stores, *pair)) == ["hello"]


def test_a_drainer_whose_lease_another_has_stops_at_once(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "RENEW_SECONDS", -1.0)
    monkeypatch.setattr(draining, "GROUP", 1)
    send_voice(stores, *pair)
    send(stores, *pair, "for the other one")

    def taken_over(_: str) -> None:
        stores.redis.set(keys.drainer_key(partition_of(stores, pair)), "another", px=60_000)

    with pytest.raises(LockError):
        draining.drain(stores, taken_over)
    assert stores.redis.xlen(log_of(stores, pair)) == 1
    assert stores.redis.get(keys.drainer_key(partition_of(stores, pair))) == b"another"


def test_a_drainer_holds_the_log_for_seconds_after_its_death(stores: Stores, pair: tuple[str, str]) -> None:
    held: list[int] = []
    send_voice(stores, *pair)
    with patch.multiple(draining, LINGER_MS=1, LINGER_ROUNDS=1):
        draining.drain(stores, lambda _: held.append(stores.redis.pttl(keys.drainer_key(partition_of(stores, pair)))))
    assert 0 < held[0] <= leases.LEASE_SECONDS * 1_000


def test_a_drainer_whose_time_is_up_says_that_there_is_more(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "RUN_SECONDS", 0.0)
    send(stores, *pair, "hello")
    assert draining.drain(stores, lambda _: None) is True
    monkeypatch.undo()
    drain(stores)
    assert said(history.recent(stores, *pair)) == ["hello"]


def test_a_drainer_whose_time_is_up_leaves_nothing_that_is_done(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    send_voice(stores, *pair)
    with monkeypatch.context() as patched:
        patched.setattr(draining, "RUN_SECONDS", 3_600.0)
        now = time.monotonic
        late = partial(patched.setattr, draining.time, "monotonic", lambda: now() + 7_200)
        assert draining.drain(stores, lambda _: late()) is True
    assert stores.redis.xlen(log_of(stores, pair)) == 0


def test_a_message_accepted_while_a_drainer_is_about_to_stop_is_not_left_behind(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stores, *pair, "first")
    read, looks = accepted_log.read_groups, []

    def come_before_the_last_look(stores: Stores, of: list[int], start: str, *others: Any) -> accepted_log.Page:
        if start == ">" and others[1] == 0 and not looks:
            looks.append(1)
            assert not stores.redis.exists(keys.waking_key(partition_of(stores, pair))), (
                "a message accepted after this look wakes another drainer"
            )
            send(stores, *pair, "at the last moment")
        return read(stores, of, start, *others)

    monkeypatch.setattr(accepted_log, "read_groups", come_before_the_last_look)
    stores.redis.set(keys.waking_key(partition_of(stores, pair)), "1")
    drain(stores)
    assert looks
    assert said(history.recent(stores, *pair)) == ["first", "at the last moment"]


def test_a_mongodb_that_failed_is_left_alone_for_a_while_and_what_it_missed_waits(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    store_archive = storing.store_archive

    def counted(*arguments: Any) -> Any:
        asked.append(1)
        return store_archive(*arguments)

    monkeypatch.setattr(storing, "store_archive", counted)
    monkeypatch.setattr(archiving, "archive", archiving.Archive())
    nowhere: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", free_port(), serverSelectionTimeoutMS=0)
    stores.redis.set(keys.HOT_COMPLETE, "1")
    without = replace(stores, mongo=nowhere.chattergram)
    for n in range(3):
        send(stores, *pair, f"{n}")
        drain(without)
    nowhere.close()
    assert len(asked) == 1
    assert said(history.recent(stores, *pair)) == ["0", "1", "2"]
    assert storing.waiting_for_archive(stores) == 3
    archiving.archive._again = 0.0  # as if the pause were over
    send(stores, *pair, "3")
    drain(stores)
    assert len(asked) == 2
    storing.flush(stores)
    assert stores.mongo.messages.count_documents({}) == 4


def test_what_is_delivered_while_a_group_is_archived_is_archived_together(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = accepted_log.Entry(accepted_log.Receipt("1-0", "0" * 16), Draft(*pair)).message
    messages: list[Any] = [{**first, "text": f"{n}"} for n in range(4)]
    written: list[list[str]] = []
    writing, may_end = threading.Event(), threading.Event()

    def note(_: Stores, group: list[Any]) -> None:
        written.append([each["text"] for each in group])
        writing.set()
        assert may_end.wait(60)

    monkeypatch.setattr(archiving.archive, "store", note)
    with archiving.Archiver(stores) as archiver:
        archiver.add(messages[:1])
        assert writing.wait(60)
        for each in messages[1:]:
            archiver.add([each])
        may_end.set()
    assert written == [["0"], ["1", "2", "3"]]


# --- A drainer that dies between its partitions and its people


class Died(RedisError):
    """Instead of a kill -9."""


def read_entries(stores: Stores, pair: tuple[str, str]) -> list[Taken]:
    """What a drainer has read that does no more."""
    partition = partition_of(stores, pair)
    accepted_log.create_groups(stores, [partition])
    return accepted_log.read_groups(stores, [partition], ">", 100, 0).entries


def die_between(stores: Stores, pair: tuple[str, str]) -> None:
    """As if a drainer had died when the group was in its partition, and not yet with its people."""
    storing.store_hot(stores, [accepted_log.parse_entry(each.raw).message for each in read_entries(stores, pair)])


def unread(stores: Stores, pair: tuple[str, str]) -> int:
    (row,) = conversations.list_conversations(stores, pair[1], 10, None)
    return int(row["unread"])


def test_what_is_in_its_partition_only_is_listed_and_delivered_once_by_the_next_drainer(
    stores: Stores, pair: tuple[str, str]
) -> None:
    sent = [send(stores, *pair, f"{n}")["_id"] for n in range(3)]
    die_between(stores, pair)
    assert conversations.list_conversations(stores, pair[1], 10, None) == []
    entries = stores.redis.xrange(log_of(stores, pair))
    drain(stores)
    for _ in range(2):  # as if the one after it had died before it acknowledged them
        kept = [stores.redis.zrange(keys.deliveries_key(user), 0, -1, withscores=True) for user in pair]
        assert [[member.decode() for member, _ in own] for own in kept] == [sent, sent]
        assert all(len({position for _, position in own}) == len(sent) for own in kept)
        assert unread(stores, pair) == 3
        with Listener(stores, frames.MESSAGES) as listener:
            draining.handle(stores, [Taken(log_of(stores, pair), raw) for raw in entries])
            heard = [(each.recipients, orjson.loads(each.data)["_id"]) for each in listener.heard(frames.MESSAGES)]
        assert [(set(people), each) for people, each in heard] == [(set(pair), each) for each in sent]
        assert [stores.redis.zrange(keys.deliveries_key(user), 0, -1, withscores=True) for user in pair] == kept


def test_what_was_read_between_storing_and_listing_does_not_become_unread(
    stores: Stores, pair: tuple[str, str]
) -> None:
    anna, bert = pair
    sent = [send(stores, *pair, f"{n}")["_id"] for n in range(3)]
    die_between(stores, pair)
    conversations.mark_read(stores, bert, anna, sent[1])
    drain(stores)
    assert unread(stores, pair) == 1
    sent.append(send(stores, *pair, "3")["_id"])
    read_entries(stores, pair)
    store_hot = storing.store_hot

    def store_and_read(*call: Any) -> Any:
        stored = store_hot(*call)
        conversations.mark_read(stores, bert, anna, sent[-1])
        return stored

    with patch.object(storing, "store_hot", store_and_read):
        drain(stores)
    assert unread(stores, pair) == 0
    send(stores, *pair, "4")
    drain(stores)
    assert unread(stores, pair) == 1


def test_what_was_read_long_before_it_is_listed_again_does_not_become_unread(
    stores: Stores, pair: tuple[str, str]
) -> None:
    sent = send(stores, *pair, "hello")["_id"]
    drain(stores)
    conversations.mark_read(stores, pair[1], pair[0], sent)
    stores.redis.delete(keys.read_key(pair[1]))  # as if a day had passed
    (message,) = hot.read_messages(stores, [sent])
    assert message is not None
    storing.store_listed(stores, [message])
    assert unread(stores, pair) == 0


def test_what_was_deleted_between_storing_and_listing_does_not_become_unread(
    stores: Stores, pair: tuple[str, str]
) -> None:
    sent = [send(stores, *pair, f"{n}")["_id"] for n in range(2)]
    die_between(stores, pair)
    editing.delete(stores, pair[0], sent[0])
    drain(stores)
    assert unread(stores, pair) == 1
    sent.append(send(stores, *pair, "2")["_id"])
    read_entries(stores, pair)
    store_hot = storing.store_hot

    def store_and_delete(*call: Any) -> Any:
        stored = store_hot(*call)
        editing.delete(stores, pair[0], sent[-1])
        return stored

    with patch.object(storing, "store_hot", store_and_delete):
        drain(stores)
    assert unread(stores, pair) == 1


def test_a_voice_message_whose_drainer_died_before_its_people_is_transcribed(
    stores: Stores, pair: tuple[str, str]
) -> None:
    spoken = send_voice(stores, *pair)["_id"]
    die_between(stores, pair)
    assert drain(stores) == [spoken]
    assert stores.redis.zscore(keys.TRANSCRIPTIONS, spoken) == 0


@pytest.mark.parametrize(
    ("what", "left", "texts"),
    [("edited", 2, {"corrected", "second"}), ("deleted", 1, {"", "second"}), ("read", 1, None)],
)
def test_a_message_that_was_stored_already_is_delivered_as_it_is_now(
    stores: Stores, pair: tuple[str, str], what: str, left: int, texts: set[str] | None
) -> None:
    sent = [send(stores, *pair, text)["_id"] for text in ("first", "second")]
    raw = stores.redis.xrange(log_of(stores, pair))[0]
    storing.store_hot(stores, [accepted_log.parse_entry(raw).message])  # by a call that is repeated: its reply was lost
    if what == "edited":
        editing.edit(stores, pair[0], sent[0], "corrected")
    elif what == "deleted":
        editing.delete(stores, pair[0], sent[0])
    else:
        conversations.mark_read(stores, pair[1], pair[0], sent[0])
    stores.redis.delete(keys.read_key(pair[1]), keys.unwanted_key(pair[1]))  # as if a day had passed
    with Listener(stores, frames.MESSAGES) as listener:
        drain(stores)
        heard = [orjson.loads(each.data) for each in listener.heard(frames.MESSAGES)]
    assert {each["text"] for each in heard} == (texts or {"first", "second"})
    assert {each["_id"] for each in heard} == set(sent)
    assert unread(stores, pair) == left


def test_what_was_stored_is_delivered_though_a_late_copy_of_the_call_interferes(
    stores: Stores, pair: tuple[str, str]
) -> None:
    sent = send(stores, *pair, "hello")["_id"]
    add = storing.add_to_pipeline

    def add_and_interfere(stores: Stores, messages: Any, pipe: Pipeline, stored_now: str = "") -> Any:
        groups = add(stores, messages, pipe, stored_now)
        if stored_now:
            pipe.delete(stored_now)  # with which a copy begins, whose connection hung
        return groups

    with patch.object(storing, "add_to_pipeline", add_and_interfere), Listener(stores, frames.MESSAGES) as listener:
        drain(stores)
        assert [orjson.loads(each.data)["_id"] for each in listener.heard(frames.MESSAGES)] == [sent]
    assert unread(stores, pair) == 1


def test_what_could_not_be_stored_is_neither_listed_nor_delivered(stores: Stores, pair: tuple[str, str]) -> None:
    send(stores, *pair, "hello")
    conversation = partitions.conversation_key(stores, ids.conversation_id(*pair))
    stores.redis.set(conversation, "of another kind")
    with Listener(stores, frames.MESSAGES) as listener:
        with pytest.raises(RedisError, match="WRONGTYPE"):
            drain(stores)
        assert listener.heard(frames.MESSAGES) == []
    assert not stores.redis.exists(keys.conversations_key(pair[1]), keys.deliveries_key(pair[1]))
    stores.redis.delete(conversation)
    assert stores.redis.xlen(log_of(stores, pair)) == 1


def test_what_was_done_before_an_error_is_not_done_again(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        send(stores, *pair, f"{number}")
    process = draining._Drainer._process_group

    def die_afterwards(drainer: Any, entries: list[Taken]) -> None:
        process(drainer, entries)
        raise Died

    monkeypatch.setattr(draining._Drainer, "_process_group", die_afterwards)
    with pytest.raises(Died):
        drain(stores)
    assert stores.redis.xlen(log_of(stores, pair)) == 0


def test_a_list_counts_up_to_the_last_message_that_it_shows(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> tuple[str, int]:
        (row,) = conversations.list_conversations(stores, pair[1], 10, None)
        return row["lastMessage"]["text"], row["unread"]

    first = send(stores, *pair, "first")["_id"]
    drain(stores)
    while ids.now_ms() <= ids.milliseconds(first):
        pass  # ids of the same millisecond are listed together
    second = send(stores, *pair, "second")["_id"]
    die_between(stores, pair)
    assert shown() == ("first", 1)
    listed = conversations._listed

    def deliver_meanwhile(*call: Any) -> Any:
        found = listed(*call)
        drain(stores)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(conversations, "_listed", deliver_meanwhile)
        assert shown() == ("first", 1)
    assert shown() == ("second", 2)
    while ids.now_ms() <= ids.milliseconds(second):
        pass
    send(stores, *pair, "third")
    die_between(stores, pair)
    storing.flush(stores)
    stores.redis.delete(
        partitions.conversation_key(stores, ids.conversation_id(*pair))
    )  # as if all were too old for it
    assert shown() == ("second", 2)


def dies_at(monkeypatch: pytest.MonkeyPatch, command: int, attempt: Callable[[], object]) -> bool:
    """Makes an attempt in which Redis carries out only the commands before that one, those of pipelines included.

    Returns whether it ended by that.
    """
    left = command
    execute, execute_pipeline = Redis.execute_command, Pipeline._execute_pipeline

    def one(redis: Redis, *command: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Died
        return execute(redis, *command, **options)

    def several(pipe: Pipeline, connection: Any, commands: list[Any], *others: Any) -> Any:
        nonlocal left
        allowed, left = max(0, left), left - len(commands)
        if left >= 0:
            return execute_pipeline(pipe, connection, commands, *others)
        if allowed:
            execute_pipeline(pipe, connection, commands[:allowed], *others)
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(Redis, "execute_command", one)
        patched.setattr(Pipeline, "_execute_pipeline", several)
        try:
            attempt()
        except Died:
            return True
    return False


@pytest.mark.single_redis  # which goes through all commands one by one
@pytest.mark.parametrize(("dying", "step"), [("sender", 1), ("drainer", 3)])  # each takes a tenth of a second
def test_at_whatever_command_a_process_dies_a_message_is_there_once_with_its_recording(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, dying: str, step: int
) -> None:
    counted = replace(stores, settings=stores.settings.model_copy(update={"limit_transcription": "600 per hour"}))
    command, died = 0, True
    while died:
        pair = someone(counted, f"anna {command}"), someone(counted, f"bert {command}")
        draft = Draft(*pair, "", upload(counted, pair[0]), "same")
        attempt = (
            partial(sending.accept, counted, draft, nobody_to_wake) if dying == "sender" else partial(drain, counted)
        )
        if dying == "drainer":
            sending.accept(counted, draft, nobody_to_wake)
        died = dies_at(monkeypatch, command, attempt)
        command += step
        sent = sending.accept(counted, draft, nobody_to_wake)["_id"]
        for partition in partitions.every(counted):
            counted.redis.delete(keys.drainer_key(partition))  # as if it had expired
        drain(counted)
        storing.flush(counted)
        counted.redis.zadd(keys.UPLOADS_PENDING_DELETION, dict.fromkeys(pending(counted), 0))
        audio.sweep_unclaimed(counted)
        assert [found["_id"] for found in history.recent(counted, *pair)] == [sent]
        assert stores.mongo.messages.count_documents({"senderId": pair[0]}) == 1
        assert unread(counted, pair) == 1
        assert [counted.redis.zrange(keys.deliveries_key(each), 0, -1) for each in pair] == 2 * [
            [f"{sent}#transcribing".encode()]
        ]
        assert counted.redis.zscore(keys.TRANSCRIPTIONS, sent) is not None
        assert audio.read(counted, str(draft.audio_file_id)).content
        assert counted.redis.get(keys.limit_key("audio", pair[0], 3_600)) == b"6050"
    assert command > 5


def pending(stores: Stores) -> list[bytes]:
    """The recordings that are to be erased at some time."""
    return [*stores.redis.zrange(keys.UPLOADS_PENDING_DELETION, 0, -1), b"none"]
