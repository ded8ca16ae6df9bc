"""`dev.apps` runs a Procfile as in a terminal: Ctrl-C reaches the whole process group."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from dev.processes import ManagedProcess, wait_until
from tests.stack import ROOT

RUN = """
import sys
from pathlib import Path
from dev.apps import Apps
sys.exit(Apps(Path(sys.argv[1]).read_text(), {"PATH": "/usr/bin:/bin"}, lambda apps: apps.say("all started")).run())
"""
PATIENT = "exec sh -c 'trap \"echo finished; exit 0\" TERM; echo up; while :; do sleep 0.05; done'"


@pytest.fixture
def apps(tmp_path: Path) -> ManagedProcess:
    command = [sys.executable, "-c", RUN, str(tmp_path / "Procfile")]
    return ManagedProcess("apps", command, log=tmp_path / "apps.log", folder=ROOT)


def pids(process: ManagedProcess) -> list[int]:
    found = re.findall(r"started \(pid=(\d+)\)", process.output())
    assert found
    return [int(pid) for pid in found]


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal_everything_ends_well(tmp_path: Path, apps: ManagedProcess, number: int) -> None:
    (tmp_path / "Procfile").write_text(f"one: {PATIENT}\ntwo: {PATIENT}\n")
    apps.start()
    apps.wait_ready(lambda: apps.output().count(" up") == 2 and "all started" in apps.output(), 20)
    os.killpg(apps.pid, number)
    assert apps.wait(20) == 0
    assert apps.output().count("finished") == 2
    assert "Traceback" not in apps.output()
    assert all(gone(pid) for pid in pids(apps))


def test_a_signal_while_starting_is_not_lost(tmp_path: Path, apps: ManagedProcess) -> None:
    (tmp_path / "Procfile").write_text("".join(f"app{number}: exec sleep 60\n" for number in range(8)))
    apps.start()
    apps.wait_ready(lambda: "started" in apps.output(), 20)
    os.killpg(apps.pid, signal.SIGINT)
    assert apps.wait(20) == 0
    assert "Traceback" not in apps.output()
    assert all(gone(pid) for pid in pids(apps))


def test_the_end_of_one_ends_all_with_its_status(tmp_path: Path, apps: ManagedProcess) -> None:
    (tmp_path / "Procfile").write_text(f"one: {PATIENT}\ntwo: exit 7\n")
    apps.start()
    assert apps.wait(20) == 7
    assert all(gone(pid) for pid in pids(apps))


def test_killed_it_leaves_nothing_behind(tmp_path: Path, apps: ManagedProcess) -> None:
    (tmp_path / "Procfile").write_text(f"one: {PATIENT}\n")
    apps.start()
    apps.wait_ready(lambda: " up" in apps.output(), 20)
    apps.signal(signal.SIGKILL)
    apps.wait(20)
    wait_until(lambda: all(gone(pid) for pid in pids(apps)), 10, "the end of what it started")
