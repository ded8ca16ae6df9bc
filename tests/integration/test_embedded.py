"""The embedded servers: their data survives a stop and a kill -9, and two instances can run at the same time."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from redis import AuthenticationError, Redis

from config import replica_set
from dev.embedded import Embedded, MongoServer, RedisServer, Server
from dev.processes import LOOPBACK, StartError, wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Running servers. A test that stops one starts it again."""
    started = Embedded(tmp_path_factory.mktemp("embedded") / "data")
    started.start()
    yield started
    started.stop()


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """Occupies this port with a server that hangs up at once."""
    with Stranger((LOOPBACK, port), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


class Stranger(socketserver.TCPServer):
    allow_reuse_address = True


def servers(embedded: Embedded) -> tuple[RedisServer, MongoServer]:
    assert embedded.redis
    assert embedded.mongodb
    return embedded.redis, embedded.mongodb


def remember(embedded: Embedded, key: str = "kept") -> None:
    redis_server, mongo_server = servers(embedded)
    with Redis.from_url(redis_server.url()) as redis:
        redis.execute_command("JSON.SET", key, "$", "1")
        assert {b"search", b"ReJSON"} <= {module[b"name"] for module in redis.module_list()}
        wait_until(lambda: redis.info("persistence")["aof_pending_bio_fsync"] == 0, 5, "the sync of the AOF")
    with MongoClient(mongo_server.url()) as client:
        client.get_default_database().things.replace_one({"_id": key}, {}, upsert=True)


def assert_remembered(embedded: Embedded) -> None:
    redis_server, mongo_server = servers(embedded)
    with Redis.from_url(redis_server.url()) as redis:
        assert redis.execute_command("JSON.GET", "kept") == b"1"
    with MongoClient(mongo_server.url()) as client:
        assert client.get_default_database().things.count_documents({"_id": "kept"}) == 1


def test_data_outlives_a_stop_and_the_loss_of_both_ports(folder: Path) -> None:
    before = Embedded(folder)
    before.start()
    try:
        remember(before)
        ports = [server.port for server in before.servers]
    finally:
        before.stop()
    again = Embedded(folder)
    with listening(ports[0]), listening(ports[1]):
        again.start()
    try:
        assert not set(ports) & {server.port for server in again.servers}
        assert_remembered(again)
    finally:
        again.stop()


def test_data_outlives_kill_9_on_the_same_ports(embedded: Embedded) -> None:
    remember(embedded)
    ports = [server.port for server in embedded.servers]
    for server in embedded.servers:
        server.kill()
        server.restart()
    assert [server.port for server in embedded.servers] == ports
    assert_remembered(embedded)


def test_a_second_instance_on_the_same_folder_is_refused_and_the_first_lives(embedded: Embedded) -> None:
    with pytest.raises(StartError, match="Set DATA_DIR"):
        Embedded(embedded.folder).start()
    remember(embedded)


def test_a_second_instance_with_its_own_folder_works(embedded: Embedded, tmp_path: Path) -> None:
    beside = Embedded(tmp_path / "beside")
    beside.start()
    try:
        remember(beside, "beside")
        redis_server, _ = servers(embedded)
        with Redis.from_url(redis_server.url()) as redis:
            assert redis.exists("beside") == 0
    finally:
        beside.stop()


def test_only_the_requested_server_is_started(tmp_path: Path) -> None:
    one = Embedded(tmp_path, with_redis=False)
    one.start()
    try:
        assert one.redis is None
        assert one.mongodb
        assert one.mongodb.running
    finally:
        one.stop()


def test_nobody_gets_in_without_the_password(embedded: Embedded) -> None:
    redis_server, mongo_server = servers(embedded)
    with Redis(port=redis_server.port, retry=None) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    with replica_set.connect(mongo_server.port, "") as stranger, pytest.raises(OperationFailure, match="requires auth"):
        stranger.admin.command("listDatabases")


def test_no_command_line_shows_a_password(embedded: Embedded) -> None:
    for server in embedded.servers:
        line = Path(f"/proc/{server.pid}/cmdline").read_text()
        assert server.name.lower() in line.lower() or "mongod" in line
        assert server.password not in line


def open_to_others(folder: Path) -> set[Path]:
    return {path for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077}


def test_nobody_else_may_read_the_data(embedded: Embedded) -> None:
    remember(embedded)
    assert len(list(embedded.folder.rglob("*"))) > 10
    assert open_to_others(embedded.folder) == set()


class Old(Server):
    """As an older version ran it."""

    protected = False


class OldRedis(Old, RedisServer):
    pass


class OldMongo(Old, MongoServer):
    pass


def test_data_of_an_older_version_gets_passwords_and_is_closed_to_others(folder: Path) -> None:
    old = OldRedis("Redis", folder / "redis", folder / "log" / "redis.log")
    old_mongo = OldMongo("MongoDB", folder / "mongodb", folder / "log" / "mongodb.log")
    before = Embedded(folder)
    before.redis, before.mongodb = old, old_mongo
    for server in before.servers:
        server.start()
        server.wait_until_ready()
    remember(before)
    before.stop()
    (folder / "lock").touch()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    again = Embedded(folder)
    again.start()
    try:
        assert_remembered(again)
        assert open_to_others(folder) == set()
        assert all(server.password for server in again.servers)
    finally:
        again.stop()


def test_a_folder_with_other_things_in_it_keeps_its_mode(folder: Path) -> None:
    folder.mkdir()
    (folder / "holiday.txt").touch(mode=0o644)
    folder.chmod(0o755)
    one = Embedded(folder, with_mongodb=False)
    one.start()
    one.stop()
    assert open_to_others(folder) == {folder, folder / "holiday.txt"}
