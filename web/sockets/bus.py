"""Whether everything that is published in a Redis Cluster reaches the node at which this process has subscribed.

Each node passes on to the others what is published at it, over a link to each. What was on a link that breaks is lost,
and nobody is told: the subscription itself stays whole. But a link that is made anew has a new time of creation.
"""

import contextlib
from typing import Any

from redis import Redis, ResponseError

LOOK_SECONDS = 1.0  # between two looks at the links

Links = frozenset[tuple[bytes, int]]
"""The other nodes that reach ours, each with when that link was made (Unix, ms)."""


class Bus:
    def __init__(self, node: Redis) -> None:
        """Raises RedisError."""
        self._node = node
        self._links = self._read()

    def is_whole(self) -> bool:
        """Whether all links are those that there were at the last call, or in the beginning. Raises RedisError."""
        before, self._links = self._links, self._read()
        return self._links == before

    def _read(self) -> Links:
        found: list[Any] = []
        with contextlib.suppress(ResponseError):  # a managed cluster may keep this to itself
            found = self._node.execute_command("CLUSTER LINKS")
        links = [each if isinstance(each, dict) else dict(zip(each[::2], each[1::2], strict=True)) for each in found]
        return frozenset((each[b"node"], each[b"create-time"]) for each in links if each[b"direction"] == b"from")
