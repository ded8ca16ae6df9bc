"""Redis and the broker by TLS, with certificates of an authority of one's own; and those that sentinels name."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu.exceptions import OperationalError

from chat.store.connection import connect_redis
from config.settings import Settings
from dev.processes import ManagedProcess, wait_until
from tests.sentinels import Authority, Node, Sentinel
from tests.stack import SECRET
from web.queue import Queue

SECONDS = 20


@contextmanager
def running(process: ManagedProcess) -> Iterator[None]:
    process.start()
    try:
        yield
    finally:
        process.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Node]:
    node = Node(tmp_path_factory.mktemp("tls"), "redis", authority)
    with running(node):
        node.wait_until_ready()
        yield node


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, server: Node, authority: Authority) -> Iterator[Sentinel]:
    """A sentinel with TLS that knows `server`."""
    sentinel = Sentinel(tmp_path_factory.mktemp("sentinel"), server, authority)
    with running(sentinel):
        sentinel.wait_ready(sentinel.knows_master, SECONDS)
        yield sentinel


def settings(url: str, **others: Any) -> Settings:
    return Settings(_env_file=None, environment="test", secret_key=SECRET, redis_url=url, **others)


def use(own: Settings) -> None:
    """Reads, is told, and sends tasks, all of it at this address."""
    data, subscriber = connect_redis(own), connect_redis(own, timeout=30, retries=0)
    try:
        with subscriber.pubsub() as pubsub:
            pubsub.subscribe("channel")
            assert pubsub.get_message(timeout=10)
            threading.Timer(0, data.publish, ("channel", b"to everybody")).start()
            message = pubsub.get_message(timeout=10)
            assert message is not None
            assert message["data"] == b"to everybody"
        queue = Queue(own)
        assert queue.ping()
        queue.wake_drainer()
        assert queue.depths()["chat"] >= 1
    finally:
        data.close()
        subscriber.close()


@pytest.mark.parametrize("broker", [True, False], ids=["own broker", "the next database"])
def test_data_subscriptions_and_the_broker_trust_the_authority_that_is_set(
    server: Node, authority: Authority, broker: bool
) -> None:
    ours = {"celery_broker_url": server.url(2)} if broker else {}
    use(settings(server.url(), redis_ca_certs=str(authority.file), **ours))


def test_so_they_do_where_sentinels_name_the_master(watched: Sentinel, authority: Authority) -> None:
    use(settings(watched.url(), redis_ca_certs=str(authority.file)))


def test_so_they_do_to_a_cluster(server: Node, authority: Authority, tmp_path: Path) -> None:
    node = Node(tmp_path, "cluster", authority, options={"cluster-enabled": "yes"})
    with running(node):
        node.wait_until_ready()
        with node.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
            wait_until(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"), SECONDS, "the slots")
        url = node.url().replace("rediss://", "rediss+cluster://")
        use(settings(url, celery_broker_url=server.url(1), redis_ca_certs=str(authority.file)))


@pytest.mark.parametrize("option", ["ssl_ca_certs={authority}", "ssl_cert_reqs=none"])
def test_an_address_of_sentinels_may_say_itself_whom_it_trusts(
    watched: Sentinel, authority: Authority, option: str
) -> None:
    use(settings(f"{watched.url()}&{option.format(authority=authority.file)}"))


def test_sentinels_without_tls_name_a_master_without(tmp_path: Path) -> None:
    node = Node(tmp_path, "redis")
    with ExitStack() as stack:
        stack.enter_context(running(node))
        node.wait_until_ready()
        sentinel = Sentinel(tmp_path, node)
        stack.enter_context(running(sentinel))
        sentinel.wait_ready(sentinel.knows_master, SECONDS)
        use(settings(sentinel.url()))


@pytest.mark.parametrize("named", ["server", "watched"])
def test_without_it_nobody_trusts_that_server(request: pytest.FixtureRequest, named: str) -> None:
    own = settings(request.getfixturevalue(named).url())
    client = connect_redis(own, retries=0)
    with pytest.raises(redis.ConnectionError, match=r"certificate verify failed|No master found"):
        client.ping()
    client.close()
    with pytest.raises(OperationalError):
        Queue(own).ping()
