"""How full Redis is. A Redis that reaches its `maxmemory` refuses every write, also those that store what was accepted.

So new messages are refused earlier, while there is room to store all that were accepted, and operators are warned
before that. Web processes sample it once a second, so that no message waits for it.
"""

from typing import NamedTuple

from redis import Redis

from chat.store import keys
from chat.store.cluster import each_asked, node_of, nodes

STORED_FACTOR = 10  # memory of a stored message with its index, lists and frames, for each byte in the accepted logs
SAMPLES = 5  # nodes of a log that Redis looks at to estimate its size


class Reading(NamedTuple):
    """Bytes Redis uses, may use (0 if unlimited), and will need to store what was accepted."""

    used: int = 0
    limit: int = 0
    pending: int = 0

    @property
    def share(self) -> float:
        """The share of the limit that is used or will be; 0 if there is no limit."""
        return (self.used + self.pending) / self.limit if self.limit else 0.0


class Memory:
    """The last reading of a process; one that does not sample never finds Redis full."""

    def __init__(self, warn_at: float, full_at: float, partitions: int) -> None:
        self._partitions = partitions
        self._warn_at = warn_at
        self._full_at = full_at
        self.last = Reading()

    def sample(self, redis: Redis) -> None:
        """Reads it again. Raises RedisError; then the last reading stays."""
        self.last = read(redis, self._partitions)

    @property
    def is_short(self) -> bool:
        """Whether to warn."""
        return self.last.share >= self._warn_at

    @property
    def is_full(self) -> bool:
        """Whether to refuse new messages."""
        return self.last.share >= self._full_at


def read(redis: Redis, partitions: int) -> Reading:
    """One round trip; in a cluster one to each node, of which the fullest counts. Raises RedisError."""
    logs = [keys.accepted_key(partition) for partition in range(partitions)]
    with each_asked(redis):
        readings = [_read(node, [log for log in logs if node_of(redis, log) is node]) for node in nodes(redis)]
    return max(readings, key=lambda each: (each.share, each.used))


def _read(node: Redis, logs: list[str]) -> Reading:
    with node.pipeline(transaction=False) as pipe:
        pipe.info("memory")
        for log in logs:
            pipe.memory_usage(log, samples=SAMPLES)
        found, *sizes = pipe.execute()
    return Reading(int(found["used_memory"]), int(found.get("maxmemory", 0)), STORED_FACTOR * sum(filter(None, sizes)))
