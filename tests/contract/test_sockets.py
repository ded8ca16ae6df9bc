"""The WebSocket: who may open it, what comes over it, what clients may send, and how it closes."""

import json
import struct
import time
from typing import Any

import jwt
import pytest
import requests
import websocket

from config.settings import Settings
from tests.client import Client, Person, Socket
from tests.contract.conftest import Connect, Web, eventually
from tests.contract.raw import BINARY, CLOSE, CONTINUATION, PING, TEXT, RawSocket, exchange
from tests.contract.shapes import check_message, check_problem, check_problem_document
from tests.stack import SECRET

CHANNELS = {
    "application:messages",
    "application:users",
    "application:status",
    "application:typing",
    "application:resume",
}
LARGEST = 64 * 1024


def open_raw(person: Person, **options: Any) -> RawSocket:
    return RawSocket(person.client.url, f"/ws/?token={person.token}", **options)


def ending_soon(person: Person, seconds: float) -> str:
    """A token of this person that expires in a moment."""
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
def test_a_token_that_is_none_is_4401(client: Client, token: str) -> None:
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
def test_a_first_frame_that_is_no_token_is_4401(client: Client, payload: bytes, code: int) -> None:
    with RawSocket(client.url, "/ws/") as socket:
        socket.send(payload, code)
        assert socket.close_code() == 4401


def test_no_token_in_time_is_4401(strict: Web) -> None:
    """Half a second there; ten by default. Pings and half a frame do not win more."""
    assert Settings.model_fields["socket_auth_timeout"].default == 10
    with RawSocket(strict.client.url, "/ws/") as socket:
        started = time.monotonic()
        socket.send(b"", PING)
        socket.send(b"eyJ", TEXT, final=False)
        assert socket.close_code(5) == 4401
        assert 0.4 < time.monotonic() - started < 3


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
def test_a_handshake_that_is_none_is_400(client: Client, headers: str) -> None:
    request = f"GET /ws/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{headers}\r\n"
    status, answered, body = exchange(client.url, request.encode("latin-1"))
    assert status == 400
    assert answered["sec-websocket-version"] == "13"
    check_problem_document(answered["content-type"], json.loads(body), 400)


def test_no_compression_is_agreed_on(ada: Person) -> None:
    with open_raw(ada, more="Sec-WebSocket-Extensions: permessage-deflate\r\n") as socket:
        assert "extensions" not in socket.head.lower()
        assert socket.answers()


# --- What comes


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


def test_the_token_as_a_heartbeat_is_taken_in_silence(ada: Person) -> None:
    with open_raw(ada) as socket:
        for _ in range(3):
            socket.send(ada.token.encode())
            assert socket.answers()


def test_a_token_that_expires_closes_its_socket_4401(ada: Person) -> None:
    with RawSocket(ada.client.url, f"/ws/?token={ending_soon(ada, 2)}") as socket:
        started = time.monotonic()
        assert socket.close_code() == 4401
        assert time.monotonic() - started < 5


def test_a_newer_token_of_the_same_person_keeps_it_open(ada: Person) -> None:
    path = f"/ws/?token={ending_soon(ada, 2)}"
    with RawSocket(ada.client.url, path) as renewed, RawSocket(ada.client.url, path) as ended:
        renewed.send(ada.token.encode())
        assert renewed.answers()
        assert ended.close_code() == 4401
        assert renewed.answers()


def test_a_heartbeat_that_does_not_hold_is_4401(client: Client, ada: Person, ben: Person) -> None:
    left = client.log_in(ada)
    left.call("POST", "/logout", 204)
    for token in (left.token, ben.token, ending_soon(ada, -1), ada.token[:-2], "eyJhbGciOiJub25lIn0.e30."):
        with open_raw(ada) as socket:
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


# --- What clients send

IGNORED = [
    *("", " ", "hello", "null", "true", "5", "[]", "{}", '"x"', "1.2.3", "a.b.c", "{", '{"type": "typing"'),
    *('{"type": {}}', '{"type": null}', '{"type": "shutdown"}', '{"type": "typing"}', "application:messages---{}"),
    *('{"type": "typing", "receiverId": null}', '{"type": "typing", "receiverId": {"$ne": 1}}', "\0", "\u202e😀"),
    *('{"type": "typing", "receiverId": "*"}', '{"type": "typing", "receiverId": ["x"]}', "[" * 60_000, "9" * 60_000),
    *('{"type": "message", "text": "x"}', '{"type": "typing", "receiverId": "' + "x" * 60_000 + '"}', "ping"),
]


@pytest.mark.parametrize("text", IGNORED, ids=lambda text: text[:24] or "empty")
def test_anything_else_is_ignored(ada: Person, text: str) -> None:
    with open_raw(ada) as socket:
        socket.send(text.encode())
        socket.send(text.encode(), BINARY)
        assert socket.answers()


