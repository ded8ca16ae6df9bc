"""Two people for tests of `chat/`."""

import pytest

from chat.store.connection import Stores
from tests.people import someone


@pytest.fixture
def pair(stores: Stores) -> tuple[str, str]:
    """Anna and Bert, by their ids."""
    return someone(stores, "anna"), someone(stores, "bert")
