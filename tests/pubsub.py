"""Listens to Redis's channels like a web process."""

import time
from typing import NamedTuple, Self

from chat import frames
from chat.store.cluster import nodes
from chat.store.connection import Stores, connect_redis

TIMEOUT = 10.0  # seconds


class Heard(NamedTuple):
    channel: str
    recipients: tuple[str, ...]
    data: bytes


class Listener:
    """Subscribes when it is constructed, and keeps everything it receives, in order for each channel.

    A frame for two people is published for each of them. Here it is one, with both as its recipients.
    """

    def __init__(self, stores: Stores, *names: str) -> None:
        self._redis = connect_redis(stores.settings, timeout=None)
        self._pubsub = self._redis.pubsub()
        self._pubsub.subscribe(*names)
        self._waiting: list[Heard] = []
        self._halves: list[Heard] = []  # of frames that only one of the two has got yet
        for _ in names:
            assert self._pubsub.get_message(timeout=TIMEOUT), "no answer to SUBSCRIBE"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pubsub.close()
        self._redis.close()

    def next(self, channel: str, timeout: float = TIMEOUT) -> Heard:
        """Returns the next envelope of a channel.

        Raises:
            AssertionError: none arrived in time; shows what did arrive.
        """
        deadline = time.monotonic() + timeout
        while True:
            for heard in self._waiting:
                if heard.channel == channel:
                    self._waiting.remove(heard)
                    return heard
            remaining = deadline - time.monotonic()
            assert remaining > 0, f"nothing on {channel}; waiting: {self._waiting}"
            self._receive(remaining)

    def heard(self, channel: str) -> list[Heard]:
        """Returns what was published on a channel before this call and not returned yet."""
        marker = f"listener:{id(self)}:{time.monotonic_ns()}"
        self._pubsub.subscribe(marker)
        while not self._receive(TIMEOUT, marker, "subscribe"):
            pass
        for node in nodes(self._redis):
            node.publish(marker, b"")  # arrives after everything that was published there before
        for _ in nodes(self._redis):
            while not self._receive(TIMEOUT, marker, "message"):
                pass
        self._pubsub.unsubscribe(marker)
        own = [heard for heard in self._waiting if heard.channel == channel]
        self._waiting = [heard for heard in self._waiting if heard.channel != channel]
        return own

    def _keep(self, heard: Heard) -> None:
        if heard.channel not in (frames.MESSAGES, frames.STATUS) or len(heard.recipients) != 1:
            self._waiting.append(heard)
            return
        for half in self._halves:
            if half.data == heard.data and half.recipients != heard.recipients:
                self._halves.remove(half)
                self._waiting.append(heard._replace(recipients=half.recipients + heard.recipients))
                return
        self._halves.append(heard)

    def _receive(self, timeout: float, marker: str = "", kind: str = "") -> bool:
        """Receives one message. Returns whether it is of that kind and about `marker`."""
        message = self._pubsub.get_message(timeout=timeout)
        if message is None:
            return False
        name = message["channel"].decode()
        if message["type"] == "message" and name != marker:
            for envelope in frames.decode_envelopes(message["data"]):
                self._keep(Heard(name, envelope.recipients, envelope.data))
        return message["type"] == kind and name == marker
