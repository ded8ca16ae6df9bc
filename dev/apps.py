"""Runs the processes of a Procfile with honcho, and stops each of them gracefully."""

import contextlib
import functools
import os
import queue
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from honcho import manager
from honcho.environ import parse_procfile
from honcho.printer import Message
from honcho.process import Popen, Process

from dev.processes import die_with_parent

STOP_SECONDS = 35  # for requests, sockets and the current task; then whatever still runs is killed
START_SECONDS = 30
STOPPED_BY_SIGNAL = (128 + signal.SIGINT, 128 + signal.SIGTERM)

manager.KILL_WAIT = STOP_SECONDS


def _ignore(number: int, frame: FrameType | None) -> None:
    """An empty handler. SIG_IGN would be inherited by the program we start."""


class App(Process):
    """One line of the Procfile. It ends when we end, however that happens."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._child_ctor = functools.partial(Popen, preexec_fn=die_with_parent)

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Runs in a process of its own: starts the command and passes on what it prints."""
        signal.signal(signal.SIGINT, _ignore)
        signal.signal(signal.SIGTERM, _ignore)
        die_with_parent(signal.SIGKILL)
        super().run(events, ignore_signals)


class ByPid:
    """Sends SIGTERM only to a command's main process, so that Celery's children finish their task; SIGKILL to all."""

    def terminate(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


class Apps(manager.Manager):
    """All processes of the Procfile. Ctrl-C, SIGTERM or the end of one process stops them all, even at the start."""

    def __init__(self, procfile: str, environment: Mapping[str, str], started: Callable[["Apps"], None]) -> None:
        super().__init__()
        self._process_ctor = App
        self._procmgr = ByPid()
        self._started = started
        self._owner = os.getpid()
        self._stop_requested = False
        for name, command in parse_procfile(procfile).processes.items():
            self.add_process(name, command, env=dict(environment))

    def run(self) -> int:
        """Runs until all have ended. Returns 0 if they were asked to end."""
        self.loop()
        return 0 if self.returncode in STOPPED_BY_SIGNAL else int(self.returncode or 1)

    def say(self, text: str) -> None:
        """Prints a line among the processes' output. Safe to call from any thread."""
        line = Message("line", f"{text}\n", self._clock.now(), manager.SYSTEM_PRINTER_NAME, None)
        self.events.put(line)

    def terminate(self) -> None:
        if os.getpid() != self._owner:
            return  # a forked child that still has our handler
        if self._all_started():
            super().terminate()
        else:
            self._stop_requested = True

    def _start(self) -> None:
        super()._start()
        early = []
        with contextlib.suppress(queue.Empty):
            while not self._all_started():
                event = self.events.get(timeout=START_SECONDS)
                if event.type == "start":
                    self._processes[event.name]["pid"] = event.data["pid"]
                early.append(event)
        for event in early:
            self.events.put(event)
        if self._stop_requested:
            self.terminate()
        else:
            self._started(self)
