"""People with a live socket anywhere are online; everybody is told when that changes, and only then."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from chat import frames, ids
from chat.people import accounts, presence, telling
from chat.store import hot, keys
from chat.store.connection import Stores
from chat.upkeep import sync
from tests.people import drain, send, someone
from tests.pubsub import Listener

ONE, OTHER = "process-1", "process-2"


@pytest.fixture
def anna(stores: Stores) -> str:
    return someone(stores, "anna")


@pytest.fixture
def listener(stores: Stores) -> Iterator[Listener]:
    for process in (ONE, OTHER):
        presence.renew(stores, process)
    with Listener(stores, frames.USERS) as opened:
        yield opened


def told(listener: Listener) -> list[dict[str, Any]]:
    """The frames since the last call; checks that each goes to everybody."""
    heard = listener.heard(frames.USERS)
    assert all(each.recipients == () for each in heard)
    return [orjson.loads(each.data) for each in heard]


def states(listener: Listener) -> list[tuple[str, bool]]:
    return [(frame["_id"], frame["online"]) for frame in told(listener)]


def is_online(stores: Stores, user_id: str) -> bool:
    profile = accounts.profiles(stores, "", [user_id])[user_id]
    assert profile["online"] == (user_id in presence.online(stores, [user_id]))
    return bool(profile["online"])


def let_run_out(stores: Stores, process: str) -> None:
    """Makes a lease expire, as if the process had not renewed it in time."""
    presence.renew(stores, process, 0)


def test_a_frame_goes_out_only_when_somebody_comes_or_goes(stores: Stores, anna: str, listener: Listener) -> None:
    presence.report(stores, ONE, {anna: True})
    presence.report(stores, ONE, {anna: True})
    assert told(listener) == [{"_id": anna, "online": True, "lastSeen": None}]
    assert is_online(stores, anna)
    presence.report(stores, ONE, {anna: False})
    presence.report(stores, ONE, {anna: False})
    frames = told(listener)
    assert [(frame["_id"], frame["online"]) for frame in frames] == [(anna, False)]
    assert frames[0]["lastSeen"] == presence.last_seen(stores, [anna])[anna]
    assert not is_online(stores, anna)


def test_people_with_a_socket_on_any_process_are_online(stores: Stores, anna: str, listener: Listener) -> None:
    presence.report(stores, ONE, {anna: True})
    presence.report(stores, OTHER, {anna: True})
    presence.report(stores, ONE, {anna: False})
    assert states(listener) == [(anna, True)]
    assert is_online(stores, anna)
    presence.report(stores, OTHER, {anna: False})
    assert states(listener) == [(anna, False)]


def test_a_dead_process_takes_its_people_offline_but_not_those_who_are_elsewhere(
    stores: Stores, anna: str, listener: Listener
) -> None:
    bert = someone(stores, "bert")
    presence.report(stores, ONE, {anna: True, bert: True})
    presence.report(stores, OTHER, {bert: True})
    presence.sweep(stores)
    assert is_online(stores, anna)
    let_run_out(stores, ONE)
    told(listener)
    presence.sweep(stores)
    presence.sweep(stores)
    assert states(listener) == [(anna, False)]
    assert is_online(stores, bert)
    assert not stores.redis.exists(keys.presence_process_key(ONE))
    assert stores.redis.zrange(keys.PRESENCE_PROCESSES, 0, -1) == [OTHER.encode()]


def test_a_process_that_renewed_its_lease_in_time_keeps_its_people(
    stores: Stores, anna: str, listener: Listener
) -> None:
    presence.report(stores, ONE, {anna: True})
    let_run_out(stores, ONE)
    presence.renew(stores, ONE)
    presence._sweep_page(stores, ONE)  # of a sweeper that saw the lease when it had run out
    assert states(listener) == [(anna, True)]
    assert stores.redis.zscore(keys.PRESENCE_PROCESSES, ONE) is not None


def test_many_people_go_offline_by_pages_and_by_several_sweepers(
    stores: Stores, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [someone(stores, f"person {n}") for n in range(25)]
    presence.report(stores, ONE, dict.fromkeys(people, True))
    told(listener)
    let_run_out(stores, ONE)
    monkeypatch.setattr(presence, "SWEEP_PAGE", 4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: presence.sweep(stores), range(4)))
    assert sorted(states(listener)) == sorted((person, False) for person in people)


def test_a_process_that_was_taken_for_dead_reports_everybody_again(
    stores: Stores, anna: str, listener: Listener
) -> None:
    presence.report(stores, ONE, {anna: True})
    let_run_out(stores, ONE)
    presence.sweep(stores)
    presence.report(stores, ONE, {anna: True})  # it does not know yet
    assert not is_online(stores, anna)
    assert presence.renew(stores, ONE) is True
    presence.report(stores, ONE, {anna: True})
    assert presence.renew(stores, ONE) is False
    assert states(listener) == [(anna, True), (anna, False), (anna, True)]


def test_a_process_that_was_late_reports_everybody_again_though_nobody_has_swept_yet(
    stores: Stores, anna: str, listener: Listener
) -> None:
    presence.report(stores, ONE, {anna: True})
    stores.redis.zadd(keys.PRESENCE_PROCESSES, {ONE: ids.now_ms() - 1})  # its lease has run out
    assert presence.renew(stores, ONE) is True, "a sweeper may be taking its people offline page by page"
    assert presence.renew(stores, ONE) is False


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_process_whose_clock_is_wrong_neither_loses_its_people_nor_takes_others_offline(
    stores: Stores, anna: str, listener: Listener, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    bert, now_ms = someone(stores, "bert"), ids.now_ms
    presence.report(stores, ONE, {anna: True})
    with monkeypatch.context() as patched:
        patched.setattr(ids, "now_ms", lambda: now_ms() + seconds * 1_000)
        assert presence.renew(stores, OTHER) is False
        presence.report(stores, OTHER, {bert: True})
        presence.sweep(stores)
    presence.sweep(stores)
    assert presence.online(stores, [anna, bert]) == {anna, bert}
    assert presence.renew(stores, OTHER) is False


def test_a_lease_holds_for_the_time_the_settings_say(stores: Stores, listener: Listener) -> None:
    now = ids.now_ms()
    presence.renew(stores, ONE)
    held = stores.redis.zscore(keys.PRESENCE_PROCESSES, ONE) - now
    lease = stores.settings.presence_lease * 1_000
    assert lease <= held < lease + 5_000


def test_a_sweep_ends_after_some_pages_and_the_next_one_goes_on(
    stores: Stores, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [someone(stores, f"person {n}") for n in range(5)]
    presence.report(stores, ONE, dict.fromkeys(people, True))
    let_run_out(stores, ONE)
    told(listener)
    monkeypatch.setattr(presence, "SWEEP_PAGE", 1)
    monkeypatch.setattr(presence, "MAX_SWEEP_STEPS", 2)
    gone = []
    for _ in range(3):
        presence.sweep(stores)
        gone.append(len(states(listener)))
    assert gone == [2, 2, 1]


def test_people_are_online_again_after_redis_was_lost(stores: Stores, anna: str, listener: Listener) -> None:
    presence.report(stores, ONE, {anna: True})
    stores.redis.flushdb()
    hot.migrate(stores)
    assert presence.renew(stores, ONE) is True
    presence.report(stores, ONE, {anna: True})
    assert is_online(stores, anna)


def test_a_deleted_account_is_never_online(stores: Stores, anna: str, listener: Listener) -> None:
    presence.report(stores, ONE, {anna: True})
    stores.mongo.users.delete_one({"_id": anna})
    stores.redis.delete(keys.user_key(anna))
    presence.forget(stores, anna)
    assert told(listener)[-1] == {"_id": anna, "online": False, "lastSeen": None}
    presence.report(stores, ONE, {anna: True})
    presence.report(stores, OTHER, {anna: True})
    presence.report(stores, ONE, {anna: False})
    assert told(listener) == []
    profile = accounts.profiles(stores, "", [anna])[anna]
    assert (profile["online"], profile["lastSeen"]) == (False, None)
    assert not list(stores.redis.scan_iter(f"{keys.PREFIX}:presence:user:*"))


def test_when_somebody_was_last_seen_outlives_redis(stores: Stores, anna: str, listener: Listener) -> None:
    presence.report(stores, ONE, {anna: True})
    presence.report(stores, ONE, {anna: False})
    seen = accounts.profiles(stores, "", [anna])[anna]["lastSeen"]
    assert seen is not None
    sync.run(stores)
    assert stores.mongo.users.find_one({"_id": anna})["lastSeen"] == seen
    assert stores.redis.hlen(keys.SEEN_OUTBOX) == 0
    stores.redis.flushdb()
    assert accounts.profiles(stores, "", [anna])[anna]["lastSeen"] == seen
    while sync.run(stores):
        pass
    assert accounts.profiles(stores, "", [anna])[anna]["lastSeen"] == seen
    presence.renew(stores, ONE)
    presence.report(stores, ONE, {anna: True})
    assert told(listener)[-1]["lastSeen"] == seen


def test_an_older_time_in_the_archive_does_not_replace_a_newer_one(
    stores: Stores, anna: str, listener: Listener
) -> None:
    presence.report(stores, ONE, {anna: True})
    presence.report(stores, ONE, {anna: False})
    seen = presence.last_seen(stores, [anna])[anna]
    stores.mongo.users.update_one({"_id": anna}, {"$set": {"lastSeen": "2020-01-01T00:00:00.000Z"}})
    hot.save_user(stores, stores.mongo.users.find_one({"_id": anna}))
    assert presence.last_seen(stores, [anna])[anna] == seen
    sync.run(stores)
    assert stores.mongo.users.find_one({"_id": anna})["lastSeen"] == seen


@pytest.fixture
def private(stores: Stores) -> Stores:
    """The same stores with `PRESENCE=contacts`."""
    return dataclasses.replace(stores, settings=stores.settings.model_copy(update={"presence": "contacts"}))


def to(listener: Listener) -> list[tuple[str, bool, set[str]]]:
    """About whom, what and to whom the frames since the last call were."""
    heard = [(orjson.loads(each.data), each.recipients) for each in listener.heard(frames.USERS)]
    return [(change["_id"], change["online"], set(recipients)) for change, recipients in heard]


def test_with_contacts_the_newest_conversations_partners_are_told_and_nobody_else(
    private: Stores, anna: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    presence.report(private, ONE, {anna: True})
    assert to(listener) == [], "of somebody without a conversation nobody is told, rather than everybody"
    oldest, older, newest = (someone(private, name) for name in ("bert", "carl", "dora"))
    for partner in (oldest, older, newest):
        send(private, partner, anna, "hello")
    drain(private)
    listener.heard(frames.USERS)
    presence.report(private, ONE, {anna: False})
    assert to(listener) == [(anna, False, {oldest, older, newest})]
    monkeypatch.setattr(presence, "CONTACTS_TOLD", 2)
    private.redis.zadd(keys.conversations_key(anna), {oldest: 1, older: 2, newest: 3})
    presence.report(private, ONE, {anna: True})
    let_run_out(private, ONE)
    presence.sweep(private)
    assert to(listener) == [(anna, True, {older, newest}), (anna, False, {older, newest})]
    assert presence.shown(private, oldest, [anna, newest]) == {anna}, "though not told, in a list they see it"


def test_with_contacts_two_who_begin_to_talk_see_each_other_from_then_on(
    private: Stores, anna: str, listener: Listener
) -> None:
    bert = someone(private, "bert")
    presence.report(private, ONE, {anna: True})
    assert accounts.profiles(private, bert, [anna])[anna]["online"] is False
    send(private, bert, anna, "hello")
    drain(private)
    assert sorted(to(listener)) == sorted([(anna, True, {bert}), (bert, False, {anna})])
    assert accounts.profiles(private, bert, [anna])[anna]["online"] is True
    send(private, bert, anna, "hello again")
    drain(private)
    assert to(listener) == []


def test_with_contacts_neither_muting_nor_deleting_shows_strangers_who_is_online(
    private: Stores, anna: str, listener: Listener
) -> None:
    bert, carl = someone(private, "bert"), someone(private, "carl")
    send(private, bert, anna, "hello")
    drain(private)
    presence.report(private, ONE, {anna: True})
    listener.heard(frames.USERS)
    telling.tell_of_muting(private, carl, anna, muted=True)
    telling.tell_of_muting(private, bert, anna, muted=True)
    assert to(listener) == [(anna, False, {carl}), (anna, True, {bert})]
    presence.forget(private, anna)
    assert to(listener) == [(anna, False, {bert})]
