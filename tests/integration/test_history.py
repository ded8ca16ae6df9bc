"""A conversation stored partly in each store reads as one, without gaps, overlaps or reordering."""

from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient

from chat import ids
from chat.errors import Invalid, NotFound
from chat.messages import conversations, delivery, history
from chat.store import clock, keys
from chat.store.connection import Stores
from chat.upkeep import sync
from dev.processes import free_port
from tests.people import archive_only, drain, said, send, send_voice, someone


@pytest.fixture
def across(stores: Stores, pair: tuple[str, str]) -> list[str]:
    """300 messages, 50 of them only in the archive; returns all texts in order."""
    old = archive_only(stores, pair, 50)
    new = [send(stores, pair[n % 2], pair[1 - n % 2], f"new {n}")["text"] for n in range(250)]
    drain(stores)
    while sync.run(stores):
        pass
    return old + new


def test_the_plain_call_answers_the_newest_ascending(stores: Stores, pair: tuple[str, str], across: list[str]) -> None:
    assert said(history.recent(stores, *pair)) == across[-200:]
    assert history.recent(stores, *pair) == history.recent(stores, *reversed(pair))


@pytest.mark.parametrize("limit", [7, 500])
def test_pages_before_walk_the_whole_conversation(
    stores: Stores, pair: tuple[str, str], across: list[str], limit: int
) -> None:
    page = history.recent(stores, *pair)[-1:]
    found = page
    while page := history.before(stores, *pair, page[0]["_id"], limit):
        assert len(page) <= limit
        found = page + found
    assert said(found) == across


@pytest.mark.parametrize("limit", [7, 500])
def test_pages_after_walk_the_whole_conversation(
    stores: Stores, pair: tuple[str, str], across: list[str], limit: int
) -> None:
    found = []
    position = ids.lowest_id(0)
    while page := history.after(stores, *pair, position, limit):
        found += page
        position = page[-1]["_id"]
    assert said(found) == across


@pytest.mark.parametrize("limit", [40, 500])
def test_offset_begins_where_the_plain_call_ends(
    stores: Stores, pair: tuple[str, str], across: list[str], limit: int
) -> None:
    found = history.recent(stores, *pair)
    offset = 0
    while page := history.beyond_recent(stores, *pair, offset, limit):
        found = page + found
        offset += len(page)
    assert said(found) == across


@pytest.mark.parametrize("complete", [True, False], ids=["complete", "rebuilding"])
def test_pages_by_offset_count_from_what_was_opened_whatever_comes_since(
    stores: Stores, pair: tuple[str, str], across: list[str], complete: bool
) -> None:
    if not complete:
        stores.redis.delete(keys.HOT_COMPLETE)
    found, offset = history.opened(stores, *pair), 0
    while page := history.beyond_recent(stores, *pair, offset, 40):
        found, offset = page + found, offset + 40
        for n in range(7):
            send(stores, pair[offset % 2], pair[1 - offset % 2], f"meanwhile {offset} {n}")
        drain(stores)
    assert said(found) == across
    other = pair[1], pair[0]  # who has opened nothing begins below the newest
    oldest = history.recent(stores, *other)[0]["_id"]
    assert history.beyond_recent(stores, *other, 0, 40) == history.before(stores, *other, oldest, 40)


def test_pages_by_offset_begin_below_the_window_when_it_was_empty(stores: Stores, pair: tuple[str, str]) -> None:
    old = archive_only(stores, pair, 3)
    while sync.run(stores):
        pass
    assert history.opened(stores, *pair) == []
    send(stores, *pair, "meanwhile")
    drain(stores)
    assert said(history.beyond_recent(stores, *pair, 0, 50)) == old


def test_what_is_being_transcribed_is_left_out_of_what_pages_by_offset(stores: Stores, pair: tuple[str, str]) -> None:
    for text in ("before", "voice", "behind"):
        send_voice(stores, *pair) if text == "voice" else send(stores, *pair, text)
    drain(stores)
    assert said(history.opened(stores, *pair)) == ["before", "behind"]
    assert history.beyond_recent(stores, *pair, 0, 50) == []
    assert [message["status"] for message in history.recent(stores, *pair)] == [
        "delivered",
        "transcribing",
        "delivered",
    ]


