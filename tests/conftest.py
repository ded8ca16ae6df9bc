"""Fixtures with real servers. A server that does not start fails the test; nothing is skipped."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from chat.store import archive, counters, hot
from chat.store.cluster import nodes
from chat.store.connection import Stores, connect
from config.settings import Settings
from tests import redis_cluster
from tests.client import Client
from tests.stack import Stack, server_settings, start_servers

# For long searches: `pytest --hypothesis-profile=long --timeout=0 tests/unit/test_usernames.py`
hypothesis.settings.register_profile("long", max_examples=200_000, deadline=None)

# Folders whose tests share servers
TOGETHER = ("cluster", "commands", "contract", "e2e", "fault", "observability")
# Files of the folder `operations` that share `stack` with each other and with the attacks
STACK = ("test_flower.py", "test_health.py", "test_readme.py")


MEMORY = Path("/dev/shm")  # Linux's file system in memory
PLENTY = 8 * 2**30  # bytes; a whole run writes about one of these eight


def pytest_configure() -> None:
    """Puts temporary folders into memory if there is plenty: the stores wait for the disk at every write.

    No test needs the disk itself: a server that is killed leaves all it has written to the kernel.

    Tracebacks are plain, as the application logs them: structlog's own, with the values of all variables, take up to a
    second each.
    """
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if room_in_memory() >= PLENTY:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def room_in_memory() -> int:
    """The bytes that may be written to `MEMORY`; 0 if programs may not be run from there, as tests do."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return 0
    system = os.statvfs(MEMORY)
    available = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    if system.f_flag & os.ST_NOEXEC or available is None:
        return 0
    return min(system.f_bavail * system.f_frsize, int(available[1]) * 1024)


class Scheduling(LoadScopeScheduling):
    """For `make test`, which runs several tests at a time: those that share servers run in turn, in one process.

    `services` start quickly, so each process has its own, and the files that use them fill the time that is left.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        folder = file.parent.name
        if folder in TOGETHER:
            return folder
        return "stack" if folder == "attack" or (folder == "operations" and file.name in STACK) else str(file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if redis_cluster.WANTED and item.get_closest_marker("single_redis")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@dataclass(frozen=True)
class Services:
    """Only Redis Stack and MongoDB, for tests of `chat/`; not shared with a `Stack`."""

    settings: Settings


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Started once per test run."""
    embedded, redis, mongodb = start_servers(tmp_path_factory.mktemp("services"))
    ours = {name.lower(): value for name, value in server_settings(redis, mongodb).items()}
    try:
        yield Services(settings=Settings(_env_file=None, **ours))
    finally:
        embedded.stop()


@pytest.fixture
def settings(services: Services) -> Settings:
    """Settings that point at `services`; use `settings.model_copy(update=...)` to change some."""
    return services.settings


@pytest.fixture(scope="session")
def connected(services: Services) -> Iterator[Stores]:
    stores = connect(services.settings)
    archive.migrate(stores.mongo)
    stores.scripts.load(stores.redis)
    yield stores
    stores.close()


@pytest.fixture
def stores(connected: Stores) -> Stores:
    """Connections to `services`, with both stores empty except for their indexes.

    A test that drops MongoDB's makes them again.
    """
    counters.flush(connected.redis)  # what earlier tests counted in this process goes with the rest
    for node in nodes(connected.redis):
        node.flushall()
    for name in connected.mongo.list_collection_names():
        connected.mongo[name].delete_many({})
    hot.migrate(connected)
    hot.configure(connected.redis)
    return connected


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole application, started once per test run. A test that stops a process starts it again."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A client of `stack`; closes the sockets it opened."""
    with Client(stack.url) as opened:
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Adds the ends of the logs of every stack that a failed test used to its report."""
    report = yield
    if report.failed:
        used = [getattr(value, "stack", value) for value in getattr(item, "funcargs", {}).values()]
        for running in {id(each): each for each in used if isinstance(each, Stack)}.values():
            report.sections.append(("Logs of the stack", running.log_tails()))
    return report
