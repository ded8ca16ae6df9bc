"""Deleting an account erases everything of its person, whatever is killed or lost meanwhile, and nothing of others."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from pymongo.errors import PyMongoError
from redis import RedisError

from chat import audio, frames, ids
from chat.errors import Forbidden, NotFound, Unauthorized
from chat.messages import conversations, history, search
from chat.messages import log as accepted_log
from chat.messages.log import Taken
from chat.people import accounts, presence, sessions
from chat.people.passwords import Passwords
from chat.store import hot, keys, partitions
from chat.store.connection import Stores
from chat.text import names
from chat.upkeep import ageing, erasure, sync
from tests.killed import Killed
from tests.people import change, drain, log_of, partition_of, said, send, send_voice, someone, upload
from tests.pubsub import Listener

PASSWORD = "correct horse battery"
SECRET = "zebra"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


@pytest.fixture
def anna(stores: Stores, passwords: Passwords) -> str:
    return str(accounts.sign_up(stores, passwords, "anna@example.org", "Anna", PASSWORD)["_id"])


@pytest.fixture
def bert(stores: Stores) -> str:
    return someone(stores, "bert")


@pytest.fixture
def listener(stores: Stores) -> Iterator[Listener]:
    with Listener(stores, frames.STATUS, frames.USERS, frames.SESSIONS) as opened:
        yield opened


def leave(stores: Stores, passwords: Passwords, user_id: str) -> None:
    erasure.leave(stores, passwords, user_id, PASSWORD)


def let_settle(stores: Stores) -> None:
    """Makes all erasures settled, as if a minute had passed since the accounts were deleted."""
    past = "2026-01-01T00:00:00.000Z"
    stores.mongo.erasures.update_many({}, {"$set": {"due": past, "settles": past}})


def finish(stores: Stores) -> None:
    """Runs rounds until every erasure is done."""
    let_settle(stores)
    rounds = 0
    while stores.mongo.erasures.count_documents({}):
        erasure.run(stores)
        rounds += 1
        assert rounds < 20


def everything(stores: Stores) -> bytes:
    """The contents of both stores, except the progress of the erasure itself."""
    kept: list[Any] = []
    for name in stores.mongo.list_collection_names():
        if name != "erasures":
            kept += [{**document, "data": None} for document in stores.mongo[name].find()]
    for key in stores.redis.scan_iter("*"):
        kind = stores.redis.type(key)
        if kind == b"none":  # it has just expired
            continue
        value = {
            b"ReJSON-RL": lambda key: stores.redis.execute_command("JSON.GET", key),
            b"string": stores.redis.get,
            b"hash": stores.redis.hgetall,
            b"set": stores.redis.smembers,
            b"zset": lambda key: stores.redis.zrange(key, 0, -1),
            b"stream": stores.redis.xrange,
        }[kind](key)
        kept.append((key, value))
    return repr(kept).encode()


def assert_nothing_left(stores: Stores, user_id: str, partner: str) -> None:
    """Checks that nothing they said is left, and their id only in the partner's conversation and in ended sessions."""
    left = everything(stores)
    assert SECRET.encode() not in left
    assert b"anna@example.org" not in left.lower()
    assert stores.mongo["audio.files"].count_documents({"metadata.owner": user_id}) == 0
    assert stores.mongo["audio.chunks"].count_documents({}) == 0
    script_keys = {key.decode() for key in stores.redis.scan_iter(f"*{user_id}*")}
    script_keys = {key for key in script_keys if ":limit:" not in key}  # counters of the last minute
    conversation = ids.conversation_id(user_id, partner)
    assert script_keys <= {
        partitions.conversation_key(stores, conversation),
        keys.cursors_key(partition_of(stores, (user_id, partner)), conversation),
        keys.sessions_key(user_id),
    }
    assert (
        stores.redis.hexists(keys.cursors_key(partition_of(stores, (user_id, partner)), conversation), user_id) is False
    )
    for name in (keys.NAMES, keys.TRANSCRIPTIONS, keys.PRESENCE_ONLINE):
        members = stores.redis.smembers(name) if name == keys.PRESENCE_ONLINE else stores.redis.zrange(name, 0, -1)
        assert not [member for member in members if user_id.encode() in member]


