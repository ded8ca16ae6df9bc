"""Resuming: missed frames arrive in order, and the server says whether they are complete."""

from collections.abc import Iterator

import pytest

from chat import frames
from chat.messages import delivery, storing
from chat.store import keys
from tests.client import Client, Person
from tests.contract.conftest import Connect, MakeWeb, Web, eventually, stored
from tests.contract.slow_redis import SlowRedis
from tests.stack import Stack
from tests.stores import open_stores


def test_resuming_sends_what_was_missed_in_order_and_says_it_is_complete(
    ada: Person, ben: Person, eve: Person, strict: Web, connect: Connect
) -> None:
    first = connect(ada)
    seen = ben.post(ada, "seen")["_id"]
    first.wait_for_frame("application:messages", lambda data: data["_id"] == seen)
    first.close()
    missed = [ben.post(ada, "missed 1")["_id"], ada.post(ben, "missed 2")["_id"]]
    stored(ada, ben, missed[1])  # before one of another conversation, whose partition others drain
    missed.append(eve.post(ada, "missed 3")["_id"])
    stored(ada, eve, missed[2])
    ben.call("PATCH", f"/chat/message/{missed[0]}", json={"text": "missed 1, corrected"})
    for person in (ada, strict.seen_by(ada)):
        socket = connect(person)
        socket.send({"type": "resume", "after": seen})
        assert socket.wait_for_frame("application:resume") == {"complete": True}
        frames = [frame for frame in socket.frames if frame.channel != "application:users"]
        assert [frame.channel for frame in frames[:3]] == 3 * ["application:messages"]
        assert [frame.data["_id"] for frame in frames[:3]] == missed
        assert (frames[3].data["status"], frames[3].data["_id"]) == ("edited", missed[0])
        assert [frame.channel for frame in frames[4:]] == ["application:resume"]
    last = ben.post(ada, "and live again")["_id"]
    socket.wait_for_frame("application:messages", lambda data: data["_id"] == last)


def test_resuming_when_nothing_was_missed_is_complete(ada: Person, ben: Person, connect: Connect) -> None:
    socket = connect(ada)
    message_id = ben.post(ada, "the newest")["_id"]
    socket.wait_for_frame("application:messages", lambda data: data["_id"] == message_id)
    socket.send({"type": "resume", "after": message_id})
    assert socket.wait_for_frame("application:resume") == {"complete": True}
    # An older one may just be reaching this process when the socket opens.
    assert [message["_id"] for message in socket.messages() if message["_id"] >= message_id] == [message_id]


UNKNOWN = ["", "x", None, 5, [], {}, "*", "0" * 26, "01jd4xbcea8x4m6z9t1v0qw5rk", "01JD4XBCEA8X4M6Z9T1V0QW5RK"]


@pytest.mark.parametrize("after", UNKNOWN)
def test_resuming_from_what_nobody_knows_is_not_complete(ada: Person, connect: Connect, after: object) -> None:
    socket = connect(ada)
    socket.send({"type": "resume", "after": after})
    assert socket.wait_for_frame("application:resume") == {"complete": False}


def test_resuming_from_anothers_message_shows_nothing_of_it(
    client: Client, ada: Person, ben: Person, connect: Connect
) -> None:
    stranger = client.sign_up()
    start = ada.post(ben, "private 1")["_id"]
    private = ada.post(ben, "private 2")["_id"]
    eventually(lambda: ben.history(ada)[-1:] and ben.history(ada)[-1]["_id"] == private, "the messages")
    socket = connect(stranger)
    socket.send({"type": "resume", "after": start})
    socket.wait_for_frame("application:resume")
    assert socket.messages() == []
    assert "private" not in str(socket.raw)


def test_resuming_after_more_than_is_kept_is_not_complete(stack: Stack, client: Client, connect: Connect) -> None:
    me, partner = client.sign_up(), client.sign_up()
    seen = partner.post(me, "seen")["_id"]
    kept = stack.settings().resume_limit
    sent = [partner.post(me, f"{number}")["_id"] for number in range(kept + 20)]
    eventually(lambda: me.history(partner)[-1:] and me.history(partner)[-1]["_id"] == sent[-1], "the messages")
    socket = connect(me)
    socket.send({"type": "resume", "after": seen})
    assert socket.wait_for_frame("application:resume") == {"complete": False}
    assert [message["_id"] for message in socket.messages()] == sent[-len(socket.messages()) :]
    within = connect(me)
    within.send({"type": "resume", "after": sent[100]})
    assert within.wait_for_frame("application:resume") == {"complete": True}
    assert [message["_id"] for message in within.messages()] == sent[101:]


def test_nothing_is_lost_or_disordered_when_messages_arrive_during_a_resume(client: Client, connect: Connect) -> None:
    me, partner = client.sign_up(), client.sign_up()
    seen = partner.post(me, "seen")["_id"]
    sent = [partner.post(me, f"missed {number}")["_id"] for number in range(100)]
    eventually(lambda: me.history(partner)[-1:] and me.history(partner)[-1]["_id"] == sent[-1], "the messages")
    socket = connect(me)
    socket.send({"type": "resume", "after": seen})
    sent += [partner.post(me, f"live {number}")["_id"] for number in range(100)]
    socket.wait_for_frame("application:messages", lambda data: data["_id"] == sent[-1])
    order = list(dict.fromkeys(message["_id"] for message in socket.messages()))
    assert order == sent


@pytest.fixture
def slow(stack: Stack) -> Iterator[SlowRedis]:
    with SlowRedis(stack.redis.url(0)) as opened:
        yield opened


def test_what_comes_during_a_resume_and_is_too_much_to_wait_is_read_again(
    stack: Stack, slow: SlowRedis, make_web: MakeWeb, ada: Person, ben: Person, eve: Person, connect: Connect
) -> None:
    web = make_web("web-slow-redis", {"REDIS_URL": slow.redis_url})
    web.wait()
    other, seen = ben.post(ada, "𐌰" * 4_000)["_id"], ben.post(ada, "seen")["_id"]
    socket, watcher = connect(web.seen_by(ada)), connect(web.seen_by(eve))
    eventually(lambda: any(message["_id"] == seen for message in ada.history(ben)), "the messages")
    with open_stores(stack.settings()) as stores:
        message = storing.find_message(stores, other)
        assert message is not None
        # 1.6 MB: more than may wait, less than one resume may send
        marks = [f"mark {number}" for number in range(100)]
        kept = keys.deliveries_key(ada.id)
        with slow.hold(f"ZRANGE\r\n${len(kept)}\r\n{kept}"):  # the page itself, which is the last as well
            socket.send({"type": "resume", "after": seen})
            slow.wait_asked()
            delivery.deliver(stores, [frames.status_frame(message, mark) for mark in marks])
            delivery.announce_typing(stores, ada.id, eve.id)
            watcher.wait_for_frame("application:typing")  # by then the process has taken all frames before this one
    complete = socket.wait_for_frame("application:resume")["complete"]
    came = [frame.data["status"] for frame in socket.frames if frame.channel == "application:status"]
    assert (complete, came) == (True, marks)
