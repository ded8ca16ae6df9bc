"""People, stores and servers that several tests of `chat/` use."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from redis.client import Pipeline
from redis.commands.core import Script
from redis.crc import key_slot

from chat.store.connection import Stores
from chat.store.keys import PREFIX, stored_now_key
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.people import someone

Limited = Callable[..., Stores]


@pytest.fixture(autouse=True)
def one_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis Cluster refuses scripts and transactions with keys of several slots, so nothing here may make one.

    But for what only a single Redis has: the set of what a drainer stores and delivers at once.
    """
    call, execute = Script.__call__, Pipeline._execute_transaction

    def check(names: Iterable[Any], what: str) -> None:
        found = {each if isinstance(each, bytes) else str(each).encode() for each in names}
        found = {name for name in found if not name.startswith(stored_now_key("").encode())}
        assert len({key_slot(name) for name in found}) <= 1, f"{what} has keys of several slots: {found}"

    def called(script: Script, keys: Any = None, args: Any = None, client: Any = None) -> Any:
        if not script.script.startswith("-- Gives a key of an older version"):  # what is moved is on one Redis
            check(keys or (), script.script.partition("\n")[0])
        return call(script, keys, args, client)

    def executed(pipe: Pipeline, connection: Any, commands: Any, *others: Any) -> Any:
        arguments = [each for arguments, _ in commands for each in arguments[1:] if isinstance(each, str | bytes)]
        check([each for each in arguments if str(each).lstrip("b'").startswith(PREFIX)], "a transaction")
        return execute(pipe, connection, commands, *others)

    monkeypatch.setattr(Script, "__call__", called)
    monkeypatch.setattr(Pipeline, "_execute_transaction", executed)


@pytest.fixture
def pair(stores: Stores) -> tuple[str, str]:
    """Anna and Bert, by their ids."""
    return someone(stores, "anna"), someone(stores, "bert")


@pytest.fixture
def anna(stores: Stores) -> str:
    return someone(stores, "anna")


@pytest.fixture
def limited(stores: Stores) -> Limited:
    """The same stores with other limits."""
    return lambda **limits: replace(stores, settings=stores.settings.model_copy(update=limits))


@pytest.fixture
def server() -> Iterator[DeepgramStandIn]:
    with DeepgramStandIn() as opened:
        yield opened


@pytest.fixture
def voices(stores: Stores, server: DeepgramStandIn) -> Stores:
    """The stores, with settings that use the stand-in for Deepgram."""
    ours = {"deepgram_api_key": KEY, "deepgram_base_url": server.url}
    return replace(stores, settings=type(stores.settings).model_validate({**stores.settings.model_dump(), **ours}))
