"""Only its sender may change a message; changes are counted and reach the archive, and a deletion is final."""

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from pymongo import MongoClient

from chat import frames, ids
from chat.errors import Invalid, NotFound, Unavailable
from chat.messages import conversations, delivery, editing, history, storing
from chat.store import hot, keys, partitions
from chat.store.connection import Stores
from chat.wire import StoredMessage
from dev.processes import free_port
from tests.killed import Killed, killed
from tests.people import archive_only, change, drain, key_of, said, send, send_voice
from tests.pubsub import Listener


@pytest.fixture
def message(stores: Stores, pair: tuple[str, str]) -> StoredMessage:
    """An unchanged text, as Redis has it."""
    return read(stores, send(stores, *pair, "before")["_id"])


def read(stores: Stores, message_id: str) -> StoredMessage:
    drain(stores)
    (found,) = hot.read_messages(stores, [message_id])
    assert found is not None
    return found


def archived(stores: Stores, message_id: str) -> dict[str, Any]:
    storing.flush(stores)
    found: dict[str, Any] = stores.mongo.messages.find_one({"_id": message_id})
    return found


def test_every_change_makes_a_revision_that_waits_for_the_archive(stores: Stores, message: StoredMessage) -> None:
    for revision, text in enumerate(("one", "two", "three"), start=2):
        changed = storing.change(stores, message, {"text": text})
        assert changed is not None
        assert (changed["text"], changed["revision"]) == (text, revision)
        assert stores.redis.zscore(keys.outbox_key(partitions.of(stores, message)), message["_id"]) == revision
    assert (archived(stores, message["_id"])["text"], archived(stores, message["_id"])["revision"]) == ("three", 4)
    assert storing.waiting_for_archive(stores) == 0


def test_a_message_that_is_hot_stays_so_when_it_is_changed(stores: Stores, message: StoredMessage) -> None:
    assert storing.change(stores, message, {"text": "after"})
    storing.load_all_for_change(stores, [message], 60)  # as where somebody read the archive before
    assert read(stores, message["_id"])["text"] == "after"
    assert stores.redis.ttl(key_of(stores, message["_id"])) == -1


def test_nobody_changes_what_another_sent(stores: Stores, message: StoredMessage, pair: tuple[str, str]) -> None:
    forged: StoredMessage = {**message, "senderId": pair[1], "receiverId": pair[0]}
    assert storing.change(stores, forged, {"text": "forged"}) is None
    assert editing.bury(stores, [forged]) == [None]
    for call in (editing.edit, editing.delete):
        with pytest.raises(NotFound):
            call(stores, pair[1], message["_id"], *(["forged"] if call is editing.edit else []))
    assert read(stores, message["_id"]) == message


def test_a_deleted_message_is_not_changed_by_whoever_read_it_before(
    stores: Stores, message: StoredMessage, pair: tuple[str, str]
) -> None:
    editing.delete(stores, pair[0], message["_id"])
    tombstone = read(stores, message["_id"])
    assert storing.change(stores, message, {"text": "late"}) is None
    assert editing.bury(stores, [message]) == [None]
    assert read(stores, message["_id"]) == tombstone
    assert (tombstone["text"], archived(stores, message["_id"])["text"]) == ("", "")


def test_changing_a_missing_message_does_nothing(stores: Stores, message: StoredMessage) -> None:
    stores.redis.delete(key_of(stores, message["_id"]))
    assert storing.change(stores, message, {"text": "late"}) is None
    assert not stores.redis.exists(key_of(stores, message["_id"]))
    assert storing.waiting_for_archive(stores) == 0


def test_a_correction_erases_nothing(stores: Stores, pair: tuple[str, str]) -> None:
    spoken = read(stores, send_voice(stores, *pair)["_id"])
    editing.edit(stores, pair[0], spoken["_id"], "what I said")
    assert stores.redis.zcard(keys.UPLOADS_PENDING_DELETION) == 0
    assert read(stores, spoken["_id"])["audioFileId"] == spoken["audioFileId"]