def test_64_kib_are_taken(ada: Person) -> None:
    with open_raw(ada) as socket:
        socket.send(b"x" * LARGEST)
        socket.send(b"x" * (LARGEST // 2), TEXT, final=False)
        socket.send(b"", PING)
        socket.send(b"x" * (LARGEST // 2), CONTINUATION)
        assert socket.answers()


def test_a_frame_over_64_kib_is_1009(ada: Person) -> None:
    for code in (TEXT, BINARY):
        with open_raw(ada) as socket:
            socket.send(b"x" * (LARGEST + 1), code)
            assert socket.close_code() == 1009


def test_fragments_over_64_kib_together_are_1009(ada: Person) -> None:
    for code in (TEXT, BINARY):
        with open_raw(ada) as socket:
            socket.send(b"x" * 40_000, code, final=False)
            socket.send(b"x" * 30_000, CONTINUATION, final=False)
            assert socket.close_code() == 1009


def test_a_frame_that_only_says_it_is_huge_is_1009_once_64_kib_are_there(ada: Person) -> None:
    with open_raw(ada) as socket:
        socket.socket.sendall(b"\x81\xff" + struct.pack(">Q", 2**40) + bytes(4) + b"x" * 70_000)
        assert socket.close_code() == 1009


def test_text_that_is_no_utf_8_is_1007(ada: Person) -> None:
    for payload in (b"\xff\xfe", b"\xed\xa0\x80", b"\xc3"):
        with open_raw(ada) as socket:
            socket.send(payload)
            assert socket.close_code() == 1007


BROKEN = {
    "unmasked": b"\x81\x01x",
    "reserved bit": b"\xc1\x81\0\0\0\0x",
    "unknown code": b"\x83\x80\0\0\0\0",
    "continuation of nothing": b"\x80\x80\0\0\0\0",
    "ping in parts": b"\x09\x80\0\0\0\0",
    "close of one byte": b"\x88\x81\0\0\0\0x",
}


@pytest.mark.parametrize("frame", BROKEN.values(), ids=BROKEN)
def test_what_breaks_the_protocol_is_1002(ada: Person, frame: bytes) -> None:
    with open_raw(ada) as socket:
        socket.socket.sendall(frame)
        assert socket.close_code() == 1002


def test_a_close_is_answered(ada: Person) -> None:
    with open_raw(ada) as socket:
        socket.send(struct.pack(">H", 1000) + b"bye", CLOSE)
        assert socket.close_code() == 1000


# --- Too slow


def test_a_client_too_slow_to_take_its_frames_is_1013_and_nobody_else_waits(
    client: Client, ben: Person, strict: Web, connect: Connect
) -> None:
    person = client.sign_up()
    with RawSocket(strict.client.url, f"/ws/?token={person.token}", receive_buffer=4_096) as slow:
        quick = connect(strict.seen_by(person))
        text = "😀" * 4_000  # 16 kB a frame, against the megabytes the kernel holds for a socket
        for number in range(450):
            last = ben.post(person, text)["_id"]
            if number % 15 == 14:  # the other one keeps up, whatever the slow one does
                quick.wait_for_frame("application:messages", lambda data, last=last: data["_id"] == last, 5)
        assert len(quick.messages()) == 450
        assert slow.close_code() == 1013


# --- Resuming


def test_resuming_sends_what_was_missed_in_order_and_says_it_is_complete(
    ada: Person, ben: Person, eve: Person, strict: Web, connect: Connect
) -> None:
    first = connect(ada)
    seen = ben.post(ada, "seen")["_id"]
    first.wait_for_frame("application:messages", lambda data: data["_id"] == seen)
    first.close()
    missed = [ben.post(ada, "missed 1")["_id"], ada.post(ben, "missed 2")["_id"], eve.post(ada, "missed 3")["_id"]]
    eventually(lambda: ada.history(eve)[-1:] and ada.history(eve)[-1]["_id"] == missed[2], "the messages")
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
    assert [message["_id"] for message in socket.messages()] == [message_id]


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


def test_resuming_after_more_than_is_kept_is_not_complete(client: Client, connect: Connect) -> None:
    me, partner = client.sign_up(), client.sign_up()
    seen = partner.post(me, "seen")["_id"]
    kept = Settings.model_fields["resume_limit"].default
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
    socket = connect(me)
    socket.send({"type": "resume", "after": seen})
    sent += [partner.post(me, f"live {number}")["_id"] for number in range(100)]
    socket.wait_for_frame("application:messages", lambda data: data["_id"] == sent[-1])
    order = list(dict.fromkeys(message["_id"] for message in socket.messages()))
    assert order == sent


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
    """websocket-client as it comes, with its own pings, an Origin and a subprotocol nobody offers."""
    opened = websocket.create_connection(
        f"{ada.client.socket_url}?token={ada.token}", origin="https://elsewhere.example", timeout=10
    )
    opened.ping("x")
    opened.send(ada.token)
    opened.close(timeout=5)