def test_deleting_an_account_erases_texts_recordings_and_lists_at_once(
    stores: Stores, passwords: Passwords, anna: str, bert: str
) -> None:
    for n in range(3):
        send(stores, anna, bert, f"{SECRET} {n}", f"client {n}")
    send_voice(stores, anna, bert, SECRET)
    upload(stores, anna)
    answer = send(stores, bert, anna, "what Bert said stays")["_id"]
    drain(stores)
    conversations.mark_read(stores, anna, bert, answer)
    sync.run(stores)
    presence.renew(stores, "web")
    presence.report(stores, "web", {anna: True})
    leave(stores, passwords, anna)
    assert_nothing_left(stores, anna, bert)
    finish(stores)
    assert_nothing_left(stores, anna, bert)
    found = history.recent(stores, bert, anna)
    assert said(found) == ["", "", "", "", "what Bert said stays"]
    assert [bool(message.get("deletedAt")) for message in found] == [True] * 4 + [False]
    assert all(document["text"] == "" for document in stores.mongo.messages.find({"senderId": anna}))


def test_nobody_can_find_reach_or_log_in_as_a_deleted_account(
    stores: Stores, passwords: Passwords, anna: str, bert: str
) -> None:
    send(stores, anna, bert, SECRET)
    drain(stores)
    leave(stores, passwords, anna)
    with pytest.raises(NotFound):
        send(stores, bert, anna, "are you there?")
    with pytest.raises(NotFound):
        accounts.get(stores, anna)
    with pytest.raises(Unauthorized):
        accounts.log_in(stores, passwords, "anna@example.org", PASSWORD, lambda _: "a token")
    assert search.search(stores, bert, "anna", 10, 0) == []
    assert search.search(stores, bert, SECRET, 10, 0) == []
    assert [person["_id"] for person in accounts.list_people(stores, "", "", 10, 0)] == [bert]
    row = conversations.list_conversations(stores, bert, 10, None)[0]
    assert row["partner"] == {
        "_id": anna,
        "username": names.DELETED_NAME,
        "bio": "",
        "online": False,
        "lastSeen": None,
    }
    assert row["unread"] == 0
    again = accounts.sign_up(stores, passwords, "anna@example.org", "Anna", PASSWORD)
    assert again["_id"] != anna


def test_no_token_of_a_deleted_account_is_valid_even_if_redis_is_lost(
    stores: Stores, passwords: Passwords, anna: str, bert: str
) -> None:
    assert sessions.is_valid(stores, anna, "token", 1)
    leave(stores, passwords, anna)
    assert not sessions.is_valid(stores, anna, "token", 1)
    stores.redis.flushdb()
    hot.migrate(stores)
    assert not sessions.is_valid(stores, anna, "token", 1)
    assert sessions.is_valid(stores, bert, "token", 1)


def test_the_partner_is_told(stores: Stores, passwords: Passwords, anna: str, bert: str, listener: Listener) -> None:
    sent = [send(stores, anna, bert, f"{SECRET} {n}")["_id"] for n in range(3)]
    drain(stores)
    presence.renew(stores, "web")
    presence.report(stores, "web", {anna: True})
    leave(stores, passwords, anna)
    assert orjson.loads(listener.next(frames.USERS).data)["online"] is True
    assert orjson.loads(listener.next(frames.SESSIONS).data)["userId"] == anna
    gone = listener.next(frames.USERS)
    assert orjson.loads(gone.data) == {"_id": anna, "online": False, "lastSeen": None}
    gone_frames = [listener.next(frames.STATUS) for _ in sent]
    told = [orjson.loads(frame.data) for frame in gone_frames]
    assert {frame["_id"] for frame in told} == set(sent)
    assert {(frame["status"], frame["text"]) for frame in told} == {("deleted", "")}
    assert all(bert in frame.recipients for frame in gone_frames)


def test_the_wrong_password_erases_nothing(stores: Stores, passwords: Passwords, anna: str, bert: str) -> None:
    send(stores, anna, bert, SECRET)
    drain(stores)
    with pytest.raises(Forbidden):
        erasure.leave(stores, passwords, anna, "wrong")
    assert said(history.recent(stores, bert, anna)) == [SECRET]
    assert accounts.get(stores, anna)["username"] == "Anna"


def test_deleting_an_account_twice_is_refused(stores: Stores, passwords: Passwords, anna: str) -> None:
    leave(stores, passwords, anna)
    with pytest.raises(Forbidden):
        leave(stores, passwords, anna)
    with pytest.raises(NotFound):
        erasure.begin(stores, anna)


def test_messages_still_on_their_way_are_erased_when_they_arrive(
    stores: Stores, passwords: Passwords, anna: str, bert: str
) -> None:
    send(stores, anna, bert, SECRET)
    send_voice(stores, anna, bert, SECRET)
    send(stores, bert, anna, "to somebody who is leaving")
    leave(stores, passwords, anna)
    let_settle(stores)
    stores.mongo.erasures.update_one({}, {"$set": {"settles": erasure.ids.now()}})
    assert erasure.run(stores) is False  # it waits for the log
    assert stores.mongo.erasures.count_documents({}) == 1
    drain(stores)
    assert said(history.recent(stores, bert, anna))[0] == SECRET
    finish(stores)
    assert_nothing_left(stores, anna, bert)
    assert said(history.recent(stores, bert, anna)) == ["", "", "to somebody who is leaving"]


