"""The WebSocket: who may open it, what it delivers, what clients may send, and how it closes."""

import json
import time

import jwt
import pytest
import requests
import websocket

from config.settings import Settings
from tests.client import Client, Person, Socket
from tests.contract.conftest import Connect, Web, eventually
from tests.contract.raw import BINARY, TEXT, RawSocket, exchange
from tests.contract.shapes import check_message, check_problem, check_problem_document
from tests.stack import SECRET

CHANNELS = {
    "application:messages",
    "application:users",
    "application:status",
    "application:typing",
    "application:resume",
}


def ending_soon(person: Person, seconds: float) -> str:
    """A token of this person that will expire soon."""
    claims = jwt.decode(person.token, SECRET, algorithms=["HS256"])
    return jwt.encode(claims | {"exp": int(time.time() + seconds), "jti": "ending-soon"}, SECRET)


# --- Opening


@pytest.mark.parametrize("path", ["/ws/", "/ws"])
def test_a_token_in_the_address_opens_it(ada: Person, path: str) -> None:
    with RawSocket(ada.client.url, f"{path}?token={ada.token}") as socket:
        assert socket.answers()


def test_a_token_as_the_first_text_opens_it(ada: Person, ben: Person) -> None:
    socket = Socket(ada.client.socket_url)
    socket.send(ada.token)
    eventually(lambda: ben.get("/user/list", q=ada.user["username"])[0]["online"], "ada online")
    message_id = ben.post(ada, "are you there?")["_id"]
    assert socket.wait_for_frame("application:messages")["_id"] == message_id
    socket.close()


def test_before_it_has_proved_who_it_is_a_socket_gets_nothing(ada: Person, ben: Person, connect: Connect) -> None:
    silent, known = Socket(ada.client.socket_url), connect(ben)
    message_id = ben.post(ada, "not for everybody")["_id"]
    known.wait_for_frame("application:messages", lambda data: data["_id"] == message_id)
    assert silent.raw == []
    silent.close()


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJ.eyJ.x", "%00", "%FF", "null", "undefined", "x" * 3_000])
def test_an_invalid_token_is_4401(client: Client, token: str) -> None:
    with RawSocket(client.url, f"/ws/?token={token}") as socket:
        assert socket.close_code() == 4401
    if token:
        with RawSocket(client.url, "/ws/") as socket:
            socket.send(token.encode())
            assert socket.close_code() == 4401


def test_a_token_that_was_revoked_or_has_expired_or_is_forged_is_4401(client: Client, ada: Person) -> None:
    left = client.sign_up()
    left.call("POST", "/logout", 204)
    claims = jwt.decode(ada.token, SECRET, algorithms=["HS256"])
    forged = jwt.encode(claims, "another-secret-of-the-same-length-00", algorithm="HS256")
    for token in (left.token, ending_soon(ada, -1), forged, ada.token[:-2]):
        with RawSocket(client.url, f"/ws/?token={token}") as socket:
            assert socket.close_code() == 4401


@pytest.mark.parametrize(("payload", "code"), [(b"hello", TEXT), (b"", TEXT), (b"{}", TEXT), (b"abc", BINARY)])
def test_a_first_frame_that_is_not_a_token_is_4401(client: Client, payload: bytes, code: int) -> None:
    with RawSocket(client.url, "/ws/") as socket:
        socket.send(payload, code)
        assert socket.close_code() == 4401


def test_no_token_in_time_is_4401(strict: Web) -> None:
    """The limit is half a second there, ten by default. Pings and half a frame do not extend it."""
    assert Settings.model_fields["socket_auth_timeout"].default == 10
    with RawSocket(strict.client.url, "/ws/") as socket:
        assert socket.answers()
        socket.send(b"eyJ", TEXT, final=False)
        assert socket.close_code(5) == 4401


