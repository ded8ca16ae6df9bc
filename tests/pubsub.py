"""Listens to Redis's channels as a web process does."""

import time
from typing import NamedTuple, Self

from chat import frames
from chat.store.connection import Stores, connect_redis

TIMEOUT = 10.0  # seconds


class Heard(NamedTuple):
    channel: str
    recipients: tuple[str, ...]
    data: bytes


class Listener:
    """Subscribed once it is made; keeps all that comes, each channel in its order."""

    def __init__(self, stores: Stores, *names: str) -> None:
        self._redis = connect_redis(stores.settings, timeout=None)
        self._pubsub = self._redis.pubsub()
        self._pubsub.subscribe(*names)
        self._waiting: list[Heard] = []
        for _ in names:
            assert self._pubsub.get_message(timeout=TIMEOUT), "no answer to SUBSCRIBE"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pubsub.close()
        self._redis.close()

    def next(self, channel: str, timeout: float = TIMEOUT) -> Heard:
        """The next envelope of a channel.

        Raises:
            AssertionError: none came in time; shows what did come.
        """
        deadline = time.monotonic() + timeout
        while True:
            for heard in self._waiting:
                if heard.channel == channel:
                    self._waiting.remove(heard)
                    return heard
            remaining = deadline - time.monotonic()
            assert remaining > 0, f"nothing on {channel}; waiting: {self._waiting}"
            self._take(remaining)

    def heard(self, channel: str) -> list[Heard]:
        """All that has come on a channel and was not answered before: whatever was published before this call."""
        marker = f"listener:{id(self)}:{time.monotonic_ns()}"
        self._pubsub.subscribe(marker)  # its answer comes behind what was published before
        while not self._take(TIMEOUT, marker):
            pass
        self._pubsub.unsubscribe(marker)
        own = [heard for heard in self._waiting if heard.channel == channel]
        self._waiting = [heard for heard in self._waiting if heard.channel != channel]
        return own

    def _take(self, timeout: float, marker: str = "") -> bool:
        """Take one message; answers whether it was the answer to subscribing to `marker`."""
        message = self._pubsub.get_message(timeout=timeout)
        if message is None:
            return False
        name = message["channel"].decode()
        if message["type"] == "message":
            envelope = frames.decode_envelope(message["data"])
            self._waiting.append(Heard(name, envelope.recipients, envelope.data))
        return message["type"] == "subscribe" and name == marker
