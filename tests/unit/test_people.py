"""What a web process passes on of people who come and go: to whom it concerns, once, and within its bound."""

from typing import Any, cast

import pytest

from chat import frames
from chat.frames import Envelope, decode_envelopes, presence_envelope
from chat.messages.delivery import CLOCKS_APART
from chat.store.connection import Stores
from web.sockets.connection import encode
from web.sockets.people import People
from web.sockets.subscriber import Subscriber

ADA, BEN, CARL = "ada", "ben", "carl"


class Socket:
    """A connection that keeps what it gets."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.got: list[bytes] = []
        self.held = None
        self.is_slow = False

    def push(self, data: bytes) -> bool:
        self.got.append(data)
        return True


@pytest.fixture
def people() -> People:
    return People(cast("Stores", None))  # only reports need them


def connect(people: People, user_id: str) -> Socket:
    socket = Socket(user_id)
    people.hub.add(cast("Any", socket))
    return socket


def change(people: People, online: bool, *recipients: str) -> bytes:
    """Hears of ada's change and passes it on. Returns the frame as sockets get it."""
    (envelope,) = decode_envelopes(presence_envelope(ADA, online, None, recipients))
    people.handle(envelope)
    people._send(people._take(1_000))
    return encode(frames.frame(frames.USERS, envelope.data))


def test_a_change_goes_to_its_recipients_or_to_everybody(people: People) -> None:
    ben, carl = connect(people, BEN), connect(people, CARL)
    to_ben = change(people, True, BEN)
    assert (ben.got, carl.got) == ([to_ben], [])
    to_all = change(people, False)
    assert (ben.got, carl.got) == ([to_ben, to_all], [to_all])


@pytest.mark.parametrize(
    ("channel", "wrong"),
    [
        (frames.SESSIONS, b"{}"),
        (frames.SESSIONS, b"[]"),
        (frames.SESSIONS, b'{"userId": "ben", "before": null, "except": ""}'),
        (frames.USERS, b"no json"),
        (frames.USERS, b'{"online": true}'),
    ],
)
def test_what_cannot_be_read_keeps_nothing_else_from_its_people(people: People, channel: str, wrong: bytes) -> None:
    subscriber = Subscriber(cast("Stores", None), people.hub, people)
    subscriber._dispatch(channel, frames.encode_envelope((), wrong))
    ben = connect(people, BEN)  # an ending that is none would be looked at here
    batch = [frames.encode_envelope((BEN,), b'"one"'), b"no envelope", frames.encode_envelope((BEN,), b'"two"')]
    subscriber._dispatch(frames.MESSAGES, b"\n".join(batch))
    assert ben.got == [encode(frames.frame(frames.MESSAGES, data)) for data in (b'"one"', b'"two"')]


def test_what_a_lost_subscription_missed_is_what_came_after_each_persons_own_newest_frame(people: People) -> None:
    hub, now = people.hub, 1_772_361_000_000_000
    hub.newest = now
    connect(people, BEN)
    assert hub.position(BEN) == now - CLOCKS_APART, "what another node's slower clock calls earlier comes later"
    for position in (now + 5, now + 9, now + 7):  # the last one again, by a drainer that does a dead one's work
        hub.route(frames.MESSAGES, Envelope((BEN,), position, b"{}"))
    hub.route(frames.MESSAGES, Envelope((CARL,), now + 20, b"{}"))
    connect(people, CARL)
    assert (hub.position(BEN), hub.position(CARL)) == (now + 9, now + 20 - CLOCKS_APART)


def test_what_another_person_has_from_the_future_hides_nothing_from_who_comes(people: People) -> None:
    hub, now = people.hub, 1_772_361_000_000_000
    hub.newest = now
    hub.set_clock(now)
    hub.route(frames.MESSAGES, Envelope((BEN,), now + 3_600_000_000, b"{}"))  # from before a clock went back
    connect(people, CARL)
    assert hub.position(CARL) < now + 3_600_000_000 - CLOCKS_APART


def test_who_comes_when_nobody_concerned_was_here_is_told_of_the_next_change(people: People) -> None:
    ben = connect(people, BEN)
    change(people, True, BEN, CARL)
    people.hub.remove(cast("Any", ben))
    change(people, False, BEN, CARL)
    carl = connect(people, CARL)
    assert carl.got == [], "a list has told them that ada is offline"
    assert change(people, True, BEN, CARL) in carl.got


def test_the_bound_counts_those_who_are_told_not_all_who_are_connected(people: People) -> None:
    for number in range(100):
        connect(people, f"{number}")
    envelopes = [presence_envelope(f"person {number}", True, None, ["7"]) for number in range(5)]
    for raw in envelopes:
        people.handle(next(decode_envelopes(raw)))
    assert len(people._take(3)) == 3
    assert len(people._take(100)) == 2
    people.handle(next(decode_envelopes(presence_envelope(ADA, True, None))))
    assert people._take(99) == []
    assert len(people._take(100)) == 1
