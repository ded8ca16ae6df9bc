"""Helpers for attacks: floods that continue until they are stopped, and a bystander who must be served meanwhile."""

import contextlib
import os
import secrets
import select
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import requests

from tests.client import Person
from tests.stack import Stack

SECONDS = float(os.environ.get("ATTACK_SECONDS", "1"))  # how long a flood lasts; `make attack` uses longer ones
QUIET = 0.02  # seconds between two calls of a bystander
HELD_UP = 10.0  # seconds; a call that takes that long is held up, even on a slow machine


def address() -> str:
    """An unused address."""
    return ".".join(str(secrets.randbelow(254) + 1) for _ in range(4))


def forwarded(from_address: str) -> dict[str, str]:
    return {"X-Forwarded-For": from_address}


def xff(from_address: str) -> str:
    """The address as a header line of a request."""
    return f"X-Forwarded-For: {from_address}\r\n"


def flood(opened: socket.socket, data: bytes, seconds: float = SECONDS) -> None:
    """Sends the same data repeatedly, as fast as it is accepted, until time is up or the connection ends."""
    until, rest = time.monotonic() + seconds, data
    with contextlib.suppress(OSError):
        while time.monotonic() < until:
            try:
                rest = rest[os.write(opened.fileno(), rest) :] or data
            except BlockingIOError:
                select.select([], [opened], [], 0.1)


@contextlib.contextmanager
def meanwhile(*attacks: Callable[[], Any]) -> Iterator[None]:
    """Runs attacks while the block runs, each in a thread of its own; waits for them to end."""
    threads = [threading.Thread(target=attack, daemon=True) for attack in attacks]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join(SECONDS + 30)
    assert not any(thread.is_alive() for thread in threads), "an attack did not end"


class Bystander:
    """Repeatedly posts a message, checks the server's health, and watches the memory of every process."""

    def __init__(self, stack: Stack, sender: Any, receiver: Any) -> None:
        self._stack = stack
        self._sender: Person = sender
        self._receiver: Person = receiver
        self.seconds: list[float] = []
        self._workers = stack.web.children()
        self._rest = self._memory()

    def chat_during(self, *attacks: Callable[[], Any]) -> None:
        """Chats meanwhile. Fails if a call is refused or held up, or the web process is replaced or grows a lot."""
        with meanwhile(*attacks):
            until = time.monotonic() + SECONDS
            while time.monotonic() < until or len(self.seconds) < 5:
                self._post()
                health = requests.get(f"{self._stack.url}/healthz", timeout=HELD_UP)
                assert health.status_code == 200
                time.sleep(QUIET)
        assert self._stack.web.children() == self._workers, "gunicorn replaced the worker"
        now = self._memory()
        grown, name = max((now[name] - size, name) for name, size in self._rest.items() if name in now)
        assert grown < 300 * 2**20, f"{name} grew by {grown / 2**20:.0f} MB"
        self._report(name, grown)

    def _post(self) -> None:
        began = time.monotonic()
        answer = requests.post(
            f"{self._stack.url}/api/chat",
            json={"receiverId": self._receiver.id, "text": "undisturbed"},
            headers={"Authorization": f"Bearer {self._sender.token}"},
            timeout=HELD_UP,
        )
        assert answer.status_code == 202, answer.text
        self.seconds.append(time.monotonic() - began)

    def _memory(self) -> dict[str, int]:
        """The memory of each process and server and of their children, in bytes, by name and pid."""
        page = os.sysconf("SC_PAGE_SIZE")
        sizes = {}
        for process in (*self._stack.processes.values(), *self._stack.embedded.servers):
            for pid in (process.pid, *process.children()):
                with contextlib.suppress(OSError):  # one that has just ended
                    resident = Path(f"/proc/{pid}/statm").read_text().split()[1]
                    sizes[f"{process.name} ({pid})"] = int(resident) * page
        return sizes

    def _report(self, name: str, grown: int) -> None:
        """Prints a report, which `make attack` shows."""
        ordered = sorted(self.seconds)
        p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        print(
            f"\n  {len(ordered)} posts meanwhile: median {statistics.median(ordered) * 1e3:.0f} ms, "
            f"99th percentile {p99 * 1e3:.0f} ms; most grew {name}, by {grown / 2**20:.0f} MB"
        )


class Http:
    """An HTTP connection of which we control every byte."""

    def __init__(self, url: str) -> None:
        host, _, port = url.rpartition("/")[2].partition(":")
        self.host = f"{host}:{port}"
        self.socket = socket.create_connection((host, int(port)), timeout=15)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def send(self, text: str) -> None:
        self.socket.sendall(text.encode())

    def request(self, path: str, more: str = "", method: str = "GET") -> None:
        self.send(f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{more}\r\n")

    def everything(self) -> bytes:
        """Reads until the server closes the connection."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while piece := self.socket.recv(65_536):
                received += piece
        return received

    def status(self) -> int:
        """The status of the next response; 0 if the connection ends without one."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while b"\r\n" not in received and (piece := self.socket.recv(4_096)):
                received += piece
        return int(received.split()[1]) if received else 0
