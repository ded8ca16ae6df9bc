"""Redis and the broker by TLS, with certificates of an authority of one's own."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme
from kombu.exceptions import OperationalError

from chat.store.connection import connect_redis
from config.settings import Settings
from dev.embedded import RedisServer
from tests.stack import SECRET
from web.queue import Queue


class TlsServer(RedisServer):
    """Redis with TLS alone."""

    def __init__(self, folder: Path) -> None:
        super().__init__("Redis with TLS", folder / "redis", folder / "redis.log")
        authority = trustme.CA()
        own = authority.issue_cert("127.0.0.1")
        self.authority, self._certificate, self._key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
        authority.cert_pem.write_to_path(self.authority)
        own.cert_chain_pems[0].write_to_path(self._certificate)
        own.private_key_pem.write_to_path(self._key)

    def arguments(self) -> list[str]:
        plain = super().arguments()
        plain[plain.index("--port")] = "--tls-port"
        tls = ("--port", "0", "--tls-auth-clients", "no", "--tls-ca-cert-file", str(self.authority))
        return [*plain, *tls, "--tls-cert-file", str(self._certificate), "--tls-key-file", str(self._key)]

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url(), ssl_ca_certs=str(self.authority), socket_timeout=2, retry=None)

    def url(self, database: int = 0) -> str:
        return super().url(database).replace("redis://", "rediss://")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    started = TlsServer(tmp_path_factory.mktemp("tls"))
    started.start()
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.stop()


def settings(server: TlsServer, **others: Any) -> Settings:
    return Settings(_env_file=None, environment="test", secret_key=SECRET, redis_url=server.url(), **others)


@pytest.mark.parametrize("broker", [True, False], ids=["own broker", "the next database"])
def test_data_subscriptions_and_the_broker_trust_the_authority_that_is_set(server: TlsServer, broker: bool) -> None:
    ours = {"celery_broker_url": server.url(2)} if broker else {}
    own = settings(server, redis_ca_certs=str(server.authority), **ours)
    data, subscriber = connect_redis(own), connect_redis(own, timeout=30, retries=0)
    try:
        with subscriber.pubsub() as pubsub:
            pubsub.subscribe("channel")
            assert pubsub.get_message(timeout=10)
            threading.Timer(0, data.publish, ("channel", b"by TLS")).start()
            message = pubsub.get_message(timeout=10)
            assert message is not None
            assert message["data"] == b"by TLS"
        queue = Queue(own)
        assert queue.ping()
        queue.wake_drainer()
        assert queue.depths()["chat"] >= 1
    finally:
        data.close()
        subscriber.close()


def test_without_it_nobody_trusts_that_server(server: TlsServer) -> None:
    own = settings(server)
    client = connect_redis(own, retries=0)
    with pytest.raises(redis.ConnectionError, match="certificate verify failed"):
        client.ping()
    client.close()
    with pytest.raises(OperationalError):
        Queue(own).ping()
