import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from dev.processes import LOOPBACK, ManagedProcess, StartError, free_port, wait_until

PARENT_OF_ONE = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("child", child.pid, flush=True)
child.wait()
"""


def python(tmp_path: Path, code: str) -> ManagedProcess:
    return ManagedProcess("example", [sys.executable, "-c", code], log=tmp_path / "log" / "example.log")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_process_that_ends_while_starting_shows_its_log(tmp_path: Path) -> None:
    process = python(tmp_path, "print('the reason'); raise SystemExit(3)")
    process.start()
    with pytest.raises(StartError, match=r"status 3(.|\n)*the reason"):
        process.wait_ready(lambda: False, 10)


def test_a_process_that_is_never_ready_shows_its_log(tmp_path: Path) -> None:
    process = python(tmp_path, "import time; print('still here', flush=True); time.sleep(60)")
    process.start()
    try:
        process.wait_ready(lambda: "still" in process.output(), 10)
        with pytest.raises(StartError, match=r"took more than(.|\n)*still here"):
            process.wait_ready(lambda: False, 0.1)
    finally:
        process.kill()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_nothing_of_its_group_is_left(tmp_path: Path, end: str) -> None:
    process = python(tmp_path, PARENT_OF_ONE)
    process.start()
    process.wait_ready(lambda: "child" in process.output(), 10)
    child = int(process.output().split()[1])
    assert process.children() == [child]
    getattr(process, end)()
    wait_until(lambda: not alive(child), 10, "the end of the child")
    assert not process.running


def test_a_signal_reaches_it_alone_and_it_starts_again(tmp_path: Path) -> None:
    process = python(tmp_path, PARENT_OF_ONE)
    process.start()
    process.wait_ready(lambda: "child" in process.output(), 10)
    first = process.children()[0]
    process.signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert alive(first)
    os.kill(first, signal.SIGKILL)
    process.start()
    process.wait_ready(lambda: "child" in process.output(), 10)
    assert str(first) not in process.output().split()
    process.kill()


def test_what_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    process = python(
        tmp_path, "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    process.start()
    process.wait_ready(lambda: "up" in process.output(), 10)
    assert process.stop(0.2) == -signal.SIGKILL


def test_free_port_keeps_the_preferred_one_only_while_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port
    with socket.socket() as taken:
        taken.bind((LOOPBACK, port))
        taken.listen()
        assert free_port(port) != port