def test_the_archive_takes_no_older_copy_and_nothing_over_a_tombstone(stores: Stores, message: StoredMessage) -> None:
    newer: StoredMessage = {**message, "text": "newer", "revision": 5}
    storing.store_archive(stores, [newer])
    stored, refused = storing.store_archive(stores, [{**message, "text": "older", "revision": 4}])
    assert (len(stored), refused) == (1, []), "the archive has it: it may leave the outbox"
    assert archived(stores, message["_id"])["text"] == "newer"
    gone: StoredMessage = {**message, "text": "", "deletedAt": ids.now(), "revision": 2}
    storing.store_archive(stores, [gone])  # a crash of Redis has lost revisions
    storing.store_archive(stores, [{**newer, "revision": 9}])
    assert archived(stores, message["_id"])["text"] == ""


def test_fields_that_a_change_removes_leave_the_archive_too(stores: Stores, pair: tuple[str, str]) -> None:
    spoken = read(stores, send_voice(stores, *pair)["_id"])
    words = [{"word": "hello", "start": 0.1, "end": 0.4, "confidence": None}]
    assert storing.change(stores, spoken, {"words": words, "language": "en", "confidence": 0.9})
    assert archived(stores, spoken["_id"])["words"] == words
    editing.delete(stores, pair[0], spoken["_id"])
    assert not {"words", "language", "confidence", "audioFileId"} & archived(stores, spoken["_id"]).keys()


def test_a_message_of_the_archive_alone_is_changed_and_stays_for_a_week(stores: Stores, pair: tuple[str, str]) -> None:
    archive_only(stores, pair, 1)
    old = stores.mongo.messages.find_one({})["_id"]
    editing.edit(stores, pair[0], old, "corrected")
    assert 0 < stores.redis.ttl(key_of(stores, old)) <= storing.CHANGED_SECONDS
    assert archived(stores, old)["text"] == "corrected"
    assert stores.redis.zcard(partitions.conversation_key(stores, ids.conversation_id(*pair))) == 0, (
        "the boundary between the stores stays where it was"
    )


def test_a_message_that_is_on_its_way_is_waited_for_and_no_longer_than_that(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(stores, *pair, "before")["_id"]
    monkeypatch.setattr(editing, "SETTLE_SECONDS", 0.0)
    with pytest.raises(Unavailable):
        editing.edit(stores, pair[0], sent, "after")
    monkeypatch.setattr(editing, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: drain(stores)))
    monkeypatch.setattr(editing, "SETTLE_SECONDS", 60.0)
    assert editing.edit(stores, pair[0], sent, "after")["text"] == "after"


def test_a_text_cannot_be_emptied_and_a_caption_can(stores: Stores, pair: tuple[str, str]) -> None:
    text, spoken = send(stores, *pair, "text")["_id"], send_voice(stores, *pair, "caption")["_id"]
    drain(stores)
    with pytest.raises(Invalid):
        editing.edit(stores, pair[0], text, " \n")
    assert editing.edit(stores, pair[0], spoken, "")["text"] == ""


