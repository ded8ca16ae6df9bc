"""People, stores and servers that several tests of `chat/` use."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from chat.store.connection import Stores
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.people import someone

Limited = Callable[..., Stores]


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
