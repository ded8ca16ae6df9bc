"""What a process that handles a recording may do, taken from it before it reads the first byte.

Everywhere: bounded memory, processor time and file size. On Linux beside that, by seccomp, nothing but computing and
reading and writing the files it was given: no file can be opened, no connection made, no process or thread started.
That needs neither root nor namespaces, so it holds in containers too; it does need libseccomp, which Debian's and
Ubuntu's `apt` brings. `available` tells whether it is there.
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

NICENESS = 5  # behind the process that serves people
PR_SET_PDEATHSIG = 1
PROT_EXEC = 4
CALLS = frozenset(
    {"read", "write", "pread64", "pwrite64", "readv", "writev", "lseek", "close"}  # of files it has open
    | {"munmap", "mremap", "brk", "madvise", "futex", "sched_yield", "sched_getaffinity"}
    | {"clock_gettime", "gettimeofday", "clock_nanosleep", "nanosleep", "getrandom", "getpid", "gettid", "getrusage"}
    | {"rt_sigreturn", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "restart_syscall"}
    | {"exit", "exit_group"}
)
CALLS_WITH_PROTECTION = ("mmap", "mprotect")  # nothing that can be executed: the argument with index 2


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes` beside what the process has at its beginning."""

    memory_bytes: int
    cpu_seconds: int
    file_bytes: int


class Confinement:
    """Made once, before the fork; `enter` is called in each child."""

    def __init__(self) -> None:
        self._filter = _make_filter()
        self._prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    @property
    def available(self) -> bool:
        """Whether the kernel keeps the process from files and the network."""
        return self._filter is not None

    def enter(self, limits: Limits, parent: int) -> None:
        """From here on this process is confined, and ends when its parent (a pid) does. There is no way back."""
        if self._prctl is not None:
            self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it has ended before the kernel knew what we want
                os._exit(1)
        os.nice(NICENESS)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
        if sys.platform == "linux":  # macOS refuses this one
            memory = _address_space() + limits.memory_bytes
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        if self._filter is not None:
            self._filter.load()


def _address_space() -> int:
    """Bytes of virtual memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _make_filter() -> Any:
    """The filter, or None where the system has no seccomp."""
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError):  # no Linux, or no libseccomp
        return None
    made = pyseccomp.SyscallFilter(defaction=pyseccomp.ERRNO(errno.EPERM))
    for call in CALLS:
        made.add_rule(pyseccomp.ALLOW, call)
    for call in CALLS_WITH_PROTECTION:
        made.add_rule(pyseccomp.ALLOW, call, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, PROT_EXEC, 0))
    return made