def test_a_plain_request_for_it_is_a_problem(client: Client) -> None:
    check_problem(requests.get(f"{client.url}/ws/", timeout=10), 400)
    check_problem(requests.get(f"{client.url}/ws/?token=x", timeout=10), 400)
    check_problem(requests.post(f"{client.url}/ws/", timeout=10), 405)


@pytest.mark.parametrize(
    "headers",
    [
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 7\r\n",
        "Sec-WebSocket-Key: \xff\r\nSec-WebSocket-Version: x\r\n",
    ],
)
def test_an_invalid_handshake_is_400(client: Client, headers: str) -> None:
    request = f"GET /ws/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{headers}\r\n"
    status, answered, body = exchange(client.url, request.encode("latin-1"))
    assert status == 400
    assert answered["sec-websocket-version"] == "13"
    check_problem_document(answered["content-type"], json.loads(body), 400)


def test_no_compression_is_agreed_on(ada: Person) -> None:
    with RawSocket.of(ada, more="Sec-WebSocket-Extensions: permessage-deflate\r\n") as socket:
        assert "extensions" not in socket.head.lower()
        assert socket.answers()


# --- What arrives


def test_frames_are_a_channel_three_dashes_and_json(ada: Person, ben: Person, connect: Connect) -> None:
    socket = connect(ada)
    message = ben.post(ada, "one---two")
    ben.call("PATCH", f"/chat/message/{message['_id']}", json={"text": "three---four"})
    socket.wait_for_frame("application:status", lambda data: data["status"] == "edited")
    for raw in socket.raw:
        channel, separator, data = raw.partition("---")
        assert channel in CHANNELS
        assert separator
        assert isinstance(json.loads(data), dict)


def test_every_socket_of_both_gets_every_message_once_in_one_order(
    ada: Person, ben: Person, eve: Person, strict: Web, connect: Connect
) -> None:
    both = [connect(ada), connect(ada), connect(ben), connect(strict.seen_by(ben)), connect(strict.seen_by(ada))]
    stranger = connect(eve)
    sent = [(ada, ben)[number % 2].post((ben, ada)[number % 2], f"number {number}")["_id"] for number in range(10)]
    for socket in both:
        socket.wait_for_frame("application:messages", lambda data: data["_id"] == sent[-1])
        for message in socket.messages():
            check_message(message)
        assert [message["_id"] for message in socket.messages()] == sent
    last = eve.post(ada, "anything for me?")["_id"]
    stranger.wait_for_frame("application:messages", lambda data: data["_id"] == last)
    assert [message["_id"] for message in stranger.messages()] == [last]
    assert {frame.channel for frame in stranger.frames} <= {"application:messages", "application:users"}


def test_what_happens_to_a_message_reaches_the_two_alone(
    ada: Person, ben: Person, eve: Person, connect: Connect
) -> None:
    stranger, sockets = connect(eve), [connect(ada), connect(ben)]
    message = ada.post(ben, "first")
    sockets[0].wait_for_frame("application:messages", lambda data: data["_id"] == message["_id"])
    ben.call("POST", f"/chat/{ada.id}/read", 204, json={"upTo": message["_id"]})
    ada.call("PATCH", f"/chat/message/{message['_id']}", json={"text": "second"})
    ada.call("DELETE", f"/chat/message/{message['_id']}", 204)
    for socket in sockets:
        for status in ("read", "edited", "deleted"):
            frame = socket.wait_for_frame("application:status", lambda data, status=status: data["status"] == status)
            assert frame["_id"] == message["_id"]
    last = eve.post(ada, "still quiet here")["_id"]
    stranger.wait_for_frame("application:messages", lambda data: data["_id"] == last)
    assert [frame for frame in stranger.frames if frame.channel == "application:status"] == []
    assert message["_id"] not in str(stranger.raw)


# --- The heartbeat


def test_the_token_as_a_heartbeat_gets_no_reply(ada: Person) -> None:
    with RawSocket.of(ada) as socket:
        for _ in range(3):
            socket.send(ada.token.encode())
            assert socket.answers()


