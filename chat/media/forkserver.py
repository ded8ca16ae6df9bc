"""Forks a confined process for each recording: `python -m chat.media.forkserver`, with its control socket on stdin.

Everything is loaded already, so a fork costs only milliseconds. The server shares nothing with the process that started
it except the socket, and never reads a recording itself. It ends, and kills its children, when the other end of the
socket is closed; the kernel closes it however that process dies.

First it sends whether seccomp confines its children. A request is one packet of JSON, `[name of the job, options,
limits]`, with descriptors beside it: a socket for the pieces of the answer (`chat.media.pieces`), then the job's files.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import time
import traceback
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from chat.media import jobs, pieces, warming
from chat.media.confinement import Confinement, Limits

MAX_REQUEST_BYTES = 4_096
MAX_DESCRIPTORS = 3
OUT_OF_TIME, OUT_OF_CPU, CRASHED = "time", "cpu", "crash"  # why a process ended before it was done


@dataclass(slots=True)
class _Child:
    answer: socket.socket
    deadline: float
    overdue: bool = False


class ForkServer:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._confinement = Confinement()
        self._children: dict[int, _Child] = {}  # by pid
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._woken, wake = os.pipe()
        for end in (self._woken, wake):
            os.set_blocking(end, False)
        self._poll.register(self._woken, select.POLLIN)
        self._wake = wake
        self._nowhere = os.open(os.devnull, os.O_RDWR)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serves until the other end of the control socket is closed."""
        try:
            self._control.send(orjson.dumps(self._confinement.available))
        except BrokenPipeError:  # its user ended before it was ready
            return
        while True:
            events = dict(self._poll.poll(self._patience()))
            if self._woken in events:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._woken, 4_096)
            self._reap()
            self._end_overdue()
            for pid, child in self._children.items():
                if child.answer.fileno() in events:  # the other end has hung up
                    os.kill(pid, signal.SIGKILL)
                    self._poll.unregister(child.answer)
            if self._control.fileno() in events and not self._serve():
                break
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _patience(self) -> float | None:
        """Milliseconds until the next deadline."""
        deadlines = [child.deadline for child in self._children.values() if not child.overdue]
        return max(0.0, min(deadlines) - time.monotonic()) * 1_000 + 1 if deadlines else None

    def _serve(self) -> bool:
        """Handles one request. Returns False if there will be no more."""
        try:
            request, descriptors, _, _ = socket.recv_fds(self._control, MAX_REQUEST_BYTES, MAX_DESCRIPTORS)
        except ConnectionError:
            return False
        if not request:
            return False
        name, options, limits = orjson.loads(request)
        answer, *files = descriptors
        os.set_blocking(answer, True)
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            self._become_child(parent, name, files, options, limits, answer)
        for descriptor in files:
            os.close(descriptor)
        child = _Child(socket.socket(fileno=answer), time.monotonic() + limits["seconds"])
        self._children[pid] = child
        self._poll.register(child.answer, 0)  # a hang-up is reported in any case
        return True

    def _become_child(
        self, parent: int, name: str, files: list[int], options: dict[str, Any], limits: dict[str, Any], answer: int
    ) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            for descriptor in (self._control.fileno(), self._woken, self._wake, *self._others()):
                os.close(descriptor)
            for standard in (0, 1, 2):
                os.dup2(self._nowhere, standard)
            self._confinement.enter(Limits(limits["memory_bytes"], limits["cpu_seconds"], limits["file_bytes"]), parent)
            jobs.run(name, files, options, answer)
            status = 0
        except BrokenPipeError:
            status = 0
        except BaseException:  # noqa: BLE001 (this process cannot report it in any other way)
            with contextlib.suppress(OSError):
                pieces.write(answer, pieces.DIED, orjson.dumps([CRASHED, traceback.format_exc()]))
        finally:
            os._exit(status)

    def _others(self) -> list[int]:
        return [child.answer.fileno() for child in self._children.values()]

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for pid, child in self._children.items():
            if now > child.deadline and not child.overdue:
                child.overdue = True
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            child = self._children.pop(pid)
            with contextlib.suppress(KeyError):
                self._poll.unregister(child.answer)
            if status:
                with contextlib.suppress(OSError):
                    child.answer.send(pieces.pack(pieces.DIED, orjson.dumps(_why(child, status))), socket.MSG_DONTWAIT)
            child.answer.close()


def _why(child: _Child, status: int) -> list[str]:
    """Why a process ended, and how, for the log."""
    code = os.waitstatus_to_exitcode(status)
    how = signal.Signals(-code).name if code < 0 else f"status {code}"
    if child.overdue:
        return [OUT_OF_TIME, how]
    return [OUT_OF_CPU if -code in (signal.SIGXCPU, signal.SIGPROF) else CRASHED, how]


def main() -> None:
    # Platforms send these to all processes at once. Work goes on until the socket is closed.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    control.setblocking(True)
    warming.warm()
    gc.freeze()  # so that collections in the children do not copy these pages
    ForkServer(control).run()


if __name__ == "__main__":
    main()
