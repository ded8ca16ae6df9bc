"""The channels, and the two formats that travel on them: the frame and the envelope. Nobody else knows either.

A *frame* is what a WebSocket gets: `<channel>---<json>`. An *envelope* is what goes through Redis pub/sub: one line
that says for whom it is and where it stands in the order of deliveries, then the frame's JSON. A web process routes an
envelope by that line alone and never parses the JSON.
"""

from collections.abc import Sequence
from typing import NamedTuple

# Redis pub/sub channels; the first four are also the channels of frames.
MESSAGES = "application:messages"
USERS = "application:users"
STATUS = "application:status"
TYPING = "application:typing"
SESSIONS = "application:sessions"  # internal: sessions that were ended
SUBSCRIBED = (MESSAGES, USERS, STATUS, TYPING, SESSIONS)
RESUME = "application:resume"  # frames only


class Envelope(NamedTuple):
    """`recipients` empty means everyone connected; `position` 0 means it has no place in the order."""

    recipients: tuple[str, ...]
    position: int
    data: bytes
    request_id: str = ""


def address(recipients: Sequence[str], request_id: str = "") -> str:
    """The beginning of an envelope; its position follows."""
    to = ",".join(recipients)
    return f"{request_id} {to}" if request_id else to


def encode_envelope(recipients: Sequence[str], data: bytes, position: int = 0) -> bytes:
    return f"{address(recipients)} {position}\n".encode() + data


def decode_envelope(raw: bytes) -> Envelope:
    """The envelope in what came from Redis.

    Raises:
        ValueError: it is none.
    """
    head, _, data = raw.partition(b"\n")
    *origin, to, position = head.decode().split(" ")
    return Envelope(tuple(to.split(",")) if to else (), int(position), data, "".join(origin))


def frame(channel: str, data: bytes) -> bytes:
    """What a WebSocket gets: UTF-8 bytes, since nobody on the way needs to read them."""
    return channel.encode() + b"---" + data
