"""A system of their own for the commands, many of which go through all there is."""

from collections.abc import Iterator

import pytest

from tests.stack import Stack


@pytest.fixture(scope="package")  # stopped before other folders' tests: it works even if nobody talks
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("commands")) as running:
        yield running
