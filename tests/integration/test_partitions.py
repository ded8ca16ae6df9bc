"""The partitions of the accepted messages: their number, who drains which, and what came before there were any."""

import secrets
from dataclasses import replace
from unittest.mock import patch

import orjson
import pytest
from redis.exceptions import LockError

from chat import ids
from chat.messages import conversations, draining, editing, history, search
from chat.messages import log as accepted_log
from chat.messages.leases import Leases
from chat.store import hot, keys, partitions
from chat.store.connection import Stores
from chat.store.prepare import prepare_when_up
from chat.upkeep import moving, sync
from config.settings import SettingsError
from tests.people import change, drain, key_of, log_of, partition_of, said, send, send_voice, someone


def with_partitions(stores: Stores, number: int) -> Stores:
    return replace(stores, settings=stores.settings.model_copy(update={"partitions": number}))


def test_their_number_is_fixed_at_the_first_start_and_outlives_the_loss_of_either_store(stores: Stores) -> None:
    assert partitions.unusable(with_partitions(stores, 2)) == ""
    for lose in (lambda: stores.mongo.marks.delete_many({}), lambda: stores.redis.delete(keys.PARTITIONS)):
        lose()
        assert "must stay 2" in partitions.unusable(with_partitions(stores, 8))
        assert partitions.unusable(with_partitions(stores, 2)) == ""
    assert stores.redis.get(keys.PARTITIONS) == b"2"


def test_no_process_starts_with_another_number_or_on_what_was_not_moved(stores: Stores) -> None:
    assert prepare_when_up(stores, 10)
    with pytest.raises(SettingsError, match=f"PARTITIONS: must stay {stores.settings.partitions}"):
        prepare_when_up(with_partitions(stores, 8), 10)
    stores.redis.xadd(keys.OLD_ACCEPTED, {"message": "of an older version"})
    with pytest.raises(SettingsError, match=partitions.MOVE):
        prepare_when_up(stores, 10)


def test_a_conversation_has_one_partition_which_the_ids_of_its_messages_tell(stores: Stores) -> None:
    anna = someone(stores, "anna")
    told = set()
    for number in range(40):
        other = someone(stores, f"other {number}")
        for sender, receiver in ((anna, other), (other, anna)):
            sent = send(stores, sender, receiver, "hello")["_id"]
            partition = partition_of(stores, (anna, other))
            assert partitions.of_message(stores, sent) == partition
            assert accepted_log.contains(stores, sent)
            told.add(partition)
        drain(stores)
        assert len(history.recent(stores, anna, other)) == 2
    assert len(told) > 1, "conversations are spread"


def test_a_helper_gets_half_of_a_busy_drainers_partitions_and_leaves_them_again(stores: Stores) -> None:
    busy, helper, late = Leases(stores), Leases(stores), Leases(stores)
    assert len(busy.take()[0]) == stores.settings.partitions
    assert late.take() == ([], False), "its flags say that it goes on"
    assert not busy.share()
    assert busy.may_call_helper()
    assert not busy.may_call_helper(), "one is coming"
    helper.offer_help()
    assert busy.share()
    assert not busy.share(), "it has what it asked for"
    taken, _ = helper.take()
    assert sorted(taken + busy.held) == list(partitions.every(stores))
    assert len(taken) == len(busy.held)
    busy.renew()
    helper.renew()
    busy.lower_flags()
    assert late.take() == ([], True), "it is about to end"
    assert helper.release() == 0
    assert set(busy.take()[0]) == set(taken)
    assert busy.all_held


def test_whoever_has_lost_a_partition_learns_it_and_takes_nothing_from_its_successor(stores: Stores) -> None:
    slow, next_one = Leases(stores), Leases(stores)
    slow.take()
    stores.redis.delete(keys.drainer_key(3))  # as if it had expired
    assert next_one.take()[0] == [3]
    with pytest.raises(LockError):
        slow.renew()
    slow.release()
    next_one.renew()


