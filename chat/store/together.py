"""Sends what several threads ask of Redis at the same time in one round trip.

Most of a small call's cost is the round trip: a connection from the pool, two system calls, two switches between
threads. Nobody waits for others to come: whoever finds no call on its way makes theirs at once, and those that come
until it is answered go together in the next one.
"""

import threading
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as NoConnection

from chat.store.scripts import execute

MOST = 100  # calls in one round trip; the others go in the next one


class _Call:
    def __init__(self, add: Callable[[Pipeline], None]) -> None:
        self.add = add
        self.turn = threading.Event()  # set when it is answered, or is to make the next round trip
        self.replies: list[Any] = []
        self.error: Exception | None = None
        self.is_done = False


class Together:
    """The calls of one process. Each must be safe to repeat: whatever goes with it may make all be sent again."""

    def __init__(self, redis: Redis, replicas: int = 0) -> None:
        """A call is done once so many replicas have what it wrote."""
        self._redis = redis
        self._replicas = replicas
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []
        self._is_busy = False

    def run(self, add: Callable[[Pipeline], None]) -> list[Any]:
        """Returns the replies to the commands that `add` adds to a pipeline.

        Raises:
            RedisError: Redis is away, or refused one of them.
        """
        call = _Call(add)
        with self._lock:
            self._waiting.append(call)
            leads, self._is_busy = not self._is_busy, True
        if not leads:
            self._wait(call)
        if not call.is_done:
            self._make_round_trip()
        if call.error is not None:
            raise call.error
        return call.replies

    def _wait(self, call: _Call) -> None:
        try:
            call.turn.wait()
        except BaseException:  # this thread is to end; nobody else may wait for it
            with self._lock:
                was_next = call in self._waiting and call.turn.is_set()
                if call in self._waiting:
                    self._waiting.remove(call)
            if was_next:
                self._pass_on()
            raise

    def _make_round_trip(self) -> None:
        with self._lock:
            calls, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        try:
            self._send(calls)
        except Exception as error:
            with self._lock:  # nobody waits for one timeout after the other while Redis is away
                calls, self._waiting = [*calls, *self._waiting], []
            self._tell(calls, error)
            raise
        except BaseException:  # only this thread is to end
            self._tell(calls, NoConnection("the round trip was broken off"))
            raise
        finally:
            for call in calls:
                call.is_done = True
                call.turn.set()
            self._pass_on()

    @staticmethod
    def _tell(calls: list[_Call], error: Exception) -> None:
        for call in calls:
            call.error = call.error or error

    def _send(self, calls: list[_Call]) -> None:
        ends = []
        with self._redis.pipeline(transaction=False) as pipe:
            for call in calls:
                call.add(pipe)
                ends.append(len(pipe.command_stack))
            replies = execute(pipe, raise_on_error=False, replicas=self._replicas)
        for call, start, end in zip(calls, [0, *ends], ends, strict=False):
            call.replies = replies[start:end]
            call.error = next((reply for reply in call.replies if isinstance(reply, Exception)), None)

    def _pass_on(self) -> None:
        with self._lock:
            self._is_busy = bool(self._waiting)
            if self._waiting:
                self._waiting[0].turn.set()
