"""Supervisors can check every process's health, and the start order does not matter."""

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from redis import Redis, RedisError
from structlog.testing import capture_logs

from chat.store import keys, prepare
from chat.store.connection import Stores
from chat.upkeep import runs
from config import replica_set
from config.settings import Settings, SettingsError
from dev.embedded import MongoServer, RedisServer, Server
from dev.processes import LOOPBACK, free_port, wait_until
from tests.client import Client
from tests.stack import ROOT, Stack, answers, clean_environment, procfile, server_settings, start_servers
from tests.stores import open_stores
from workers import health
from workers.heartbeat import BeatHeartbeat

SECONDS = 30


def healthy(stack: Stack, name: str) -> bool:
    return ask(stack, name).returncode == 0


def ask(stack: Stack, name: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "workers.health", name]
    environment = stack.environment
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_worker_that_works_is_healthy_and_one_that_is_gone_is_not(stack: Stack) -> None:
    workers = ("chat", "transcription", "push")
    assert [queue for queue in workers if not healthy(stack, queue)] == []
    stack.pusher.kill()
    try:
        ill = ask(stack, "push")
        assert ill.returncode == 1
        assert "it is not running" in ill.stderr
        assert [queue for queue in workers if not healthy(stack, queue)] == ["push"]
    finally:
        stack.pusher.start()
        stack.wait_workers()
    assert healthy(stack, "push")


def test_beat_is_healthy_while_it_sends_tasks(stack: Stack) -> None:
    wait_until(lambda: healthy(stack, "beat"), SECONDS, "the first task of beat")
    note = stack.folder / "health" / "beat"
    stack.beat.signal(signal.SIGSTOP)
    try:
        noted = json.loads(note.read_text())
        note.write_text(json.dumps({**noted, "at": noted["at"] - 120}))  # two minutes pass
        assert "it has not worked for 12" in ask(stack, "beat").stderr
        note.unlink()
        assert "it has never worked" in ask(stack, "beat").stderr
    finally:
        stack.beat.signal(signal.SIGCONT)
    wait_until(lambda: healthy(stack, "beat"), SECONDS, "the next task of beat")