def test_a_drainer_that_never_waits_calls_a_helper_and_shares_with_it(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "BUSY_SHARE", -1.0)
    monkeypatch.setattr(draining, "RENEW_SECONDS", -1.0)
    helper, called = Leases(stores), []

    def offer_once() -> None:
        if not called:
            called.append(1)
            helper.offer_help()

    share, undone = Leases.share, []

    def share_what_is_done(leases: Leases) -> bool:
        pending = stores.redis.xpending(log_of(stores, pair), keys.ACCEPTED_GROUP)
        undone.append(pending["pending"])
        return share(leases)

    monkeypatch.setattr(Leases, "share", share_what_is_done)
    for number in range(3):
        send(stores, *pair, f"{number}")
    with patch.multiple(draining, LINGER_MS=1, LINGER_ROUNDS=3):
        assert draining.drain(stores, lambda _: None, on_busy=offer_once) is False
    half = stores.settings.partitions // 2
    assert said(history.recent(stores, *pair)) == ["0", "1", "2"]
    others = [each for each in partitions.every(stores) if stores.redis.exists(keys.drainer_key(each))]
    assert len(others) == half
    assert set(others) <= set(helper.take()[0])
    assert len(undone) > 1
    assert not any(undone), "the helper would do the same again"


def test_drainers_at_once_deliver_everything_once_and_in_order(stores: Stores) -> None:
    anna = someone(stores, "anna")
    others = [someone(stores, f"other {number}") for number in range(12)]
    first = Leases(stores)
    first.take()
    second = Leases(stores)
    second.offer_help()
    first.share()
    for number in range(5):
        for other in others:
            send(stores, anna, other, f"{number}")
    helped, _ = second.take()
    first.release()
    drain(stores)
    own = [other for other in others if partition_of(stores, (anna, other)) not in helped]
    for other in others:
        assert said(history.recent(stores, anna, other)) == ([f"{n}" for n in range(5)] if other in own else [])
    second.release()
    drain(stores)
    for other in others:
        assert said(history.recent(stores, anna, other)) == [f"{n}" for n in range(5)]
    assert stores.mongo.messages.count_documents({}) == 5 * len(others)


# --- A version before the partitions


def to_old(stores: Stores) -> None:
    """Gives what is in the partitions the names it had in that version."""
    redis = stores.redis
    for index in hot.indexes(stores)[1:]:
        hot.drop_index(redis, index.name)
        redis.delete(keys.hash_key(index.name))
    for pattern, prefix in (
        (keys.EVERY_MESSAGE, keys.OLD_MESSAGES),
        (keys.EVERY_CONVERSATION, keys.OLD_CONVERSATIONS),
        (keys.EVERY_CURSORS, keys.OLD_CURSORS),
    ):
        for key in list(redis.scan_iter(match=pattern)):
            redis.rename(key, prefix + keys.named(key).name)
    for partition in partitions.every(stores):
        for raw, revision in redis.zrange(keys.outbox_key(partition), 0, -1, withscores=True):
            redis.zadd(keys.OLD_OUTBOX, {raw: revision})
        for field, value in redis.hgetall(keys.cursors_outbox_key(partition)).items():
            redis.hset(keys.OLD_CURSORS_OUTBOX, field, value)
        redis.delete(keys.outbox_key(partition), keys.cursors_outbox_key(partition), keys.confirmed_key(partition))
        for entry_id, fields in redis.xrange(keys.accepted_key(partition)):
            redis.xadd(keys.OLD_ACCEPTED, fields, id=entry_id)
        redis.delete(keys.accepted_key(partition))
    redis.execute_command(
        "FT.CREATE", keys.OLD_MESSAGE_INDEX, *f"ON JSON PREFIX 1 {keys.OLD_MESSAGES} SCHEMA $.pk AS pk TAG".split()
    )
    redis.set(keys.hash_key(keys.OLD_MESSAGE_INDEX), "hash")