def test_what_was_set_aside_of_theirs_is_erased_with_the_rest(
    stores: Stores, passwords: Passwords, anna: str, bert: str
) -> None:
    send(stores, anna, bert, SECRET)
    send(stores, bert, anna, "what Bert said stays")
    accepted = log_of(stores, (anna, bert))
    for raw in stores.redis.xrange(accepted):
        accepted_log.set_aside(stores, raw)
        accepted_log.acknowledge(stores, [Taken(accepted, raw)])
    leave(stores, passwords, anna)
    finish(stores)
    assert_nothing_left(stores, anna, bert)
    ((_, kept),) = stores.redis.xrange(keys.ACCEPTED_REFUSED)
    assert b"what Bert said stays" in kept[b"message"]


def test_the_final_pass_waits_for_messages_the_archive_does_not_have(
    stores: Stores, passwords: Passwords, anna: str, bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send(stores, anna, bert, "first")
    drain(stores)
    erasure.begin(stores, anna)
    changed = {"text": SECRET, "terms": ""}
    assert change(stores, message["_id"], changed)
    monkeypatch.setattr(erasure, "FLUSH_PAGES", 0)  # as if there were far more than one round can flush
    let_settle(stores)
    assert erasure.run(stores) is False
    assert stores.mongo.erasures.count_documents({}) == 1
    monkeypatch.undo()
    finish(stores)
    assert_nothing_left(stores, anna, bert)


def test_a_late_request_brings_no_account_back(stores: Stores, passwords: Passwords, anna: str, bert: str) -> None:
    user = stores.mongo.users.find_one({"_id": anna})
    leave(stores, passwords, anna)
    hot.save_user(stores, user)
    upload(stores, anna)
    finish(stores)
    assert_nothing_left(stores, anna, bert)
    assert accounts.list_people(stores, "", "anna", 10, 0) == []


def test_what_is_older_than_the_hot_window_is_erased_too(
    stores: Stores, passwords: Passwords, anna: str, bert: str, listener: Listener
) -> None:
    sent = [send(stores, anna, bert, f"{SECRET} {n}")["_id"] for n in range(3)]
    drain(stores)
    key = partitions.conversation_key(stores, ids.conversation_id(anna, bert))
    ageing._drop(stores, key.encode(), sent)
    leave(stores, passwords, anna)
    assert [document["text"] for document in stores.mongo.messages.find()] == [""] * 3
    assert stores.redis.zcard(key) == 0
    assert {orjson.loads(listener.next(frames.STATUS).data)["_id"] for _ in sent} == set(sent)
    finish(stores)


def killed_at(call: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, except that this call of it never returns."""
    calls = 0

    def instead(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        return function(*arguments, **more)

    return instead


STEPS = [
    ("chat.upkeep.erasure.sessions.end_all", 1),
    ("chat.upkeep.erasure.presence.forget", 1),
    ("chat.upkeep.erasure.storing.flush", 1),
    ("chat.upkeep.erasure.storing.load_all_for_change", 2),
    ("chat.upkeep.erasure.editing.bury", 1),
    ("chat.messages.editing.audio.delete", 1),
    ("chat.upkeep.erasure.delivery.deliver", 2),
    ("chat.upkeep.erasure.storing.store_archive", 2),
    ("chat.upkeep.erasure.storing.confirm", 1),
    ("chat.upkeep.erasure._update_entry", 3),
    ("chat.upkeep.erasure.audio.delete_owned", 1),
    ("chat.upkeep.erasure._forget_lists", 1),
    ("chat.upkeep.erasure._end", 1),
]


@pytest.mark.parametrize("redis_lost", [False, True], ids=["redis-kept", "redis-lost"])
@pytest.mark.parametrize(("step", "call"), STEPS)
def test_killed_at_any_step_it_is_finished_by_the_next_round(
    stores: Stores,
    passwords: Passwords,
    anna: str,
    bert: str,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    call: int,
    redis_lost: bool,
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 2)
    sent = [send(stores, anna, bert, f"{SECRET} {n}", f"client {n}")["_id"] for n in range(6)]
    send_voice(stores, anna, bert, SECRET)
    upload(stores, anna)
    send(stores, bert, anna, "what Bert said stays")
    drain(stores)
    sync.run(stores)
    ageing._drop(stores, partitions.conversation_key(stores, ids.conversation_id(anna, bert)).encode(), sent[:2])
    module, _, name = step.rpartition(".")
    owner = _resolve(module)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killed_at(call, getattr(owner, name)))
        with pytest.raises(Killed):
            leave(stores, passwords, anna)
    if redis_lost:
        stores.redis.flushdb()
        while sync.run(stores):
            pass
    stores.redis.delete(keys.lock_key(f"erasure:{anna}"))  # as if the dead process's lock had expired
    finish(stores)
    while sync.run(stores):
        pass
    assert_nothing_left(stores, anna, bert)
    assert "what Bert said stays" in said(history.recent(stores, bert, anna))


def _resolve(path: str) -> Any:
    import importlib

    parts = path.split(".")
    found: Any = importlib.import_module(".".join(parts[:2]))
    for part in parts[2:]:
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("error", [PyMongoError("away"), RedisError("away")])
def test_with_a_store_away_the_account_is_gone_and_the_rest_follows(
    stores: Stores, passwords: Passwords, anna: str, bert: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    send(stores, anna, bert, SECRET)
    drain(stores)

    def away(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(erasure.storing, "store_archive", away)
        leave(stores, passwords, anna)
    assert stores.mongo.users.count_documents({"_id": anna}) == 0
    finish(stores)
    assert_nothing_left(stores, anna, bert)


def test_a_long_erasure_goes_on_in_rounds(
    stores: Stores, passwords: Passwords, anna: str, bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 2)
    monkeypatch.setattr(erasure, "ROUND_SECONDS", 0.0)
    monkeypatch.setattr(erasure, "REQUEST_SECONDS", 0.0)
    for n in range(5):
        send(stores, anna, bert, f"{SECRET} {n}")
    drain(stores)
    leave(stores, passwords, anna)
    texts = [document["text"] for document in stores.mongo.messages.find().sort("_id", 1)]
    assert texts == [f"{SECRET} {n}" for n in range(3)] + ["", ""]  # the newest first
    assert erasure.run(stores) is True
    rounds = 1
    while erasure.run(stores):
        rounds += 1
    assert rounds > 1
    finish(stores)
    assert_nothing_left(stores, anna, bert)


def test_one_round_works_on_an_erasure_at_a_time(stores: Stores, passwords: Passwords, anna: str, bert: str) -> None:
    send(stores, anna, bert, SECRET)
    drain(stores)
    stores.redis.set(keys.lock_key(f"erasure:{anna}"), "another", ex=60)
    leave(stores, passwords, anna)
    assert erasure.run(stores) is False
    assert said(history.recent(stores, bert, anna)) == [SECRET]
    stores.redis.delete(keys.lock_key(f"erasure:{anna}"))
    finish(stores)
    assert_nothing_left(stores, anna, bert)


def test_others_lose_nothing(stores: Stores, passwords: Passwords, anna: str, bert: str) -> None:
    carl = someone(stores, "carl")
    for sender, receiver in ((bert, carl), (carl, bert), (bert, anna), (carl, anna)):
        send(stores, sender, receiver, f"from {sender} to {receiver}")
    kept = upload(stores, bert)
    drain(stores)
    sync.run(stores)
    before = history.recent(stores, bert, carl), history.recent(stores, bert, anna), history.recent(stores, carl, anna)
    leave(stores, passwords, anna)
    finish(stores)
    after = history.recent(stores, bert, carl), history.recent(stores, bert, anna), history.recent(stores, carl, anna)
    assert after == before
    assert audio.find(stores, kept, bert).id == kept


def test_a_crash_of_redis_that_lost_revisions_keeps_no_text_in_the_archive(
    stores: Stores, passwords: Passwords, anna: str, bert: str
) -> None:
    message = send(stores, anna, bert, SECRET)
    drain(stores)
    stores.mongo.messages.update_one({"_id": message["_id"]}, {"$set": {"revision": 9}})
    leave(stores, passwords, anna)
    finish(stores)
    assert_nothing_left(stores, anna, bert)


def test_rebuilding_a_lost_redis_brings_nobody_back(stores: Stores, passwords: Passwords, anna: str, bert: str) -> None:
    send(stores, anna, bert, SECRET)
    send(stores, bert, anna, "what Bert said stays")
    drain(stores)
    leave(stores, passwords, anna)
    finish(stores)
    stores.redis.flushdb()
    while sync.run(stores):
        pass
    assert_nothing_left(stores, anna, bert)
    assert said(history.recent(stores, bert, anna)) == ["", "what Bert said stays"]
    assert conversations.list_conversations(stores, bert, 10, None)[0]["partner"]["username"] == names.DELETED_NAME
