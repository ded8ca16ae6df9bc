"""A whole application to break: two web processes, and a stand-in for Deepgram that responds at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chat.store.connection import Stores
from dev.processes import LOOPBACK, ManagedProcess, free_port, wait_until
from tests.client import Client
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.stack import READY_TIMEOUT, Stack, answers
from tests.stores import open_stores


@dataclass
class System:
    """The processes, named as in the Procfile, and `web2`."""

    stack: Stack
    deepgram: DeepgramStandIn
    urls: list[str]

    def process(self, name: str) -> ManagedProcess:
        return self.stack.processes[name]

    def restart_stopped(self) -> None:
        """Starts whatever is not running, and waits until everything is ready."""
        self.stack.start_stopped()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Waits until both web processes can reach everything they need."""
        for url in self.urls:
            wait_until(lambda: answers(f"{url}/readyz"), READY_TIMEOUT, f"{url} to be ready")  # noqa: B023


@pytest.fixture(scope="package")
def deepgram() -> Iterator[DeepgramStandIn]:
    with DeepgramStandIn(delay=0.1) as running:
        yield running


@pytest.fixture(scope="package")  # stopped before other folders' tests: it works even if nobody talks
def whole_system(tmp_path_factory: pytest.TempPathFactory, deepgram: DeepgramStandIn) -> Iterator[System]:
    environment = {
        "DEEPGRAM_API_KEY": KEY,
        "DEEPGRAM_BASE_URL": deepgram.url,
        "TRANSCRIPTION_BACKOFF": "0.2",
        "TRANSCRIPTION_ATTEMPTS": "3",
        "PRESENCE_LEASE": "6",
    }
    stack = Stack(tmp_path_factory.mktemp("fault"), environment)
    stack.start()
    port = str(free_port())
    try:
        web2 = stack.make_process("web2", stack.web.command[-1], {"PORT": port})
        stack.processes["web2"] = web2
        web2.start()
        yield System(stack, deepgram, [stack.url, f"http://{LOOPBACK}:{port}"])
    finally:
        stack.stop()


@pytest.fixture
def system(whole_system: System) -> System:
    """The whole application, running."""
    whole_system.restart_stopped()
    return whole_system


@pytest.fixture
def system_stores(system: System) -> Iterator[Stores]:
    """The application's stores, to check what no client can see."""
    with open_stores(system.stack.settings()) as stores:
        yield stores


@pytest.fixture
def client(system: System) -> Iterator[Client]:
    with Client(system.urls[0]) as opened:
        yield opened
