"""The Redis channels: workers publish finished messages, and each web process subscribes once."""

from typing import Any

from redis import Redis

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


def published(subscription: Any, text: str) -> tuple[str, bytes]:
    """The channel and payload of the next publication that contains this text."""
    for _ in range(1_000):
        message = subscription.get_message(timeout=10)
        assert message is not None, f"nothing with {text}"
        if text.encode() in message["data"]:
            return message["channel"].decode(), message["data"]
    raise AssertionError(f"nothing with {text}")


def test_a_message_is_published_once_on_its_channel(ada: Person, ben: Person, redis: Redis) -> None:
    subscription = heard(redis, *FRAMES)
    message, last = ada.post(ben, "over the wire")["_id"], ada.post(ben, "and one more")["_id"]
    assert published(subscription, message)[0] == "application:messages"
    rest = []
    while (publication := subscription.get_message(timeout=10)) is not None:
        rest.append(publication["data"])
        if last.encode() in publication["data"]:
            break
    assert message.encode() not in b"".join(rest)
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
    assert published(subscription, message)[0] == "application:messages"
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
