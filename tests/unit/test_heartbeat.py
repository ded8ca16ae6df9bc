"""A heartbeat is recognised by its bytes, and nothing else is mistaken for one."""

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode

from web.sockets.heartbeat import is_heartbeat

TOKENS = ["x", "t" * 125, "t" * 126, "eyJ" + "a" * 300]


def frame(text: str, *, fin: bool = True) -> bytes:
    """A client's frame with a random mask, written by the WebSocket library."""
    return bytes(FrameProtocol(client=True, extensions=[]).send_data(text, fin=fin))


@pytest.mark.parametrize("token", TOKENS)
def test_a_client_s_token_is_a_heartbeat(token: str) -> None:
    for _ in range(20):
        assert is_heartbeat(frame(token), token)


@pytest.mark.parametrize("token", TOKENS)
def test_nothing_else_is_a_heartbeat(token: str) -> None:
    sent = frame(token)
    for other in (
        b"",
        sent[:-1],
        sent + b"\x81",
        sent + sent,
        frame(token[:-1] + "!"),
        frame(token + "!"),
        frame(token, fin=False),
        bytes(FrameProtocol(client=True, extensions=[]).send_data(token.encode())),  # binary
        bytes(FrameProtocol(client=False, extensions=[]).send_data(token)),  # not masked
        bytes([0x80 | Opcode.PONG]) + sent[1:],
        b"\x81\xff" + struct.pack("!Q", len(token)) + os.urandom(4) + token.encode(),
    ):
        assert not is_heartbeat(other, token)


def test_before_a_token_is_known_nothing_is_a_heartbeat() -> None:
    assert not is_heartbeat(frame(""), "")


@given(st.binary(max_size=400), st.text(st.characters(max_codepoint=126, min_codepoint=33), max_size=300))
def test_any_bytes_are_no_heartbeat(data: bytes, token: str) -> None:
    assert not is_heartbeat(data, token)