def test_beat_is_not_healthy_when_nobody_does_what_it_sends(stores: Stores, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HEALTH_DIR", str(tmp_path))
    runs.record(stores.redis, runs.SWEEP)
    heartbeat = BeatHeartbeat(stores.redis)
    heartbeat.note()
    assert health.trouble("beat") == ""
    past = runs.now(stores.redis) - 130
    stores.redis.hset(keys.LAST_RUNS, runs.SWEEP, past)
    heartbeat.note()
    assert health.trouble("beat") == "", "it has only just begun to send"
    heartbeat._first = past
    heartbeat.note()
    assert "no worker has done what it sends for 130 s" in health.trouble("beat")


def test_a_health_check_takes_no_more_than_python_itself() -> None:
    """Every container runs one again and again."""
    listed = (
        "import sys, workers.health; print('celery' in sys.modules, 'redis' in sys.modules, 'pydantic' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", listed], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.split() == ["False"] * 3


def test_a_mongodb_in_which_a_web_process_may_write_nothing_is_missing(stack: Stack) -> None:
    """`tests/contract/test_health.py` has stores that are away."""
    port = free_port()
    own = {"MONGODB_URI": without_rights(stack), "PORT": str(port)}
    web = stack.make_process("web-without-rights", procfile("Procfile.dev")["web"], own)

    def missing() -> set[str]:
        ready = requests.get(f"http://{LOOPBACK}:{port}/readyz", timeout=15)
        return set() if ready.ok else named(ready)

    try:
        web.start()
        web.wait_ready(lambda: lives(port), SECONDS)
        wait_until(lambda: missing() == {"mongodb"}, SECONDS, "it to miss MongoDB alone")
    finally:
        web.stop()


def without_rights(stack: Stack) -> str:
    """The address of the stack's MongoDB for a user who may log in and `ping`, and nothing else."""
    with stack.mongodb.client() as client:
        client.admin.command("createUser", "idle", pwd="idle", roles=[])
    owner = f"{replica_set.USER}:{stack.mongodb.password}@"
    return stack.mongodb.url().replace(owner, "idle:idle@")


def lives(port: int) -> bool:
    return answers(f"http://{LOOPBACK}:{port}/healthz")


def named(response: requests.Response) -> set[str]:
    return set(response.json()["detail"].removeprefix("Missing: ").removesuffix(".").split(", "))


class PlainRedis(RedisServer):
    """A Redis without modules, as many providers offer it."""

    protected = False

    def arguments(self) -> list[str]:
        given = super().arguments()
        return given[: given.index("--loadmodule")]


def test_readyz_names_a_search_module_that_has_gone(stack: Stack, tmp_path: Path) -> None:
    """As after a restart of Redis from which somebody has left it out."""
    redis, plain = RedisServer("redis", tmp_path / "redis", tmp_path / "redis.log"), None
    redis.protected = False
    redis.start()
    redis.wait_until_ready()
    port = free_port()
    urls = {"REDIS_URL": redis.url(0), "CELERY_BROKER_URL": redis.url(1), "PORT": str(port)}
    web = stack.make_process("web-plain", procfile("Procfile.dev")["web"], urls)

    def missing() -> set[str]:
        response = requests.get(f"http://{LOOPBACK}:{port}/readyz", timeout=15)
        return set() if response.ok else named(response)

    try:
        web.start()
        web.wait_ready(lambda: lives(port) and requests.get(f"http://{LOOPBACK}:{port}/readyz", timeout=15).ok, SECONDS)
        redis.stop()
        plain = PlainRedis("plain", tmp_path / "plain", tmp_path / "plain.log")
        plain.port = redis.port
        plain.start()
        wait_until(lambda: missing() == {"search"}, SECONDS, "the search to be missed")
    finally:
        web.stop()
        for server in (redis, plain):
            if server is not None:
                server.stop()


class ClusterRedis(RedisServer):
    """A cluster of one node with all slots."""

    protected = False

    def arguments(self) -> list[str]:
        return [*super().arguments(), "--cluster-enabled", "yes"]

    def is_ready(self) -> bool:
        if not super().is_ready():
            return False
        with Redis(port=self.port, retry=None) as client:
            if b"cluster_slots_assigned:0" in client.execute_command("CLUSTER", "INFO"):
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
            return b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO")


class LoneRedis(RedisServer):
    """A single Redis, which the address takes for a cluster."""

    protected = False

    def client(self) -> Redis:
        return Redis(port=self.port, retry=None)

    def url(self, database: int = 0) -> str:
        return f"redis+cluster://{LOOPBACK}:{self.port}"


class StandaloneMongo(MongoServer):
    protected = False

    def arguments(self) -> list[str]:
        given = super().arguments()
        at = given.index("--replSet")
        return [*given[:at], *given[at + 2 :]]

    def is_ready(self) -> bool:
        with MongoClient(LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=1_000) as client:
            try:
                return bool(client.admin.command("ping"))
            except PyMongoError:
                return False

    def url(self, database: str = "chattergram") -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/{database}"


class EvictingRedis(RedisServer):
    protected = False

    def arguments(self) -> list[str]:
        return [*super().arguments(), "--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"]


class ForgetfulRedis(RedisServer):
    protected = False

    def arguments(self) -> list[str]:
        return [*super().arguments(), "--appendonly", "no"]


UNUSABLE = [
    (ClusterRedis, "REDIS_URL: names a node of a Redis Cluster"),
    (LoneRedis, "REDIS_URL: names a Redis that is no cluster"),
    (PlainRedis, "REDIS_URL: names a Redis without the module search and JSON"),
    (EvictingRedis, "REDIS_URL: names a Redis that removes data when it is full"),
    (ForgetfulRedis, "REDIS_URL: names a Redis that keeps nothing on its disk"),
    (StandaloneMongo, "MONGODB_URI: names a MongoDB that is not a replica set"),
]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[type[Server]], Server]]:
    servers: list[Server] = []

    def start(kind: type[Server]) -> Server:
        servers.append(kind("another", tmp_path / "another", tmp_path / "another.log"))
        servers[-1].start()
        servers[-1].wait_until_ready()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.mark.parametrize(("name", "kind", "said"), [("web", *UNUSABLE[1]), ("worker", *UNUSABLE[-1])])