def test_a_token_that_expires_closes_its_socket_4401(ada: Person) -> None:
    with RawSocket(ada.client.url, f"/ws/?token={ending_soon(ada, 2)}") as socket:
        assert socket.close_code(8) == 4401


def test_a_newer_token_of_the_same_person_keeps_it_open(ada: Person) -> None:
    path = f"/ws/?token={ending_soon(ada, 2)}"
    with RawSocket(ada.client.url, path) as renewed, RawSocket(ada.client.url, path) as ended:
        renewed.send(ada.token.encode())
        assert renewed.answers()
        assert ended.close_code() == 4401
        assert renewed.answers()


def test_a_heartbeat_with_an_invalid_token_is_4401(client: Client, ada: Person, ben: Person) -> None:
    left = client.log_in(ada)
    left.call("POST", "/logout", 204)
    for token in (left.token, ben.token, ending_soon(ada, -1), ada.token[:-2], "eyJhbGciOiJub25lIn0.e30."):
        with RawSocket.of(ada) as socket:
            socket.send(token.encode())
            assert socket.close_code() == 4401


def test_logging_out_closes_that_tokens_sockets_everywhere(
    client: Client, ada: Person, ben: Person, strict: Web, connect: Connect
) -> None:
    session = client.log_in(ada)
    ended, kept = [connect(session), connect(strict.seen_by(session)), connect(session)], connect(ada)
    strict.seen_by(session).call("POST", "/logout", 204)
    for socket in ended:
        assert socket.wait_closed() == 4401
    message_id = ada.post(ben, "still here")["_id"]
    kept.wait_for_frame("application:messages", lambda data: data["_id"] == message_id)


def test_a_revoked_token_gets_no_message_sent_after_its_end(client: Client, ben: Person, connect: Connect) -> None:
    person = client.sign_up()
    for _ in range(5):
        session = client.log_in(person)
        socket = connect(session)
        session.call("POST", "/logout", 204)
        message_id = ben.post(person, "only for who may")["_id"]
        assert socket.wait_closed() == 4401
        assert message_id not in str(socket.raw)


# --- Typing


def test_typing_is_told_to_the_receiver_alone(ada: Person, ben: Person, eve: Person, connect: Connect) -> None:
    own, other, theirs, stranger = connect(ada), connect(ada), [connect(ben), connect(ben)], connect(eve)
    own.send({"type": "typing", "receiverId": ben.id, "senderId": eve.id})
    for socket in theirs:
        assert socket.wait_for_frame("application:typing") == {"senderId": ada.id}
    last = ada.post(eve, "hello")["_id"]
    for socket in (own, other, stranger):
        socket.wait_for_frame("application:messages", lambda data: data["_id"] == last)
        assert [frame for frame in socket.frames if frame.channel == "application:typing"] == []


# --- Going down


def test_a_server_going_down_says_1012_and_clients_go_on_elsewhere(
    ada: Person, ben: Person, strict: Web, connect: Connect
) -> None:
    sockets = [connect(strict.seen_by(ada)), connect(strict.seen_by(ben))]
    seen = ben.post(ada, "before")["_id"]
    for socket in sockets:
        socket.wait_for_frame("application:messages", lambda data: data["_id"] == seen)
    strict.process.signal(15)
    for socket in sockets:
        assert socket.wait_closed() == 1012
    missed = ben.post(ada, "meanwhile")["_id"]
    elsewhere = connect(ada)
    elsewhere.send({"type": "resume", "after": seen})
    assert elsewhere.wait_for_frame("application:messages")["_id"] == missed
    strict.process.stop()
    strict.process.start()
    strict.wait()


def test_a_client_of_another_program_can_talk_too(ada: Person) -> None:
    """Plain websocket-client, with its own pings, an Origin and a subprotocol that the server does not offer."""
    opened = websocket.create_connection(
        f"{ada.client.socket_url}?token={ada.token}", origin="https://elsewhere.example", timeout=10
    )
    opened.ping("x")
    opened.send(ada.token)
    opened.close(timeout=5)