def test_history_is_whole_while_redis_is_empty(stores: Stores, pair: tuple[str, str], across: list[str]) -> None:
    stores.redis.flushdb()
    assert said(history.recent(stores, *pair)) == across[-200:]
    oldest = history.recent(stores, *pair)[0]["_id"]
    assert said(history.before(stores, *pair, oldest, 500)) == across[:-200]
    assert said(history.beyond_recent(stores, *pair, 0, 500)) == across[:-200]


def test_the_plain_call_stays_within_the_hot_window_while_redis_is_empty(stores: Stores, pair: tuple[str, str]) -> None:
    archive_only(stores, pair, 5)
    new = [send(stores, *pair, f"new {n}")["text"] for n in range(3)]
    drain(stores)
    stores.redis.flushdb()
    assert said(history.recent(stores, *pair)) == new
    send(stores, *pair, "after the loss")
    drain(stores)
    assert said(history.recent(stores, *pair)) == [*new, "after the loss"]


def test_the_plain_call_gives_what_redis_has_while_mongodb_is_away_as_well(
    stores: Stores, pair: tuple[str, str]
) -> None:
    send(stores, *pair, "before the loss")
    drain(stores)
    stores.redis.flushdb()
    send(stores, *pair, "after the loss")
    drain(stores)
    nowhere: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", free_port(), serverSelectionTimeoutMS=0)
    assert said(history.recent(replace(stores, mongo=nowhere.chattergram), *pair)) == ["after the loss"]
    nowhere.close()


def test_unread_is_counted_up_to_a_limit_the_newest_first(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "UNREAD_LIMIT", 3)
    anna, bert = pair
    sent = [send(stores, anna, bert, f"{n}")["_id"] for n in range(5)]
    drain(stores)
    inbox = keys.inbox_key(bert, anna)
    assert [raw.decode() for raw in stores.redis.zrange(inbox, 0, -1)] == sent[-3:]
    while sync.run(stores):
        pass
    stores.redis.flushdb()
    while sync.run(stores):
        pass
    assert [raw.decode() for raw in stores.redis.zrange(inbox, 0, -1)] == sent[-3:]
    assert conversations.list_conversations(stores, bert, 10, None)[0]["unread"] == 3


def test_strangers_see_nothing(stores: Stores, pair: tuple[str, str], across: list[str]) -> None:
    stranger = someone(stores, "carl")
    assert history.recent(stores, stranger, pair[0]) == []
    last = history.recent(stores, *pair)[-1]["_id"]
    assert history.before(stores, stranger, pair[0], last, 500) == []
    with pytest.raises(NotFound):
        conversations.mark_read(stores, stranger, pair[0], last)


def test_a_cursor_that_is_no_id_is_refused(stores: Stores, pair: tuple[str, str]) -> None:
    for text in ("", "../..", "*", "{$gt: 1}", "x" * 10_000):
        with pytest.raises(Invalid):
            history.before(stores, *pair, text, 10)


def test_reading_marks_messages_read_for_both_and_empties_the_inbox(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    sent = [send(stores, anna, bert, f"{n}")["_id"] for n in range(3)]
    drain(stores)
    assert conversations.list_conversations(stores, bert, 10, None)[0]["unread"] == 3
    conversations.mark_read(stores, bert, anna, sent[1])
    assert conversations.list_conversations(stores, bert, 10, None)[0]["unread"] == 1
    assert [found["status"] for found in history.recent(stores, anna, bert)] == ["read", "read", "delivered"]
    conversations.mark_read(stores, bert, anna, sent[0])  # a cursor never goes back
    assert conversations.list_conversations(stores, bert, 10, None)[0]["unread"] == 1


def test_conversations_come_newest_first_in_pages(stores: Stores) -> None:
    anna = someone(stores, "anna")
    others = [someone(stores, f"friend {n}") for n in range(5)]
    for other in others:
        sent = send(stores, other, anna, "hi")["_id"]
        while clock.now_ms(stores.redis) <= ids.milliseconds(sent):
            pass  # within a millisecond, the order of different conversations is not defined
    drain(stores)
    rows = conversations.list_conversations(stores, anna, 3, None)
    rest = conversations.list_conversations(stores, anna, 3, rows[-1]["lastMessage"]["_id"])
    assert [row["partner"]["_id"] for row in rows + rest] == others[::-1]
