"""What several threads ask of Redis at once goes together, and each gets its own answer. Without Redis."""

import threading
from collections.abc import Callable
from typing import Any, Self, cast

import pytest
from redis import Redis, RedisError
from redis.client import Pipeline
from redis.exceptions import ConnectionError as NoConnection

from chat.store.together import Together


class Ended(BaseException):
    """Ends a thread, as gevent ends a greenlet."""


class Pipe:
    """A pipeline whose commands are numbers, which it answers with themselves."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self.command_stack: list[Any] = []
        self.scripts: set[Any] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, **_: object) -> list[Any]:
        return self._server.answer(self.command_stack)


class Server:
    """Answers once it is let; the first round trip waits, so that others gather."""

    def __init__(self) -> None:
        self.round_trips: list[list[Any]] = []
        self.arrived, self.let = threading.Event(), threading.Event()
        self.fails = False
        self.ends = 0  # the command on which the thread ends

    def pipeline(self, **_: object) -> Pipe:
        return Pipe(self)

    def answer(self, commands: list[Any]) -> list[Any]:
        self.round_trips.append(commands)
        self.arrived.set()
        assert self.let.wait(10)
        if self.fails:
            raise RedisError("away")
        if self.ends in commands:
            raise Ended
        return [RedisError("refused") if command < 0 else command for command in commands]


def asking(*commands: int) -> Callable[[Pipeline], None]:
    return lambda pipe: pipe.command_stack.extend(cast("Any", commands))


class Asked(threading.Thread):
    def __init__(self, together: Together, *commands: int) -> None:
        super().__init__(daemon=True)
        self._together, self._commands = together, commands
        self.replies: list[Any] = []
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.replies = self._together.run(asking(*self._commands))
        except RedisError as error:
            self.error = error
        except Ended:
            pass


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def together(server: Server) -> Together:
    return Together(cast("Redis", server))


def gather(together: Together, server: Server, *calls: tuple[int, ...]) -> list[Asked]:
    """Makes the first call, and the others while it is on its way."""
    made = [Asked(together, *calls[0])]
    assert server.arrived.wait(10)
    for number, call in enumerate(calls[1:], 1):
        made.append(Asked(together, *call))
        while len(together._waiting) < number:
            pass
    server.let.set()
    for each in made:
        each.join(10)
        assert not each.is_alive()
    return made


def test_who_finds_none_on_its_way_asks_at_once_and_the_others_together(together: Together, server: Server) -> None:
    made = gather(together, server, (1,), (2, 3), (4,), (5, 6))
    assert server.round_trips == [[1], [2, 3, 4, 5, 6]]
    assert [each.replies for each in made] == [[1], [2, 3], [4], [5, 6]]
    assert together.run(asking(7)) == [7]


def test_an_error_is_its_callers_alone(together: Together, server: Server) -> None:
    made = gather(together, server, (1,), (2, -3), (4,))
    assert [str(each.error or "") for each in made] == ["", "refused", ""]
    assert made[2].replies == [4]


def test_with_redis_away_everybody_learns_it_and_the_next_call_is_made(together: Together, server: Server) -> None:
    server.fails = True
    made = gather(together, server, (1,), (2,), (3,))
    assert [str(each.error) for each in made] == ["away"] * 3
    assert server.round_trips == [[1]], "the others waited for another timeout"
    server.fails = False
    assert together.run(asking(4)) == [4]


def test_a_thread_that_ends_while_it_waits_holds_nobody_up(
    together: Together, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Asked(together, 1)
    assert server.arrived.wait(10)

    def end(_: threading.Event) -> None:
        raise Ended

    with monkeypatch.context() as patched:
        patched.setattr(threading.Event, "wait", end)
        with pytest.raises(Ended):
            together.run(asking(2))
    server.let.set()
    first.join(10)
    assert together.run(asking(3)) == [3]
    assert server.round_trips == [[1], [3]]


def test_who_goes_with_a_thread_that_ends_gets_an_error_and_who_comes_later_a_reply(
    together: Together, server: Server
) -> None:
    server.ends = 2
    first, second, third = gather(together, server, (1,), (2,), (3,))
    assert (first.replies, second.replies, third.replies) == ([1], [], [])
    assert isinstance(third.error, NoConnection)
    assert together.run(asking(4)) == [4]
