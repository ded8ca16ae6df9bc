"""Where the embedded servers cannot run, a newcomer is told why and what to do instead."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from dev import install
from dev.system import CHROMIUM, ensure_program, find_program
from tests.stack import ROOT


@pytest.mark.parametrize("find", [install.redis_folder, install.mongod_binary])
def test_another_processor(monkeypatch: pytest.MonkeyPatch, find) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(SystemExit, match=r"riscv64(.|\n)*docker compose up(.|\n)*REDIS_URL(.|\n)*MONGODB_URI"):
        find()


def test_an_old_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.31"))
    with pytest.raises(SystemExit, match=r"glibc 2\.34"):
        install.redis_folder()


def test_installed_once(capfd: pytest.CaptureFixture[str]) -> None:
    install.redis_folder()
    capfd.readouterr()
    assert (install.redis_folder() / "bin" / "redis-server").exists()
    assert capfd.readouterr().out == ""


def test_a_missing_program_that_cannot_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="apt-get install chromium"):
        ensure_program("chromium", *CHROMIUM)


@pytest.mark.parametrize("name", CHROMIUM)
def test_any_chromium_that_is_there_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ensure_program("chromium", *CHROMIUM)
    assert find_program(*CHROMIUM) == str(tmp_path / name)


def test_bootstrap_does_nothing_when_nothing_changed(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / "dev").mkdir(parents=True)
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt", "dev/bootstrap.py"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    script = [sys.executable, str(copy / "dev" / "bootstrap.py")]
    fingerprint = subprocess.run(
        [sys.executable, "-c", "import bootstrap; print(bootstrap.fingerprint())"],
        cwd=copy / "dev",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (copy / ".venv").mkdir()
    (copy / ".venv" / ".installed").write_text(f"{copy}\n{fingerprint}\n")
    unchanged = subprocess.run(script, capture_output=True, text=True, check=True)
    assert (unchanged.stdout, unchanged.stderr) == ("", "")
    (copy / "requirements.txt").write_text("no-such-package-at-all @ file:///nowhere\n")
    changed = subprocess.run(script, capture_output=True, text=True, check=False)
    assert changed.returncode != 0
    assert "Could not install the requirements" in changed.stderr
