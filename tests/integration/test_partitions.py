"""The partitions of the accepted messages: their number, who drains which, and what came before there were any."""

from dataclasses import replace
from unittest.mock import patch

import pytest
from redis.exceptions import LockError

from chat import ids
from chat.messages import draining, history
from chat.messages import log as accepted_log
from chat.messages.leases import Leases
from chat.store import keys, partitions
from chat.store.connection import Stores
from chat.upkeep import moving
from tests.people import drain, log_of, partition_of, said, send, send_voice, someone


def with_partitions(stores: Stores, number: int) -> Stores:
    return replace(stores, settings=stores.settings.model_copy(update={"partitions": number}))


def test_their_number_is_fixed_at_the_first_start_and_outlives_the_loss_of_either_store(stores: Stores) -> None:
    assert partitions.unusable(with_partitions(stores, 4)) == ""
    for lose in (lambda: stores.mongo.marks.delete_many({}), lambda: stores.redis.delete(keys.PARTITIONS)):
        lose()
        assert "must stay 4" in partitions.unusable(with_partitions(stores, 8))
        assert partitions.unusable(with_partitions(stores, 4)) == ""
    assert stores.redis.get(keys.PARTITIONS) == b"4"


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
    assert len(told) > 8, "conversations are spread"


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

    for number in range(3):
        send(stores, *pair, f"{number}")
    with patch.multiple(draining, LINGER_MS=1, LINGER_ROUNDS=3):
        assert draining.drain(stores, lambda _: None, on_busy=offer_once) is False
    half = stores.settings.partitions // 2
    assert said(history.recent(stores, *pair)) == ["0", "1", "2"]
    others = [each for each in partitions.every(stores) if stores.redis.exists(keys.drainer_key(each))]
    assert len(others) == half
    assert set(others) <= set(helper.take()[0])


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


@pytest.fixture
def old(stores: Stores, pair: tuple[str, str]) -> list[str]:
    """What that version accepted and did not drain: the ids of a text and of a voice message."""
    redis, accepted = stores.redis, []
    send(stores, *pair, "once", "client")
    send_voice(stores, *pair)
    log = log_of(stores, pair)
    for _, fields in redis.xrange(log):
        fields[accepted_log.ENTROPY] = b"00" * 8  # which tells nothing
        entry_id = redis.xadd(keys.OLD_ACCEPTED, fields).decode()
        accepted.append(ids.message_id(entry_id, "00" * 8))
    redis.xgroup_create(keys.OLD_ACCEPTED, keys.ACCEPTED_GROUP, id="0")
    redis.xreadgroup(keys.ACCEPTED_GROUP, accepted_log.CONSUMER, {keys.OLD_ACCEPTED: ">"}, count=1)  # and died
    redis.delete(log)
    return accepted


def test_a_start_on_what_an_older_version_left_says_what_to_call(stores: Stores, old: list[str]) -> None:
    assert partitions.MOVE in partitions.unusable(stores)
    moving.move(stores)
    assert partitions.unusable(stores) == ""


def test_what_an_older_version_accepted_is_stored_under_its_ids_however_often_it_is_moved(
    stores: Stores, pair: tuple[str, str], old: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "PAGE", 1)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moving.move(stores, interrupt)
    assert moving.expected(stores) == len(old) - 1
    assert moving.move(stores) == len(old) - 1
    assert moving.move(stores) == 0
    assert [each["_id"] for each in history.recent(stores, *pair)] == old
    assert stores.redis.zscore(keys.TRANSCRIPTIONS, old[1]) is not None
    assert not list(stores.redis.scan_iter(match=f"{keys.OLD_ACCEPTED}*"))
    assert send(stores, *pair, "then")["_id"] > old[1]


def test_nothing_is_moved_while_a_worker_of_that_version_drains(stores: Stores, old: list[str]) -> None:
    stores.redis.set(keys.OLD_ACCEPTED_DRAINER, "it", px=60_000)
    with pytest.raises(moving.StillRunning):
        moving.move(stores)
    assert moving.expected(stores) == len(old)


def test_a_repeated_send_finds_the_message_an_older_version_accepted(
    stores: Stores, pair: tuple[str, str], old: list[str]
) -> None:
    receipt = accepted_log.receipt_of(old[0])
    stores.redis.set(keys.client_key(pair[0], "client"), str(receipt))
    moving.move(stores)
    assert send(stores, *pair, "once", "client")["_id"] == old[0]
    assert accepted_log.find(stores, receipt, ids.conversation_id(*pair)) is None
