"""A child process with a log file, a process group of its own, and every wait bounded."""

import contextlib
import ctypes
import errno
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dev.private import UMASK, private_folder

LOOPBACK = "127.0.0.1"
POLL = 0.05  # seconds between two looks at something that reports nothing by itself
PR_SET_PDEATHSIG = 1
# Below those the kernel gives to outgoing connections: one of these, retrying while its server is down, could
# otherwise be given that server's port.
PORTS = range(15_000, 30_000)
PORT_ATTEMPTS = 50
ADDRESS_IN_USE = ("Address already in use", "address already in use")


class StartError(RuntimeError):
    """A process did not start; the text says why and shows the end of its log."""


def free_port(preferred: int | None = None) -> int:
    """A loopback TCP port nobody listens on; `preferred` if that is one."""
    candidates = [random.choice(PORTS) for _ in range(PORT_ATTEMPTS)]
    for port in ([preferred] if preferred else []) + candidates:
        if is_free(port):
            return port
    raise StartError("no free TCP port on the loopback interface")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def wait_until(check: Callable[[], bool], seconds: float, what: str) -> None:
    """Return once `check` answers true.

    Raises:
        TimeoutError: it did not in time; names `what`.
    """
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took more than {seconds:g} s")
        time.sleep(POLL)


_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Let the kernel end this process when its parent is gone, however that died. Linux only, else nothing."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, number)


class ManagedProcess:
    """One process, started, signalled and waited for by its pid.

    It leads a process group of its own, so that Ctrl-C in a terminal reaches only whoever started it. Nobody else may
    read its log or what it writes.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = dict(os.environ if environment is None else environment)
        self.folder = folder
        self.keep_open = tuple(keep_open)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        if self._process is None:
            raise StartError(f"{self.name} was never started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it; its output is appended to the log."""
        if self.running:
            raise StartError(f"{self.name} runs already")
        private_folder(self.log.parent)
        # The kernel ties the death signal to the starting thread, so only the main thread may ask for it.
        main = threading.current_thread() is threading.main_thread()
        with os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            log.seek(0, os.SEEK_END)
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.folder,
                start_new_session=True,
                umask=UMASK,
                pass_fds=self.keep_open,
                preexec_fn=die_with_parent if main else None,  # noqa: PLW1509 (one call to the kernel)
            )

    def wait_ready(self, check: Callable[[], bool], seconds: float) -> None:
        """Return once `check` answers true.

        Raises:
            StartError: the process ended, or `check` was not true in time; shows the end of the log.
        """

        def ready() -> bool:
            if not self.running:
                raise StartError(f"{self.name} ended with status {self.returncode} while starting.\n{self.log_tail()}")
            return check()

        try:
            wait_until(ready, seconds, f"the start of {self.name}")
        except TimeoutError as error:
            raise StartError(f"{error}.\n{self.log_tail()}") from None

    def signal(self, number: int) -> None:
        """Send a signal to this process alone; nothing if it has ended."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Its exit status.

        Raises:
            TimeoutError: it still runs.
        """
        if self._process is None:
            raise StartError(f"{self.name} was never started")
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} still runs after {seconds:g} s") from None

    def kill(self) -> None:
        """kill -9 the process and whatever it started."""
        if self._process is None:
            return
        self._kill_group()
        self._process.wait()

    def stop(self, seconds: float = 20.0) -> int | None:
        """SIGTERM, then after `seconds` SIGKILL; nothing of its group is left. Answers its exit status."""
        if self._process is None:
            return None
        self.signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            self.wait(seconds)
        self.kill()
        return self.returncode

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError as error:
            if error.errno not in (errno.ESRCH, errno.EPERM):
                raise

    def children(self) -> list[int]:
        """Pids of the processes it started itself (gunicorn's and Celery's workers). Linux only."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def output(self) -> str:
        """What it has written since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def log_tail(self, lines: int = 40) -> str:
        tail = "\n".join(self.output().splitlines()[-lines:])
        return f"--- end of {self.log}:\n{tail or '(empty)'}"
