"""Restricts a process before it reads the first byte of a recording.

Everywhere it bounds CPU time and file size, on Linux memory too. On Linux, seccomp also leaves the process nothing but
computing, and reading and writing the files it already has: it cannot open a file, connect, or start a process or
thread. That needs neither root nor namespaces, so it works in containers. It needs libseccomp, on which `apt` depends
in Debian and Ubuntu; `available` says whether it was found.
"""

import ctypes
import errno
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NICENESS = 5  # the processes that serve people come first
PR_SET_PDEATHSIG = 1
PROT_EXEC = 4
CALLS = frozenset(
    {"read", "write", "pread64", "pwrite64", "readv", "writev", "lseek", "close"}  # on files that are already open
    | {"munmap", "mremap", "brk", "madvise", "futex", "sched_yield", "sched_getaffinity"}
    | {"clock_gettime", "gettimeofday", "clock_nanosleep", "nanosleep", "getrandom", "getpid", "gettid", "getrusage"}
    | {"rt_sigreturn", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "restart_syscall"}
    | {"exit", "exit_group"}
)
CALLS_WITH_PROTECTION = ("mmap", "mprotect")  # allowed unless their argument 2 asks for executable memory


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes` come on top of what the process has when it starts."""

    memory_bytes: int
    cpu_seconds: int
    file_bytes: int


class Confinement:
    """Created once, before the forks; each child calls `enter`."""

    def __init__(self) -> None:
        self._filter = _make_filter()
        self._prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    @property
    def available(self) -> bool:
        """Whether seccomp keeps the process from files and the network."""
        return self._filter is not None

    def enter(self, limits: Limits, parent: int) -> None:
        """Confines this process for good, and has the kernel kill it when its parent (a pid) dies."""
        if self._prctl is not None:
            self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)
        os.nice(NICENESS)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
        if sys.platform == "linux":  # macOS does not support it
            memory = _address_space() + limits.memory_bytes
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        if self._filter is not None:
            self._filter.load()


def _address_space() -> int:
    """Bytes of virtual memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _make_filter() -> Any:
    """The seccomp filter, or None if the system has no seccomp."""
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError):  # not Linux, or no libseccomp
        return None
    made = pyseccomp.SyscallFilter(defaction=pyseccomp.ERRNO(errno.EPERM))
    for call in CALLS:
        made.add_rule(pyseccomp.ALLOW, call)
    for call in CALLS_WITH_PROTECTION:
        made.add_rule(pyseccomp.ALLOW, call, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, PROT_EXEC, 0))
    return made
