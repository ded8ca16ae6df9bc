"""Histories across both stores have one order, without gaps or overlaps, even while messages arrive."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis

from chat import ids
from chat.store import keys
from tests.client import Client, Person
from tests.contract.conftest import eventually
from tests.contract.shapes import check_message, check_problem
from tests.stack import Stack

OLD, RECENT = 73, 31
DAY = 86_400_000  # ms
HISTORY_LIMIT = 200


@dataclass
class Conversation:
    """Two people, and all their message ids in order: `OLD` ones that only the archive has, then `RECENT` ones."""

    me: Person
    partner: Person
    ids: list[str]

    def page(self, **parameters: Any) -> list[str]:
        found = self.me.history(self.partner, **parameters)
        for message in found:
            check_message(message)
            assert {message["senderId"], message["receiverId"]} == {self.me.id, self.partner.id}
        return [message["_id"] for message in found]


def archive(mongo: Database[Any], one: Person, other: Person, count: int) -> list[str]:
    """Adds messages older than the hot window, several in the same millisecond, and returns their ids in order."""
    start = int(time.time() * 1_000) - 200 * DAY
    documents = []
    for number in range(count):
        sender, receiver = (one, other) if number % 3 else (other, one)
        message_id = ids.message_id(f"{start + number // 4}-{number % 4}", ids.new_entropy(f"{one.id}:{other.id}"))
        documents.append(
            {
                "_id": message_id,
                "conversation": ":".join(sorted([one.id, other.id])),
                "senderId": sender.id,
                "receiverId": receiver.id,
                "dateSent": ids.timestamp(start + number // 4),
                "text": f"old {number}",
                "status": "delivered",
                "revision": 1,
            }
        )
    mongo.messages.insert_many(documents)
    return [document["_id"] for document in documents]


@pytest.fixture(scope="module")
def conversation(server: Client, stack: Stack) -> Conversation:
    me, partner = server.sign_up("me"), server.sign_up("partner")
    with MongoClient(stack.mongodb.url()) as opened:
        old = archive(opened.get_default_database("chattergram"), me, partner, OLD)
    recent = [(me.post(partner, f"new {n}") if n % 2 else partner.post(me, f"new {n}"))["_id"] for n in range(RECENT)]
    eventually(lambda: [each["_id"] for each in me.history(partner, limit=1)] == recent[-1:], "the last message")
    return Conversation(me, partner, old + recent)


def test_the_plain_call_answers_the_hot_window_ascending(conversation: Conversation) -> None:
    assert conversation.page() == conversation.ids[OLD:]


def test_a_limit_alone_answers_the_newest(conversation: Conversation) -> None:
    assert conversation.page(limit=5) == conversation.ids[-5:]


@pytest.mark.parametrize("size", [1, 7, 31, 50, 73, 104, 500])
def test_before_walks_back_through_both_stores(conversation: Conversation, size: int) -> None:
    found = conversation.page(limit=size)
    while page := conversation.page(before=found[0], limit=size):
        assert len(page) <= size
        found = page + found
        if size == 1 and len(found) > RECENT + 5:
            break
    assert found == conversation.ids[-len(found) :]
    assert size == 1 or len(found) == OLD + RECENT


@pytest.mark.parametrize("size", [1, 7, 31, 50, 73, 104, 500])
def test_after_walks_forward_through_both_stores(conversation: Conversation, size: int) -> None:
    start = OLD - 5 if size == 1 else 0
    found = [conversation.ids[start]]
    while page := conversation.page(after=found[-1], limit=size):
        assert len(page) <= size
        found += page
    assert found == conversation.ids[start:]


def test_before_and_after_meet_at_every_message(conversation: Conversation) -> None:
    for index in (0, 1, OLD - 1, OLD, OLD + 1, OLD + RECENT - 1):
        middle = conversation.ids[index]
        assert conversation.page(before=middle, limit=500) == conversation.ids[:index]
        assert conversation.page(after=middle, limit=500) == conversation.ids[index + 1 :]


@pytest.mark.parametrize("state", ["complete", "rebuilding"])
@pytest.mark.parametrize("size", [7, 50, 73, 500])
def test_offset_0_is_the_newest_message_older_than_the_plain_call_answers(
    conversation: Conversation, redis: Redis, state: str, size: int
) -> None:
    """Pages like the original client: first the plain call, then `offset` grows by `limit`.

    While Redis is being rebuilt (the sync records when that is done), the plain call asks the archive too.
    """
    if state == "complete":
        redis.set(keys.HOT_COMPLETE, "now")
    else:
        redis.delete(keys.HOT_COMPLETE)
    found, offset = conversation.page(), 0
    while page := conversation.page(offset=offset, limit=size):
        found, offset = page + found, offset + size
    assert found == conversation.ids


def test_a_page_across_both_stores_has_the_requested_size(conversation: Conversation) -> None:
    middle = conversation.ids[OLD + 3]
    assert conversation.page(before=middle, limit=10) == conversation.ids[OLD - 7 : OLD + 3]
    middle = conversation.ids[OLD - 4]
    assert conversation.page(after=middle, limit=10) == conversation.ids[OLD - 3 : OLD + 7]
    assert len(conversation.page(before=conversation.ids[-1])) == 50  # the default


def test_both_see_the_same_order(conversation: Conversation) -> None:
    theirs = Conversation(conversation.partner, conversation.me, conversation.ids)
    assert theirs.page() == conversation.page()
    assert theirs.page(before=conversation.ids[OLD], limit=500) == conversation.ids[:OLD]


def test_pages_hold_while_messages_arrive(server: Client, mongo: Database[Any]) -> None:
    me, partner = server.sign_up(), server.sign_up()
    old = archive(mongo, me, partner, 60)
    sent = [partner.post(me, f"{number}")["_id"] for number in range(20)]
    eventually(lambda: len(me.history(partner)) == 20, "the first messages")
    conversation, done = Conversation(me, partner, old), threading.Event()
    other = Client(server.url)
    writer_self = Person(other, partner.user, partner.token)

    def write() -> None:
        while not done.is_set():
            sent.append(writer_self.post(me, "more")["_id"])

    writer, walks = threading.Thread(target=write), []
    writer.start()
    try:
        for _ in range(5):
            back = conversation.page(limit=3)
            while page := conversation.page(before=back[0], limit=13):
                back = page + back
            forward = [old[0]]
            while len(page := conversation.page(after=forward[-1], limit=17)) == 17:
                forward += page
            walks += [back, forward + page]
    finally:
        done.set()
        writer.join()
        other.http.close()
    # Only now do we know what was sent: a reader may see a message before its sender has the response.
    for walk in walks:
        assert walk == (old + sent)[: len(walk)]
        assert len(walk) >= len(old) + 20
    eventually(lambda: conversation.page(limit=1) == sent[-1:], "the last message")
    walked = conversation.page(limit=500)
    while page := conversation.page(before=walked[0], limit=500):
        walked = page + walked
    assert walked == old + sent


def test_the_plain_call_answers_at_most_the_history_limit(server: Client) -> None:
    me, partner = server.sign_up(), server.sign_up()
    sent = [partner.post(me, f"{number}")["_id"] for number in range(HISTORY_LIMIT + 15)]
    eventually(lambda: me.history(partner)[-1:] and me.history(partner)[-1]["_id"] == sent[-1], "the last message")
    conversation = Conversation(me, partner, sent)
    assert conversation.page() == sent[-HISTORY_LIMIT:]
    assert conversation.page(offset=0, limit=10) == sent[5:15]
    assert conversation.page(offset=10, limit=10) == sent[:5]
    assert conversation.page(offset=15, limit=10) == []


def test_a_conversation_nobody_has_begun_is_empty(ada: Person, ben: Person) -> None:
    assert ada.history(ben) == []
    for parameters in ({"before": ada.id}, {"after": ada.id}, {"offset": 0}, {"limit": 5}):
        assert ada.history(ben, **parameters) == []


def test_an_unknown_partner_is_404(ada: Person) -> None:
    unknown = "01JD4XBCEA8X4M6Z9T1V0QW5RK"
    for parameters in ({}, {"before": ada.id}, {"after": ada.id}, {"offset": 0}, {"limit": 5}):
        check_problem(ada.request("GET", f"/chat/{unknown}", params=parameters), 404)


def test_a_position_from_another_conversation_shows_nothing_of_it(
    conversation: Conversation, ada: Person, ben: Person
) -> None:
    for foreign in (conversation.ids[5], conversation.ids[-5]):
        for parameters in ({"before": foreign}, {"after": foreign}):
            assert ada.history(ben, **parameters) == []
            assert ada.history(conversation.partner, **parameters) == []


@pytest.mark.parametrize("position", ["", "x", "*", "9" * 26, "01jd4xbcea8x4m6z9t1v0qw5rk", "(", "-", "+", "\0"])
def test_a_position_that_is_no_message_id_is_422(ada: Person, ben: Person, position: str) -> None:
    for name in ("before", "after"):
        problem = check_problem(ada.request("GET", f"/chat/{ben.id}", params={name: position}), 422)
        assert [error["field"] for error in problem["errors"]] == [name]


def test_two_ways_to_page_at_once_are_422(ada: Person, ben: Person) -> None:
    for parameters in ({"before": ada.id, "after": ada.id}, {"before": ada.id, "offset": 0}):
        check_problem(ada.request("GET", f"/chat/{ben.id}", params=parameters), 422)


def test_the_end_of_a_conversation_is_empty_also_when_the_partner_has_left(server: Client) -> None:
    me, partner = server.sign_up(), server.sign_up()
    message = me.post(partner, "before you go")
    eventually(lambda: me.history(partner), "the message")
    partner.call("DELETE", "/user/me", 204, json={"password": partner.password})
    assert [each["_id"] for each in me.history(partner)] == [message["_id"]]
    assert me.history(partner, before=message["_id"]) == []
    assert me.history(partner, after=message["_id"]) == []
