"""Long work shows how far it is: a bar on a terminal, elsewhere a line every few seconds."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from dev import bootstrap
from tests.stack import ROOT
from web import progress


def test_elsewhere_than_on_a_terminal_lines_have_counts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with progress.Progress("Counting", 2_000) as shown:
        shown(1_500)
        shown(1_000)  # more than was expected
    assert capsys.readouterr().err.splitlines() == [
        "Counting: 1,500 of about 2,000",
        "Counting: 2,500 of about 2,500",
    ]


def test_short_work_says_nothing_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.Progress("Counting", 10) as shown:
        shown(10)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("end", "last"), [("", " 8/8"), ("raise KeyboardInterrupt", " 3/10")])
def test_a_terminal_gets_a_bar(end: str, last: str) -> None:
    code = f"""
from web.progress import Progress
try:
    with Progress("Counting", 10) as shown:
        shown(3)
        {end or "shown(5)"}
except KeyboardInterrupt:
    pass
"""
    main, terminal = pty.openpty()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=terminal, timeout=60, check=True)
    os.close(terminal)
    text = os.read(main, 100_000).decode()
    os.close(main)
    assert "Counting" in text
    assert last in text


def test_setup_counts_packages_and_shows_what_it_downloads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From what pip says with its raw progress bar."""
    monkeypatch.setattr(bootstrap, "LINE_SECONDS", 0.0)
    shown = bootstrap.Progress(3)
    for line in (
        "Collecting av==18.0.0 (from -r requirements/base.txt (line 3))",
        "  Downloading https://an.index/packages/av-18.0.0-cp311-manylinux_2_28_x86_64.whl (39.1 MB)",
        "Progress 0 of 41000000",
        "Progress 20500000 of 41000000",
        "Requirement already satisfied: click==8.3.1 in ./.venv/lib",
        "Collecting numpy==2.3.5",
        "  Using cached numpy.whl (16.6 MB)",
        "Installing collected packages: numpy, av",
    ):
        shown.read(line.strip())
    wheel = "av-18.0.0-cp311-manylinux_2_28_x86_64.whl (39.1 MB)"
    assert capsys.readouterr().out.splitlines() == [
        "1 of 3 packages",
        f"1 of 3 packages, downloading {wheel}",
        f"1 of 3 packages, downloading {wheel}: 0 %",
        f"1 of 3 packages, downloading {wheel}: 50 %",
        "2 of 3 packages",
        "3 of 3 packages",
        "3 of 3 packages, writing 2 of them into .venv",
    ]


def test_setup_shows_what_uv_downloads(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "LINE_SECONDS", 0.0)
    shown = bootstrap.Progress(3)
    for line in ("Resolved 3 packages in 1s", "Downloading av (39.1MiB)", "Downloaded av", "Prepared 2 packages in 4s"):
        shown.read(line)
    assert capsys.readouterr().out.splitlines() == [
        "0 of 3 packages, downloading av (39.1MiB)",
        "3 of 3 packages, writing 2 of them into .venv",
    ]


def test_setup_counts_all_packages_it_will_install() -> None:
    names = set().union(*map(bootstrap.listed, bootstrap.REQUIREMENTS))
    assert {"flask", "flower", "faster-whisper", "pytest"} <= names
    assert "pip" not in names


def test_benchmarks_that_are_interrupted_stop_what_they_started_and_name_what_is_left() -> None:
    code = """
import signal, time
from bench import running
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it
def quick(scale):
    "Measures something."
    return []
def slow(scale):
    "Starts a server and waits for it."
    try:
        print("started", flush=True)
        while True:
            time.sleep(0.1)
    finally:
        print("stopped", flush=True)
results = {}
try:
    running.run({"quick": quick, "slow": slow, "last": quick}, ["quick", "slow", "last"], 1.0, None, results)
except running.Interrupted as interrupted:
    print("done", *results, "left", *interrupted.left)
"""
    main, terminal = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=terminal, start_new_session=True) as ran:
        os.close(terminal)
        try:
            text = _until(main, "started")
            os.killpg(ran.pid, signal.SIGINT)  # as a terminal does
            text += _until(main, "last\r\n")
            assert ran.wait(20) == 0
        finally:
            ran.kill()
    os.close(main)
    assert "1/3" in text, "the bar"
    assert "-- 2 of 3, slow: Starts a server" in text
    assert "stopped\r\ndone quick left slow last" in text


def _until(terminal: int, word: str) -> str:
    text = ""
    while word not in text:
        text += os.read(terminal, 4_096).decode()
    return text
