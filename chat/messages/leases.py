"""Who drains which partitions. Only the drainer that has the lease of a partition reads its log.

A drainer takes every partition that is free, so with little to do there is one for all of them. One that is always
busy has another started, which leaves its name in Redis as the *helper*; the busy one then passes half of its
partitions on to it, between two groups. What a helper or a dead drainer leaves free, the others take.

With each lease comes the flag by which the web processes know that nobody has to be woken for this log.
"""

import secrets
from collections.abc import Sequence

from redis.exceptions import LockNotOwnedError

from chat.messages import log as accepted_log
from chat.messages.sending import WAKING_MS
from chat.store import keys, partitions
from chat.store.connection import Stores
from chat.store.scripts import execute

LEASE_SECONDS = 5.0  # how long a dead drainer blocks its logs
HELPER_SECONDS = 2.0  # how long a helper waits for partitions
CALLED_SECONDS = 10.0  # how long a helper that was called keeps others from being called, if no worker is free
HELD, ATTENDED = b"held", b"attended"


class Leases:
    """The partitions that one drainer holds."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._token = secrets.token_hex(8)
        self.held: list[int] = []

    @property
    def all_held(self) -> bool:
        """Whether no other drainer has any."""
        return len(self.held) == self._stores.settings.partitions

    def take(self) -> tuple[list[int], bool]:
        """Takes what is free, or was passed on to this drainer.

        Returns the new partitions, and whether a drainer has others and is about to end, or dead.
        """
        missing = [partition for partition in partitions.every(self._stores) if partition not in self.held]
        replies = self._hold(missing, renews=False)
        taken = [partition for partition, reply in zip(missing, replies, strict=True) if reply == HELD]
        self.held += taken
        accepted_log.create_groups(self._stores, taken)
        return taken, any(reply not in (HELD, ATTENDED) for reply in replies)

    def renew(self) -> None:
        """Renews the leases. Raises LockNotOwnedError if another drainer has taken over one of them."""
        lost = [
            partition
            for partition, reply in zip(self.held, self._hold(self.held, renews=True), strict=True)
            if reply != HELD
        ]
        if lost:
            self.held = [partition for partition in self.held if partition not in lost]
            raise LockNotOwnedError(f"another drainer has partitions of ours: {lost}")

    def lower_flags(self) -> None:
        """From now on a message that is accepted wakes another drainer."""
        self._stores.redis.delete(*map(keys.waking_key, self.held))

    def release(self) -> int:
        """Gives up all of them. Returns how many had been lost."""
        return self._leave(self.held, "")

    def offer_help(self) -> None:
        """Asks for partitions: a busy drainer passes some of its own on to this one."""
        with self._stores.redis.pipeline(transaction=False) as pipe:
            pipe.set(keys.ACCEPTED_HELPER, self._token, px=int(HELPER_SECONDS * 1_000))
            pipe.delete(keys.ACCEPTED_HELPER_COMING)
            pipe.execute()

    def may_call_helper(self) -> bool:
        """Whether there is something to pass on, and no helper is coming already."""
        if len(self.held) < 2:
            return False
        coming_ms = int(CALLED_SECONDS * 1_000)
        return bool(self._stores.redis.set(keys.ACCEPTED_HELPER_COMING, "1", nx=True, px=coming_ms))

    def share(self) -> bool:
        """Passes half of the partitions on to a helper, if there is one. Returns whether there was."""
        if len(self.held) < 2 or not (helper := self._stores.redis.getdel(keys.ACCEPTED_HELPER)):
            return False
        self._leave(self.held[1::2], helper.decode())
        return True

    def _leave(self, left: Sequence[int], successor: str) -> int:
        with self._stores.redis.pipeline(transaction=False) as pipe:
            for partition in left:
                self._stores.scripts.leave_log(
                    keys=[keys.drainer_key(partition)],
                    args=[self._token, successor, int(LEASE_SECONDS * 1_000)],
                    client=pipe,
                )
            left_properly = execute(pipe)
        self.held = [partition for partition in self.held if partition not in left]
        return left_properly.count(0)

    def _hold(self, wanted: Sequence[int], *, renews: bool) -> list[bytes]:
        arguments = [self._token, int(LEASE_SECONDS * 1_000), WAKING_MS, int(renews)]
        with self._stores.redis.pipeline(transaction=False) as pipe:
            for partition in wanted:
                log_keys = [keys.drainer_key(partition), keys.waking_key(partition)]
                self._stores.scripts.hold_log(keys=log_keys, args=arguments, client=pipe)
            return execute(pipe)
