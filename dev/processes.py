"""Child processes with a log file and a process group of their own; every wait is bounded."""

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
LOG_LINE = 400  # characters shown of a line of a log: mongod's have thousands
POLL = 0.05  # seconds between two checks of something that cannot notify us
PR_SET_PDEATHSIG = 1
# Below the kernel's range for outgoing connections: otherwise a client that retries while its server is down could be
# given that server's port.
PORTS = range(15_000, 30_000)
PORT_ATTEMPTS = 50
ADDRESS_IN_USE = ("Address already in use", "address already in use")


class StartError(RuntimeError):
    """A process did not start. The text says why and shows the end of its log."""


def free_port(preferred: int | None = None) -> int:
    """Returns a free loopback TCP port: `preferred` if that is free."""
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
    """Waits until `check` returns True.

    Raises:
        TimeoutError: it did not in time; the text names `what`.
    """
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took more than {seconds:g} s")
        time.sleep(POLL)


_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Makes the kernel signal this process when its parent dies, however that happens. Does nothing except on Linux."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, number)


class ManagedProcess:
    """A process that we start, signal and wait for by its pid.

    It leads a process group of its own, so that Ctrl-C in a terminal reaches only its parent. Only its owner may read
    its log and the files it writes.
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
        """Starts the process and appends its output to the log."""
        if self.running:
            raise StartError(f"{self.name} is already running")
        private_folder(self.log.parent)
        # The kernel ties the death signal to the thread that starts the process, so only the main thread may use it.
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
        """Waits until `check` returns True.

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
        """Sends a signal to this process only; does nothing if it has ended."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Waits for the process to end and returns its exit status.

        Raises:
            TimeoutError: it is still running.
        """
        if self._process is None:
            raise StartError(f"{self.name} was never started")
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} is still running after {seconds:g} s") from None

    def kill(self) -> None:
        """Kills the process and everything it started with SIGKILL."""
        if self._process is None:
            return
        self._kill_group()
        self._process.wait()

    def stop(self, seconds: float = 20.0) -> int | None:
        """Sends SIGTERM and, after `seconds`, SIGKILL to the whole group. Returns the exit status."""
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
        """The pids of its direct children (gunicorn's and Celery's workers). Linux only."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def output(self) -> str:
        """Its output since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def log_tail(self, lines: int = 40) -> str:
        tail = "\n".join(line[:LOG_LINE] for line in self.output().splitlines()[-lines:])
        return f"--- end of {self.log}:\n{tail or '(empty)'}"
