"""`make run`: Ctrl-C leaves nothing running, the next run has all data, and two instances can run at once."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from chat.store import prepare
from dev.private import stored_secret
from dev.processes import LOOPBACK, ManagedProcess, free_port
from tests.application import application
from tests.client import PASSWORD, Client, Json, Person
from tests.stack import ROOT, clean_environment, start_servers

READY_SECONDS = 60
STOP_SECONDS = 40

pytestmark = pytest.mark.timeout(240)


class Run:
    """One `make run` with its data folder, which is in the environment of every process it starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process = ManagedProcess(
            "make run",
            [
                "make",
                "--no-print-directory",
                "run",
                f"PORT={self.port}",
                f"DATA_DIR={folder}",
                f"PYTHON={sys.executable}",
            ],
            log=folder.with_suffix(".log"),
            environment={**clean_environment(), "WHISPER_MODEL": "tiny.en"},  # loads in a quarter of the time
            folder=ROOT,
        )

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def flower(self) -> str:
        found = re.search(r"Flower shows the queues: (\S+)", self.process.output())
        assert found, self.process.output()
        return found[1]

    def start(self) -> None:
        self.process.start()
        self.process.wait_ready(
            lambda: all(text in self.process.output() for text in (f"is ready: {self.url}", "Flower shows the queues")),
            READY_SECONDS,
        )

    def flask(self, *arguments: str) -> str:
        """Runs `bin/flask` and returns its output."""
        environment = {**self.process.environment, "DATA_DIR": str(self.folder)}
        command = [ROOT / "bin" / "flask", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout

    def press_ctrl_c(self) -> None:
        """Sends SIGINT to the whole process group, like a terminal."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(STOP_SECONDS)

    def left_over(self) -> list[str]:
        """The commands of processes still running that were started for this folder."""
        needle = str(self.folder).encode()
        return [command for command in map(_belonging(needle), Path("/proc").glob("[0-9]*")) if command]


def _belonging(needle: bytes):
    def command_of(process: Path) -> str | None:
        try:
            command = (process / "cmdline").read_bytes()
            found = needle in command or needle in (process / "environ").read_bytes()
        except OSError:
            return None
        return command.replace(b"\0", b" ").decode(errors="replace") if found else None

    return command_of


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "first")
    yield run
    run.process.stop()


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "second")
    yield run
    run.process.stop()


def assert_clean(run: Run) -> None:
    output = run.process.output()
    assert "Traceback" not in output, output
    assert not re.search(r"SIGKILL|Exception ignored|\[ERROR\]|\[CRITICAL\]", output), output
    assert run.left_over() == []


def test_two_instances_live_side_by_side_and_ctrl_c_keeps_all_data(first: Run, second: Run) -> None:
    first.start()
    with ExitStack() as closing:
        client = closing.enter_context(Client(first.url))
        assert json.loads(first.flask("state", "--json"))["redis_up"] == 1, "bin/flask finds its servers"
        assert requests.get(first.flower, timeout=15).status_code == 401, "Flower asks for its password"
        assert [path for path in first.folder.rglob("*") if path.lstat().st_mode & 0o077] == []
        kept = [path.read_text() for name in ("password", "key", "secret_key") for path in first.folder.rglob(name)]
        assert len(kept) == 4
        assert not any(secret in command for secret in kept for command in first.left_over()), "ps shows them"
        ada, ben = client.sign_up("ada"), client.sign_up("ben")
        socket = ben.connect()
        sent = ada.post(ben, "still there tomorrow?")
        socket.wait_for_frame("application:messages", lambda message: message["_id"] == sent["_id"])
        refuse_a_port_in_use(second, first.port)
        earlier = leave_somebody(second.folder)
        second.start()
        client = closing.enter_context(Client(second.url))
        another = client.log_in(Person(client, earlier, ""))
        assert ada.user["username"] not in {user["username"] for user in another.get("/user/list")}
        assert earlier["username"] not in {user["username"] for user in ada.get("/user/list")}
    for run in (second, first):
        run.press_ctrl_c()
        assert_clean(run)
    with data(first.folder) as servers, application(**servers) as app:
        asking, key = app.test_client(), {"x-api-key": ada.token}
        me = asking.get("/api/user/me", headers=key)
        assert me.json["username"] == ada.user["username"], "earlier tokens are still valid: same SECRET_KEY"
        history = asking.get(f"/api/chat/{ben.id}", headers=key)
        assert [message["text"] for message in history.json] == ["still there tomorrow?"]


@contextmanager
def data(folder: Path) -> Iterator[dict[str, str]]:
    """The settings with which the next run of this folder would find its data; its servers run meanwhile."""
    embedded, redis, mongodb = start_servers(folder)
    try:
        secret = stored_secret(folder / "secret_key")
        yield {"redis_url": redis.url(0), "mongodb_uri": mongodb.url(), "secret_key": secret}
    finally:
        embedded.stop()


def leave_somebody(folder: Path) -> Json:
    """Fills a folder with the data of an earlier run: somebody who has an account."""
    with data(folder) as servers, application(**servers) as app:
        prepare.prepare(app.services.stores)
        asked = {"email": "eve@example.org", "username": "eve", "password": PASSWORD}
        answer = app.test_client().post("/api/signup", json=asked)
    (folder / "partitions-moved").touch()
    user: Json = answer.json["user"]
    return user


def refuse_a_port_in_use(run: Run, port: int) -> None:
    """Checks that it says so before it starts anything."""
    usual = run.process.command
    run.process.command = [*usual, f"PORT={port}"]
    run.process.start()
    assert run.process.wait(STOP_SECONDS) != 0
    assert f"Cannot listen on {LOOPBACK}:{port}" in run.process.output()
    assert_clean(run)
    run.process.command = usual
