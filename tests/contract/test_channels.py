"""The Redis channels: workers publish finished messages, and each web process subscribes once."""

from typing import Any

from redis import Redis

from chat.frames import decode_envelopes
from tests.client import Client, Person
from tests.contract.conftest import Connect, Web

FRAMES = ("application:messages", "application:users", "application:status", "application:typing")


def heard(redis: Redis, *channels: str) -> Any:
    """Subscribes, and waits for the confirmation."""
    subscription = redis.pubsub()
    subscription.subscribe(*channels)
    for _ in channels:
        assert subscription.get_message(timeout=5)["type"] == "subscribe"
    return subscription


def published(subscription: Any, text: str, times: int = 1) -> tuple[str, bytes]:
    """The channel and payload of the next publication, or of a later one, that contains this text."""
    for _ in range(1_000):
        message = subscription.get_message(timeout=10)
        assert message is not None, f"nothing with {text}"
        times -= text.encode() in message["data"]
        if not times:
            return message["channel"].decode(), message["data"]
    raise AssertionError(f"nothing with {text}")


def test_a_message_is_published_once_for_each_of_its_two_people(ada: Person, ben: Person, redis: Redis) -> None:
    subscription = heard(redis, *FRAMES)
    message, last = ada.post(ben, "over the wire")["_id"], ada.post(ben, "and one more")["_id"]
    recipients: dict[str, list[tuple[str, ...]]] = {message: [], last: []}
    while len(recipients[last]) < 2:
        publication = subscription.get_message(timeout=10)
        assert publication is not None
        for envelope in decode_envelopes(publication["data"]):
            for each, own in recipients.items():
                if each.encode() in envelope.data:
                    assert publication["channel"] == b"application:messages"
                    own.append(envelope.recipients)
    assert recipients[message] == recipients[last] == [(ada.id,), (ben.id,)]
    subscription.close()


def test_the_rest_goes_over_channels_of_its_own(
    client: Client, ada: Person, ben: Person, redis: Redis, connect: Connect
) -> None:
    subscription, person = heard(redis, *FRAMES), client.sign_up()
    socket = connect(person)
    assert published(subscription, person.id)[0] == "application:users"
    socket.send({"type": "typing", "receiverId": ben.id})
    assert published(subscription, person.id)[0] == "application:typing"
    message = ada.post(ben, "to be corrected")["_id"]
    assert published(subscription, message, times=2)[0] == "application:messages"
    ada.call("PATCH", f"/chat/message/{message}", json={"text": "corrected"})
    assert published(subscription, message)[0] == "application:status"
    subscription.close()


def test_every_web_process_subscribes_once_however_many_sockets_it_has(
    ada: Person, ben: Person, strict: Web, redis: Redis, connect: Connect
) -> None:
    before = dict(redis.pubsub_numsub(*FRAMES))
    sockets = [connect(who) for who in (ada, ben, strict.seen_by(ada), strict.seen_by(ben)) for _ in range(5)]
    last = ada.post(ben, "to all of them")["_id"]
    for socket in sockets:
        socket.wait_for_frame("application:messages", lambda data: data["_id"] == last)
    assert dict(redis.pubsub_numsub(*FRAMES)) == before
    assert min(before.values()) >= 2
