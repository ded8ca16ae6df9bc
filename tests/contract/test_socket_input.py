"""What clients send over a socket is accepted, ignored, or a reason to close; and clients that do not read."""

import struct

import pytest

from tests.client import Client, Person
from tests.contract.conftest import Connect, Web
from tests.contract.raw import BINARY, CLOSE, CONTINUATION, PING, TEXT, RawSocket

LARGEST = 64 * 1024


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
    with RawSocket.of(ada) as socket:
        socket.send(text.encode())
        socket.send(text.encode(), BINARY)
        assert socket.answers()


def test_64_kib_are_taken(ada: Person) -> None:
    with RawSocket.of(ada) as socket:
        socket.send(b"x" * LARGEST)
        socket.send(b"x" * (LARGEST // 2), TEXT, final=False)
        socket.send(b"", PING)
        socket.send(b"x" * (LARGEST // 2), CONTINUATION)
        assert socket.answers()


def test_a_frame_over_64_kib_is_1009(ada: Person) -> None:
    for code in (TEXT, BINARY):
        with RawSocket.of(ada) as socket:
            socket.send(b"x" * (LARGEST + 1), code)
            assert socket.close_code() == 1009


def test_fragments_over_64_kib_together_are_1009(ada: Person) -> None:
    for code in (TEXT, BINARY):
        with RawSocket.of(ada) as socket:
            socket.send(b"x" * 40_000, code, final=False)
            socket.send(b"x" * 30_000, CONTINUATION, final=False)
            assert socket.close_code() == 1009


def test_a_frame_that_only_says_it_is_huge_is_1009_once_64_kib_are_there(ada: Person) -> None:
    with RawSocket.of(ada) as socket:
        socket.socket.sendall(b"\x81\xff" + struct.pack(">Q", 2**40) + bytes(4) + b"x" * 70_000)
        assert socket.close_code() == 1009


def test_text_that_is_not_utf_8_is_1007(ada: Person) -> None:
    for payload in (b"\xff\xfe", b"\xed\xa0\x80", b"\xc3"):
        with RawSocket.of(ada) as socket:
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
def test_a_frame_that_breaks_the_protocol_is_1002(ada: Person, frame: bytes) -> None:
    with RawSocket.of(ada) as socket:
        socket.socket.sendall(frame)
        assert socket.close_code() == 1002


def test_a_close_is_answered(ada: Person) -> None:
    with RawSocket.of(ada) as socket:
        socket.send(struct.pack(">H", 1000) + b"bye", CLOSE)
        assert socket.close_code() == 1000


# --- Too slow


def test_a_client_too_slow_to_take_its_frames_is_1013_and_nobody_else_waits(
    client: Client, ben: Person, strict: Web, connect: Connect
) -> None:
    person = client.sign_up()
    with RawSocket(strict.client.url, f"/ws/?token={person.token}", receive_buffer=4_096) as slow:
        quick = connect(strict.seen_by(person))
        # 16 kB per frame, since the kernel buffers megabytes for a socket; one word, which takes no time to index
        text = "𐌰" * 4_000
        for number in range(450):
            last = ben.post(person, text)["_id"]
            if number % 15 == 14:  # the other one keeps up, whatever the slow one does
                quick.wait_for_frame("application:messages", lambda data, last=last: data["_id"] == last, 5)
        assert len(quick.messages()) == 450
        assert slow.close_code() == 1013
