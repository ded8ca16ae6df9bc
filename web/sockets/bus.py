"""Whether everything that is published in a Redis Cluster reaches the node at which this process has subscribed.

Each node passes on to the others what is published at it, over a link to each. What was on a link that breaks is lost,
and nobody is told: the subscription itself stays whole. But a link that is made anew has a new time of creation.
"""

import time
from enum import Enum
from typing import Any, NamedTuple

import structlog
from redis import Redis, ResponseError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0  # between two looks at the links
# How long a link may have passed on nothing before it was made anew, with what nodes' clocks may differ (µs). A node
# gives up a silent one after half of `cluster-node-timeout`, which is 15 s unless it is set.
UNNOTICED = 20_000_000
UNREADABLE_SECONDS = 60.0  # how often all frames count as lost where nobody may look at the links


class State(Enum):
    WHOLE = "whole"
    BROKEN = "broken"  # a node does not reach ours, or nobody knows
    RENEWED = "renewed"  # all do, but what was passed on while one did not is lost


class _Links(NamedTuple):
    made: dict[str, int]  # the nodes that reach ours, each with when that link was made (Unix, ms)
    primaries: frozenset[str]  # the nodes at which something is published, without ours


class Bus:
    def __init__(self, node: Redis) -> None:
        """Raises RedisError."""
        self._node = node
        self._now = self._whole = self._read()
        self._again = time.monotonic() + UNREADABLE_SECONDS

    def look(self) -> State:
        """Compares the links with those that there were when all was well. Raises RedisError."""
        self._now = self._read()
        if self._now is None or self._whole is None:
            return State.BROKEN if time.monotonic() < self._again else State.RENEWED
        if not self._now.primaries <= self._now.made.keys():
            return State.BROKEN
        concerned = self._now.primaries | self._whole.primaries
        is_same = all(self._now.made.get(each) == self._whole.made.get(each) for each in concerned)
        return State.WHOLE if is_same else State.RENEWED

    def accept(self) -> None:
        """From now on the links are those of the last look: what was lost with others has been fetched."""
        self._whole = self._now
        self._again = time.monotonic() + UNREADABLE_SECONDS

    def _read(self) -> _Links | None:
        """None where a managed cluster keeps this to itself."""
        try:
            found = [_fields(each) for each in self._node.execute_command("CLUSTER LINKS")]
            known = self._node.execute_command("CLUSTER NODES").values()
        except ResponseError as error:
            log.warning("bus.unreadable", error=str(error)[:200])
            return None
        links = {_text(each["node"]): int(each["create-time"]) for each in found if _text(each["direction"]) == "from"}
        flags = {each["node_id"]: each["flags"].split(",") for each in known if each["slots"]}
        return _Links(links, frozenset(each for each, own in flags.items() if "master" in own and "myself" not in own))


def _fields(link: Any) -> dict[str, Any]:
    pairs = link.items() if isinstance(link, dict) else zip(link[::2], link[1::2], strict=True)
    return {_text(name): value for name, value in pairs}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