def to_uncut(stores: Stores) -> None:
    """Gives what belongs to people the names it had before these had hash tags."""
    redis = stores.redis
    hot.drop_index(redis, keys.USER_INDEX)
    redis.delete(keys.hash_key(keys.USER_INDEX))
    for name in keys.RENAMED:
        if redis.exists(name):
            redis.rename(name, keys.untagged(name))
    for key in list(redis.scan_iter(match=f"{keys.PREFIX}:{{*")):
        _, tag, rest = key.decode().split(":", 2)
        owner, kind = tag.strip("{}"), rest.partition(":")[0]
        if (tag, kind) == ("{p}", "user"):
            redis.rename(key, f"{keys.PREFIX}:{rest}")
        elif kind in ("conversations", "deliveries", "upload"):
            redis.rename(key, f"{keys.PREFIX}:{kind}:{owner[1:]}")
        elif kind == "inbox":
            redis.rename(key, f"{keys.PREFIX}:inbox:{owner[1:]}:{rest.removeprefix('inbox:')}")
        elif kind == "client" and owner[0] == "m":
            redis.rename(key, f"{keys.PREFIX}:{rest}")
        elif owner[0] == "u":
            redis.delete(key)
    redis.execute_command(
        "FT.CREATE", keys.OLD_USER_INDEX, *f"ON JSON PREFIX 1 {keys.OLD_USERS} SCHEMA $.pk AS pk TAG".split()
    )
    redis.set(keys.hash_key(keys.OLD_USER_INDEX), "hash")