def test_a_store_that_can_never_be_used_ends_a_process_in_one_sentence(
    stack: Stack, started: Callable[[type[Server]], Server], name: str, kind: type[Server], said: str
) -> None:
    own = {"PORT": str(free_port()), said.partition(":")[0]: started(kind).url()}
    process = stack.make_process(f"{name}-elsewhere", procfile("Procfile.dev")[name].replace("chat@", "other@"), own)
    try:
        process.start()
        assert process.wait(SECONDS) not in (0, None)
        assert f"Chattergram cannot start:\n  {said}" in process.output(), process.output()
        assert "Traceback" not in process.output()
    finally:
        process.stop()


@pytest.mark.parametrize(("kind", "said"), UNUSABLE)
def test_in_production_each_kind_of_store_that_can_never_be_used_is_refused(
    settings: Settings, started: Callable[[type[Server]], Server], kind: type[Server], said: str
) -> None:
    url = {said.partition(":")[0].lower(): started(kind).url()}
    production = settings.model_copy(update={"environment": "production", **url})
    with open_stores(production) as stores, pytest.raises(SettingsError, match=said):
        prepare.prepare_when_up(stores, SECONDS)


@pytest.mark.parametrize("kind", [EvictingRedis, ForgetfulRedis])
def test_in_development_a_redis_that_may_lose_data_is_only_warned_of(
    settings: Settings,
    started: Callable[[type[Server]], Server],
    kind: type[Server],
) -> None:
    elsewhere = settings.model_copy(update={"environment": "development", "redis_url": started(kind).url()})
    with open_stores(elsewhere) as stores, capture_logs() as logged:
        assert prepare.prepare_when_up(stores, SECONDS) is True
    assert "redis.unsafe" in [each["event"] for each in logged]


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose processes start before its servers: they know only where these will be.

    The transcriber and the pusher wait as the worker does, in workers/app.py.
    """
    embedded, redis, mongodb = start_servers(tmp_path)
    embedded.stop()  # now their ports are known and their data exists
    stack = Stack(tmp_path)
    stack.port = free_port()
    stack.environment = {
        **clean_environment(),
        "HEALTH_DIR": str(tmp_path / "health"),
        **server_settings(redis, mongodb),
        "BIND_HOST": LOOPBACK,
        "PORT": str(stack.port),
        "DATA_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    for name in ("web", "worker", "beat"):
        stack.processes[name] = stack.make_process(name, procfile("Procfile.dev")[name])
    stack.embedded, stack.redis, stack.mongodb = embedded, redis, mongodb
    yield stack
    stack.stop()


def test_processes_wait_for_stores_that_start_after_them(late: Stack) -> None:
    for process in late.processes.values():
        process.start()
    late.web.wait_ready(lambda: lives(late.port), SECONDS)
    wait_until(lambda: "stores.waiting" in late.worker.output(), SECONDS, "a line that says what is waited for")
    for server in (late.redis, late.mongodb):
        server.start()
        server.wait_until_ready()
    late.wait_web()
    late.wait_workers()
    assert all(process.running for process in late.processes.values())
    with Client(late.url) as client:
        ada, ben = client.sign_up("ada"), client.sign_up("ben")
        socket = ben.connect()
        sent = ada.post(ben, "late, but there")
        socket.wait_for_frame("application:messages", lambda data: data["_id"] == sent["_id"])


def test_a_web_process_waits_for_its_stores_as_long_as_it_takes(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulates six weeks, with an hour between checks."""
    hours = itertools.count()
    away = iter([RedisError("away")] * 1_000)

    def look(_: object) -> None:
        for error in away:
            raise error

    monkeypatch.setattr(prepare, "_check_kinds", look)
    monkeypatch.setattr(prepare, "prepare", look)
    monkeypatch.setattr(prepare, "time", SimpleNamespace(monotonic=lambda: 3_600.0 * next(hours), sleep=lambda _: None))
    with capture_logs() as logged:
        assert prepare.prepare_when_up(stores) is True
    assert "stores.there" in [each["event"] for each in logged]
