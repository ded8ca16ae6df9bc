"""The running system, people who exist for one module, and more web processes with other settings."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from redis import Redis

from dev.processes import LOOPBACK, ManagedProcess, free_port, wait_until
from tests.client import Client, Person, Socket
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.stack import Stack, answers

# For one more web process. `X-Forwarded-For` sets the address a request comes from, so that no test throttles another.
STRICT = {
    "TRUSTED_PROXIES": "1",
    "LIMIT_LOGIN_ACCOUNT": "3 per 10 minute",
    "LIMIT_LOGIN_ADDRESS": "6 per 10 minute",
    "LIMIT_SIGNUP_ADDRESS": "2 per 10 minute",
    "LIMIT_MESSAGES": "5 per 10 minute",
    "SOCKET_AUTH_TIMEOUT": "0.5",
    "SOCKET_QUEUE_FRAMES": "32",
    "SOCKET_SEND_TIMEOUT": "60",  # so that the queue is what ends a slow socket, on a slow machine too
    "UPLOAD_MAX_BYTES": "200000",
    "UPLOAD_TTL": "1",
    "UPLOADS_AT_ONCE": "1",
    "RECORDINGS_AT_ONCE": "1",
    "RECORDING_TTL": "1",
    "LIMIT_PIECES": "5 per 10 minute",
    "AUDIO_MAX_SECONDS": "4",
    "PRESENCE_LEASE": "3",
}
# For another, with what no test of `STRICT` could live with.
SPARING = {
    "LIMIT_TRANSCRIPTION": "1 per hour",
    "LIMIT_TRANSCRIBE_AGAIN_MESSAGE": "1 per hour",
    "REDIS_MEMORY_WARNING": "0.5",
    "REDIS_MEMORY_FULL": "0.7",
}
ATTEMPTS = 2  # at a transcription


@dataclasses.dataclass
class Web:
    """Another web process, and a client of it."""

    process: ManagedProcess
    client: Client

    def wait(self) -> None:
        """Waits until it can reach everything it needs."""
        self.process.wait_ready(self.is_ready, 30)

    def is_ready(self) -> bool:
        return self.answers("/readyz")

    def is_alive(self) -> bool:
        return self.answers("/healthz")

    def answers(self, path: str) -> bool:
        return answers(f"{self.client.url}{path}")

    def seen_by(self, person: Person) -> Person:
        """The same person with the same token, but talking to this process."""
        return dataclasses.replace(person, client=self.client, sockets=[])


MakeWeb = Callable[..., Web]
Connect = Callable[..., Socket]


@pytest.fixture(scope="package")
def deepgram() -> Iterator[DeepgramStandIn]:
    """Hears what is said in `stack`, at once."""
    with DeepgramStandIn() as running:
        yield running


@pytest.fixture(scope="package")  # stopped before other folders' tests: it works even if nobody talks
def stack(tmp_path_factory: pytest.TempPathFactory, deepgram: DeepgramStandIn) -> Iterator[Stack]:
    environment = {
        "DEEPGRAM_API_KEY": KEY,
        "DEEPGRAM_BASE_URL": deepgram.url,
        "TRANSCRIPTION_ATTEMPTS": str(ATTEMPTS),
        "TRANSCRIPTION_BACKOFF": "0.1",
        "RESUME_LIMIT": "250",
    }
    with Stack(tmp_path_factory.mktemp("contract"), environment) as running:
        yield running


@pytest.fixture(scope="package")
def make_web(stack: Stack) -> Iterator[MakeWeb]:
    """`make_web("web-2", {"PORT": …})` starts another web process with the same stores."""
    started: list[Web] = []

    def start(name: str, environment: dict[str, str]) -> Web:
        port = str(free_port())
        process = stack.make_process(name, stack.web.command[-1], {"PORT": port, **environment})
        process.start()
        started.append(Web(process, Client(f"http://{LOOPBACK}:{port}")))
        return started[-1]

    yield start
    for web in started:
        web.client.http.close()
        web.process.kill()


@pytest.fixture(scope="package")
def strict(make_web: MakeWeb) -> Web:
    """A web process with the limits of `STRICT`. A test that stops it starts it again."""
    web = make_web("web-strict", STRICT)
    web.wait()
    return web


@pytest.fixture(scope="package")
def sparing(make_web: MakeWeb) -> Web:
    """A web process with the settings of `SPARING`."""
    web = make_web("web-sparing", SPARING)
    web.wait()
    return web


@pytest.fixture
def reserved(make_web: MakeWeb) -> Iterator[Web]:
    """A web process that tells only contacts who comes and goes. It ends with its test: whichever process finds that
    another one died tells of its people, and all the others' tests want everybody told.
    """
    web = make_web("web-reserved", {"PRESENCE": "contacts"})
    web.wait()
    yield web
    web.process.stop()


@pytest.fixture(scope="package")
def crippled(make_web: MakeWeb) -> Web:
    """A web process that can reach only Redis, not its broker or MongoDB."""
    closed = f"{LOOPBACK}:{free_port()}"
    web = make_web(
        "web-crippled",
        {"CELERY_BROKER_URL": f"redis://{closed}/1", "MONGODB_URI": f"mongodb://{closed}/chattergram?replicaSet=rs0"},
    )
    web.process.wait_ready(web.is_alive, 30)
    return web


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[Client]:
    """A client for people who exist as long as the module."""
    with Client(stack.url) as opened:
        yield opened


@pytest.fixture(scope="module")
def ada(server: Client) -> Person:
    return server.sign_up("ada")


@pytest.fixture(scope="module")
def ben(server: Client) -> Person:
    return server.sign_up("ben")


@pytest.fixture(scope="module")
def eve(server: Client) -> Person:
    """Somebody who takes no part in the conversation of `ada` and `ben`."""
    return server.sign_up("eve")


@pytest.fixture
def connect() -> Iterator[Connect]:
    """`connect(ada)` opens a socket that is closed when the test ends."""
    opened: list[Socket] = []

    def open_socket(person: Person, **options: Any) -> Socket:
        opened.append(person.connect(**options))
        return opened[-1]

    yield open_socket
    for socket in opened:
        socket.close()


@pytest.fixture
def redis(stack: Stack) -> Iterator[Redis]:
    """The stack's Redis, for inspection."""
    opened = Redis.from_url(stack.redis.url(0))
    yield opened
    opened.close()


@pytest.fixture
def mongo(stack: Stack) -> Iterator[Any]:
    """The stack's MongoDB, for inspection."""
    opened: MongoClient[dict[str, Any]] = MongoClient(stack.mongodb.url())
    yield opened.get_default_database("chattergram")
    opened.close()


def eventually(check: Callable[[], Any], what: str, seconds: float = 10.0) -> Any:
    """Waits until `check` returns something true, and returns that.

    Raises:
        TimeoutError: it did not in time; the text names `what`.
    """
    found: list[Any] = []

    def holds() -> bool:
        found[:] = [check()]
        return bool(found[0])

    wait_until(holds, seconds, what)
    return found[0]


def stored(person: Person, partner: Person, message_id: str) -> dict[str, Any]:
    """Waits until the message is in the history, and returns it."""

    def find() -> list[dict[str, Any]]:
        return [each for each in person.history(partner) if each["_id"] == message_id]

    found: list[dict[str, Any]] = eventually(find, "the message")
    assert len(found) == 1
    return found[0]
