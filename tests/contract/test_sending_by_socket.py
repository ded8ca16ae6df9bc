"""A message sent over the socket is one sent over HTTP: same rules, same limits, same order, answered by a frame."""

import secrets
from typing import Any

import pytest

from tests import recordings
from tests.client import Client, Json, Person, Socket
from tests.contract.conftest import Connect, Web, stored
from tests.contract.shapes import check_message


def send(socket: Socket, **fields: Any) -> str:
    """Sends it, and returns its `clientId`."""
    value = {"type": "send", "clientId": f"by-socket-{secrets.token_hex(4)}", **fields}
    socket.send(value)
    return str(value["clientId"])


def answer(socket: Socket, client_id: str | None, channel: str = "application:sent") -> Json:
    return socket.wait_for_frame(channel, lambda data: data["clientId"] == client_id)


def test_what_is_accepted_is_answered_to_that_socket_alone_and_delivered_to_all(
    ada: Person, ben: Person, connect: Connect
) -> None:
    socket, other, theirs = connect(ada), connect(ada), connect(ben)
    accepted = answer(socket, send(socket, receiverId=ben.id, text="over the socket --- it is open anyway"))
    check_message(accepted)
    assert accepted["status"] == "accepted"
    delivered = {**accepted, "status": "delivered"}
    for each in (socket, other, theirs):
        assert each.wait_for_frame("application:messages", lambda data: data["_id"] == accepted["_id"]) == delivered
    assert stored(ada, ben, accepted["_id"]) == delivered
    assert not [each for each in (*other.frames, *theirs.frames) if each.channel == "application:sent"]


def test_one_client_id_makes_one_message_whichever_way_it_is_sent(ada: Person, ben: Person, connect: Connect) -> None:
    socket, client_id = connect(ada), secrets.token_hex(4)
    by_http = ada.post(ben, "once", clientId=client_id)
    send(socket, receiverId=ben.id, text="once", clientId=client_id)
    assert answer(socket, client_id)["_id"] == by_http["_id"]


def test_messages_of_one_socket_keep_their_order(ada: Person, ben: Person, connect: Connect) -> None:
    socket = connect(ada)
    sent = [send(socket, receiverId=ben.id, text=f"{number}") for number in range(30)]
    accepted = [answer(socket, client_id)["_id"] for client_id in sent]
    assert accepted == sorted(accepted)
    assert [each.data["clientId"] for each in socket.frames if each.channel == "application:sent"] == sent


def test_a_recording_is_sent_like_a_text(ada: Person, ben: Person, connect: Connect) -> None:
    socket = connect(ada)
    upload = ada.upload(recordings.silence(0.2))["audioFileUuid"]
    accepted = answer(socket, send(socket, receiverId=ben.id, audioFileId=upload))
    assert accepted["audioFileId"] == upload
    again = send(socket, receiverId=ben.id, audioFileId=upload)
    assert answer(socket, again, "application:refused")["code"] == "no_such_upload"


WRONG = {
    "nobody": ({"receiverId": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "text": "x"}, 404, None),
    "no receiver": ({"text": "x"}, 422, "receiverId"),
    "nothing": ({"receiverId": "{ben}"}, 422, "text"),
    "blank": ({"receiverId": "{ben}", "text": "\u200b \ufe0f"}, 422, "text"),
    "too long": ({"receiverId": "{ben}", "text": "x" * 4_001}, 422, "text"),
    "no text": ({"receiverId": "{ben}", "text": {"a": 1}}, 422, "text"),
    "another sender": ({"receiverId": "{ben}", "senderId": "{ben}", "text": "x"}, 422, "senderId"),
    "oneself": ({"receiverId": "{ada}", "text": "x"}, 422, "receiverId"),
    "an unknown upload": ({"receiverId": "{ben}", "audioFileId": "0" * 32}, 404, None),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_refused_is_answered_with_the_problem_that_http_has(
    ada: Person, ben: Person, connect: Connect, wrong: str
) -> None:
    fields, status, field = WRONG[wrong]
    people = {"{ben}": ben.id, "{ada}": ada.id}
    fields = {name: people.get(value, value) if isinstance(value, str) else value for name, value in fields.items()}
    socket = connect(ada)
    refused = answer(socket, send(socket, **fields), "application:refused")
    del refused["clientId"]
    by_http = ada.request("POST", "/chat", json=fields).json()
    same = ("status", "code", "title", "detail", "message", "errors", "type")
    assert {name: refused.get(name) for name in same} == {name: by_http.get(name) for name in same}
    assert refused["status"] == status
    assert field is None or refused["errors"][0]["field"] == field
    assert refused["requestId"] != by_http["requestId"]


@pytest.mark.parametrize("client_id", ["x" * 65, 7, None, {"a": 1}])
def test_a_client_id_that_is_none_is_not_repeated(ada: Person, ben: Person, connect: Connect, client_id: Any) -> None:
    socket = connect(ada)
    send(socket, receiverId=ben.id, text="x" * (4_000 if client_id is None else 1), clientId=client_id)
    channel = "application:sent" if client_id is None else "application:refused"
    assert answer(socket, None, channel)


def test_limits_count_both_ways_together(strict: Web, client: Client) -> None:
    """`strict` allows five messages."""
    ada, ben = strict.seen_by(client.sign_up("ada")), client.sign_up("ben")
    socket = ada.connect()
    ada.post(ben, "one")
    for _ in range(4):
        answer(socket, send(socket, receiverId=ben.id, text="more"))
    refused = answer(socket, send(socket, receiverId=ben.id, text="too many"), "application:refused")
    assert (refused["status"], refused["code"]) == (429, "too_many_messages")
    assert 0 < refused["retryAfter"] <= 600


def test_after_the_session_has_ended_nothing_is_accepted(client: Client, connect: Connect, ben: Person) -> None:
    person = client.sign_up("leaver")
    socket = connect(person)
    person.call("POST", "/logout", 204)
    send(socket, receiverId=ben.id, text="too late")
    assert socket.wait_closed() == 4401
    assert not [each for each in socket.frames if each.channel == "application:sent"]
