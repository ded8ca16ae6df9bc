"""Flower shows the queues, and only to people with its password."""

from collections.abc import Iterator

import pytest
import requests

from dev.processes import LOOPBACK, ManagedProcess, free_port
from tests.stack import Stack, procfile

LOGIN = ("flower", "a password of the tests")
SECONDS = 30


@pytest.fixture(params=["Procfile", "Procfile.dev"])
def flower(request: pytest.FixtureRequest, stack: Stack) -> Iterator[tuple[ManagedProcess, str]]:
    """Flower, started by that file's command, and its address."""
    port = free_port()
    where = {"PORT": str(port), "FLOWER_PORT": str(port), "FLOWER_ADDRESS": LOOPBACK}
    environment = {**where, "FLOWER_BASIC_AUTH": ":".join(LOGIN)}
    process = stack.make_process(f"flower-{request.param}", procfile(request.param)["flower"], environment)
    process.start()
    yield process, f"http://{LOOPBACK}:{port}"
    process.stop()


def test_it_shows_the_workers_to_who_has_the_password(flower: tuple[ManagedProcess, str]) -> None:
    process, address = flower

    def shows_all() -> bool:
        try:
            answer = requests.get(f"{address}/api/workers", params={"refresh": 1}, auth=LOGIN, timeout=10)
        except requests.RequestException:
            return False
        names = {name.partition("@")[0] for name in answer.json()} if answer.ok else set()
        return names == {"chat", "transcription", "push"}

    process.wait_ready(shows_all, SECONDS)
    for path in ("/", "/workers", "/tasks", "/broker", "/api/workers", "/api/tasks"):
        assert requests.get(f"{address}{path}", timeout=10).status_code == 401, path
    for path in ("/metrics", "/healthcheck"):  # docs/operations.md says so
        assert requests.get(f"{address}{path}", timeout=10).status_code == 200, path
    assert requests.post(f"{address}/api/worker/shutdown/chat@host", timeout=10).status_code == 401


@pytest.mark.parametrize("given", ["", None])
def test_deployed_it_does_not_start_without_a_password(stack: Stack, given: str | None) -> None:
    environment = {"PORT": str(free_port())} | ({} if given is None else {"FLOWER_BASIC_AUTH": given})
    process = stack.make_process("flower-open", procfile("Procfile")["flower"], environment)
    process.start()
    assert process.wait(SECONDS) != 0
    assert "FLOWER_BASIC_AUTH: set it to name:password" in process.output()