def test_an_outbox_of_many_pages_is_flushed_in_one_round(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [send(stores, *pair, f"{n}")["_id"] for n in range(7)]
    drain(stores)
    for each in hot.read_messages(stores, sent):
        assert each is not None
        storing.change(stores, each, {"text": "changed"})
    monkeypatch.setattr(storing, "FLUSH_PAGE", 2)
    stores.redis.delete(key_of(stores, sent[0]))  # nothing to bring the archive, and nothing to wait for
    assert storing.flush(stores, 2) == 3
    assert [storing.may_wait_for_archive(stores, person) for person in pair] == [True, True], "too long to tell"
    monkeypatch.undo()
    assert [storing.may_wait_for_archive(stores, person) for person in pair] == [True, False]
    assert storing.flush(stores) == 3
    assert [storing.may_wait_for_archive(stores, person) for person in pair] == [False, False]
    assert storing.waiting_for_archive(stores) == 0
    assert stores.mongo.messages.count_documents({"text": "changed"}) == 6


def test_a_partner_is_told_once_how_far_somebody_has_read(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    sent = [send(stores, anna, bert, f"{n}")["_id"] for n in range(3)]
    drain(stores)
    with Listener(stores, frames.STATUS) as listener:
        for up_to in (sent[1], sent[1], sent[0], sent[2]):
            conversations.mark_read(stores, bert, anna, up_to)
        told = [orjson.loads(heard.data) for heard in listener.heard(frames.STATUS)]
    assert [(each["_id"], each["readerId"]) for each in told] == [(sent[1], bert), (sent[2], bert)]


def test_a_partner_who_was_not_told_of_a_reading_is_told_when_it_is_repeated(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert = pair
    sent = send(stores, anna, bert, "hello")["_id"]
    drain(stores)
    with monkeypatch.context() as patched:
        patched.setattr(delivery, "deliver", killed)
        with pytest.raises(Killed):
            conversations.mark_read(stores, bert, anna, sent)
    with Listener(stores, frames.STATUS) as listener:
        conversations.mark_read(stores, bert, anna, sent)
        (told,) = [orjson.loads(heard.data) for heard in listener.heard(frames.STATUS)]
        conversations.mark_read(stores, bert, anna, sent)
        assert listener.heard(frames.STATUS) == []
    assert (told["_id"], told["readerId"]) == (sent, bert)


@pytest.mark.parametrize("where", ["storing.drop_unread", "delivery.deliver"])
def test_a_deletion_that_somebody_was_killed_over_is_finished_when_it_is_repeated(
    stores: Stores, message: StoredMessage, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, receiver = message["senderId"], message["receiverId"]
    with monkeypatch.context() as patched:
        patched.setattr(f"chat.messages.{where}", killed)
        with pytest.raises(Killed):
            editing.delete(stores, sender, message["_id"])
    with Listener(stores, frames.STATUS) as listener:
        with pytest.raises(NotFound):
            editing.delete(stores, sender, message["_id"])
        (told,) = [orjson.loads(heard.data) for heard in listener.heard(frames.STATUS)]
    assert (told["_id"], told["status"]) == (message["_id"], "deleted")
    assert stores.redis.zcard(keys.inbox_key(receiver, sender)) == 0


def test_a_deletion_that_the_redis_client_repeats_is_one(
    stores: Stores, message: StoredMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_all = storing.change_all

    def lose_the_first_reply(*arguments: Any) -> Any:
        change_all(*arguments)
        return change_all(*arguments)  # as redis-py does if the connection breaks before the reply

    monkeypatch.setattr(storing, "change_all", lose_the_first_reply)
    with Listener(stores, frames.STATUS) as listener:
        editing.delete(stores, message["senderId"], message["_id"])
        (told,) = [orjson.loads(heard.data) for heard in listener.heard(frames.STATUS)]
    assert (told["_id"], told["status"]) == (message["_id"], "deleted")
    assert archived(stores, message["_id"])["revision"] == 2


def test_what_became_unread_again_is_read_up_to_the_cursor(stores: Stores, pair: tuple[str, str]) -> None:
    sent = send(stores, *pair, "hello")["_id"]
    drain(stores)
    conversations.mark_read(stores, pair[1], pair[0], sent)
    stores.redis.zadd(keys.inbox_key(pair[1], pair[0]), {sent: 0})  # a drainer that died does its work again
    conversations.mark_read(stores, pair[1], pair[0], sent)
    assert stores.redis.zcard(keys.inbox_key(pair[1], pair[0])) == 0


def test_with_mongodb_away_reads_and_changes_of_recent_messages_go_on(stores: Stores, pair: tuple[str, str]) -> None:
    sent = send(stores, *pair, "before")["_id"]
    drain(stores)
    nowhere: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", free_port(), serverSelectionTimeoutMS=0)
    without = replace(stores, mongo=nowhere.chattergram)
    editing.edit(without, pair[0], sent, "after")
    stores.redis.set(keys.HOT_COMPLETE, "1")
    assert said(history.recent(without, *pair)) == ["after"]
    (row,) = conversations.list_conversations(without, pair[1], 10, None)
    assert row["lastMessage"]["text"] == "after"
    nowhere.close()
    assert storing.waiting_for_archive(stores) == 1


@pytest.mark.parametrize(
    ("heard", "seconds", "longest"),
    [(0, 6.05, 4_363), (900, 6.05, 9_400), (3_000, 600.0, 40_000), (0, 0.0, 4_000)],
    ids=["nothing heard", "more heard than can be said", "ten minutes", "an old one of unknown length"],
)
def test_a_transcript_may_be_corrected_to_as_much_as_was_said_and_what_is_typed_added(
    stores: Stores, pair: tuple[str, str], heard: int, seconds: float, longest: int
) -> None:
    sent = send_voice(stores, *pair)
    drain(stores)
    words: list[Any] = [{"word": "hello", "start": 0.0, "end": 0.1, "confidence": None}] * heard
    text = " ".join(["hello"] * heard)
    change(stores, sent["_id"], {"text": text, "words": words, "status": "delivered", "duration": seconds})
    assert editing.edit(stores, pair[0], sent["_id"], "x" * longest)["text"] == "x" * longest
    for text in ("x" * (longest + 1), "😀" * (longest + 1)):
        with pytest.raises(Invalid, match=f"text_too_long: longest={longest}"):
            editing.edit(stores, pair[0], sent["_id"], text)
    assert editing.edit(stores, pair[0], sent["_id"], "")["text"] == ""


def test_a_list_of_conversations_has_no_more_of_a_last_message_than_it_shows(
    stores: Stores, pair: tuple[str, str]
) -> None:
    sent = send_voice(stores, *pair)
    drain(stores)
    words: list[Any] = [{"word": "hello", "start": 0.0, "end": 0.1, "confidence": None}] * 3_000
    change(stores, sent["_id"], {"text": "hello " * 3_000, "words": words, "status": "delivered"})
    (row,) = conversations.list_conversations(stores, pair[1], 10, None)
    last = row["lastMessage"]
    assert last["text"] == ("hello " * 3_000)[:200]
    assert not {"words", "peaks"} & last.keys()
    assert {"duration", "audioFileId", "status", "dateSent"} <= last.keys()
    assert len(orjson.dumps(row)) < 1_000


@pytest.mark.parametrize(
    "text", ["", " \n", "\u200b", "\ufe0f\u2060", "\u00ad", "\u3164", "\u2800\u202e", "\0\x1f", "\ufff9\ufeff"]
)
def test_a_text_of_which_nothing_can_be_seen_is_empty(
    stores: Stores, pair: tuple[str, str], message: StoredMessage, text: str
) -> None:
    with pytest.raises(Invalid):
        send(stores, *pair, text)
    with pytest.raises(Invalid):
        editing.edit(stores, pair[0], message["_id"], text)


@pytest.mark.parametrize(
    "text", ["\u200ba", "👩\u200d💻", "\u0301", "\u0600", "·", "\ue000", "\ufffd", "⠀⠁", "\U0001d15e"]
)
def test_a_text_of_which_anything_can_be_seen_is_not(stores: Stores, pair: tuple[str, str], text: str) -> None:
    assert send(stores, *pair, text)["text"] == text


def test_what_was_deleted_lately_is_remembered_for_its_time_and_within_its_bound(
    stores: Stores, message: StoredMessage, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unwanted = keys.unwanted_key(pair[1])
    now, _ = stores.redis.time()
    old, lately = ids.lowest_id(1), [ids.lowest_id(number) for number in range(2, 5)]
    stores.redis.zadd(unwanted, {old: now - storing.LATELY_SECONDS - 1})
    stores.redis.zadd(unwanted, {each: now - 100 + place for place, each in enumerate(lately)})

    def left() -> list[str]:
        return [raw.decode() for raw in stores.redis.zrange(unwanted, 0, -1)]

    editing.delete(stores, pair[0], message["_id"])
    assert left() == [*lately, message["_id"]]
    monkeypatch.setattr(storing, "LATELY_MOST", 3)
    storing.drop_unread(stores, [message])
    assert left() == [*lately[1:], message["_id"]]
    assert 0 < stores.redis.ttl(unwanted) <= storing.LATELY_SECONDS


def test_a_message_that_was_deleted_before_it_was_listed_is_not_unread(
    stores: Stores, message: StoredMessage, pair: tuple[str, str]
) -> None:
    (stored,) = storing.store_hot(stores, [message])  # by a drainer that has not listed it yet
    editing.delete(stores, pair[0], message["_id"])
    delivery.deliver(stores, (), listings=storing.listings(stored))
    assert stores.redis.zcard(keys.inbox_key(pair[1], pair[0])) == 0
