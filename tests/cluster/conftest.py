"""The whole application on a Redis Cluster of three nodes with a replica each, and on the single one of its broker."""

from collections.abc import Iterator
from functools import partial

import pytest

from chat.store.connection import Stores
from tests.client import Client
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.redis_cluster import Cluster, EmbeddedCluster
from tests.stack import Stack
from tests.stores import open_stores


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with DeepgramStandIn(delay=0.1) as deepgram:
        environment = {
            "DEEPGRAM_API_KEY": KEY,
            "DEEPGRAM_BASE_URL": deepgram.url,
            "PARTITIONS": "16",  # with fewer, a node may have none
            "REDIS_REPLICAS": "1",
            "TRANSCRIPTION_BACKOFF": "0.2",
        }
        servers = partial(EmbeddedCluster, replicas=1)
        with Stack(tmp_path_factory.mktemp("cluster"), environment, servers=servers) as stack:
            yield stack


@pytest.fixture
def stack(running: Stack) -> Stack:
    running.start_stopped()
    return running


@pytest.fixture
def cluster(stack: Stack) -> Cluster:
    return stack.redis


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.url) as opened:
        yield opened


@pytest.fixture
def stores(stack: Stack) -> Iterator[Stores]:
    with open_stores(stack.settings()) as opened:
        yield opened