@pytest.fixture
def old(stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What that version had of Anna and Bert: the ids of two stored texts, one changed, and of what is in its log."""
    with monkeypatch.context() as patched:
        patched.setattr(ids, "new_entropy", lambda _: f"00{secrets.token_hex(7)}")  # which tells nothing
        sent = [send(stores, *pair, "one", "client")["_id"], send(stores, *pair, "two")["_id"]]
        drain(stores)
        conversations.mark_read(stores, pair[1], pair[0], sent[0])
        change(stores, sent[1], {"text": "two, changed"})
        sent += [send(stores, *pair, "three")["_id"], send_voice(stores, *pair)["_id"]]
        to_old(stores)
        to_uncut(stores)
        stores.redis.xgroup_create(keys.OLD_ACCEPTED, keys.ACCEPTED_GROUP, id="0")
        stores.redis.xreadgroup(
            keys.ACCEPTED_GROUP, accepted_log.CONSUMER, {keys.OLD_ACCEPTED: ">"}, count=1
        )  # and died
    return sent


def assert_moved(stores: Stores, pair: tuple[str, str], old: list[str]) -> None:
    anna, bert = pair
    found = history.recent(stores, bert, anna)
    assert [each["_id"] for each in found] == old
    assert said(found)[:3] == ["one", "two, changed", "three"]
    assert [each["status"] for each in found] == ["read", "delivered", "delivered", "transcribing"]
    assert [hit["_id"] for hit in search.search(stores, anna, "changed", 20, 0)] == [old[1]]
    assert stores.redis.zscore(keys.TRANSCRIPTIONS, old[3]) is not None
    left = {key.decode() for key in stores.redis.scan_iter(match=f"{keys.PREFIX}:*")}
    gone = (keys.OLD_MESSAGES, keys.OLD_CONVERSATIONS, keys.OLD_CURSORS, keys.OLD_OUTBOX, keys.OLD_ACCEPTED + ":")
    assert not [key for key in left if key.startswith(gone) and key not in (keys.SEEN_OUTBOX, keys.SESSIONS_OUTBOX)]
    assert keys.OLD_ACCEPTED not in left
    uncut = [key for key in left if key.startswith((*moving._PLACES, keys.OLD_CLIENTS))]
    assert not uncut
    assert not left & {keys.untagged(key) for key in keys.RENAMED}
    (row,) = conversations.list_conversations(stores, bert, 10, None)
    assert (row["partner"]["username"], row["unread"]) == ("anna", 3)
    assert [hit["_id"] for hit in search.search(stores, bert, "anna", 20, 0)] == [anna]
    sync.run(stores)
    assert stores.mongo.messages.find_one({"_id": old[1]})["text"] == "two, changed"
    assert stores.mongo.cursors.find_one({})["upTo"] == old[0]


@pytest.mark.single_redis
def test_a_start_on_what_an_older_version_left_says_what_to_call(stores: Stores, old: list[str]) -> None:
    assert partitions.MOVE in partitions.unusable(stores)
    moving.move(stores)
    assert partitions.unusable(stores) == ""


@pytest.mark.single_redis
def test_what_an_older_version_had_is_all_there_under_its_ids_once_it_is_moved(
    stores: Stores, pair: tuple[str, str], old: list[str]
) -> None:
    assert moving.move(stores) == (2, 2)
    assert moving.move(stores) == (0, 0)
    assert_moved(stores, pair, old)
    assert send(stores, *pair, "one", "client")["_id"] == old[0]
    assert editing.edit(stores, pair[0], old[0], "found by its id alone")["text"] == "found by its id alone"
    assert send(stores, *pair, "then")["_id"] > old[-1]


@pytest.mark.single_redis
@pytest.mark.parametrize("step", [*range(1, 8), 12, 24])
def test_moving_goes_on_wherever_it_was_interrupted(
    stores: Stores, pair: tuple[str, str], old: list[str], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(moving, "PAGE", 1)
    steps: list[int] = []

    def interrupt(_: int) -> None:
        steps.append(1)
        if len(steps) == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moving.move(stores, interrupt)
    assert partitions.MOVE in partitions.unusable(stores)
    moving.move(stores)
    assert_moved(stores, pair, old)


@pytest.mark.single_redis
def test_what_people_had_before_their_keys_were_cut_is_all_there(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    sent = [send(stores, *pair, "one", "client")["_id"], send_voice(stores, *pair)["_id"]]
    drain(stores)
    before = [stores.redis.zrange(keys.deliveries_key(person), 0, -1, withscores=True) for person in pair]
    to_uncut(stores)
    assert partitions.MOVE in partitions.unusable(stores)
    moving.move(stores)
    assert partitions.unusable(stores) == ""
    assert [each["_id"] for each in history.recent(stores, bert, anna)] == sent
    assert send(stores, *pair, "one", "client")["_id"] == sent[0]
    assert [stores.redis.zrange(keys.deliveries_key(person), 0, -1, withscores=True) for person in pair] == before
    assert conversations.list_conversations(stores, bert, 10, None)[0]["unread"] == 2
    assert stores.redis.zscore(keys.TRANSCRIPTIONS, sent[1]) is not None
    assert [hit["_id"] for hit in search.search(stores, bert, "anna", 20, 0)] == [anna]


@pytest.mark.single_redis
def test_nothing_is_moved_while_a_worker_of_that_version_drains(stores: Stores, old: list[str]) -> None:
    stores.redis.set(keys.OLD_ACCEPTED_DRAINER, "it", px=60_000)
    with pytest.raises(moving.StillRunning):
        moving.move(stores)
    assert stores.redis.xlen(keys.OLD_ACCEPTED) == 2


@pytest.mark.single_redis
@pytest.mark.parametrize(("field", "value"), [("revision", 9), ("deletedAt", "2026-01-01T00:00:00.000Z")])
def test_of_two_copies_of_a_message_the_newer_one_is_kept(
    stores: Stores, pair: tuple[str, str], field: str, value: object
) -> None:
    sent = send(stores, *pair, "hello")["_id"]
    drain(stores)
    new = key_of(stores, sent)

    def change_to(key: str, **fields: object) -> None:
        stores.redis.execute_command("JSON.MERGE", key, "$", orjson.dumps(fields))

    for newer in ("old", new):
        stores.redis.copy(new, "old")
        change_to(newer, text="the newer one", **{field: value})
        stores.scripts.take_over(keys=["old", new])
        assert not stores.redis.exists("old")
        assert hot.read_json(stores.redis, [new])[0]["text"] == "the newer one"
        change_to(new, text="hello", revision=1, deletedAt=None)
