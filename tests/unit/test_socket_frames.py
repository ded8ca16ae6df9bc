"""A frame on its way to a socket: the bytes the protocol's own library would write."""

import pytest
from wsproto.frame_protocol import FrameProtocol

from web.sockets.connection import encode


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_text_of_any_length_is_encoded_as_by_the_protocol_s_library(length: int) -> None:
    text = ("é" * length).encode()[:length].decode(errors="ignore").ljust(length, "x")[:length]
    assert encode(text.encode()) == bytes(FrameProtocol(client=False, extensions=[]).send_data(text))
