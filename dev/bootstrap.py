"""Makes `.venv` hold exactly the compiled requirements: `python3 dev/bootstrap.py`, or `make setup`.

Runs on the system's Python and needs nothing installed. If nothing has changed, it takes a few milliseconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".installed"
INSTALLER = ROOT / "requirements" / "pip.txt"
BESIDE = ("speech", "tracing", "dev")  # what is deployed
REQUIREMENTS = (ROOT / "requirements.txt", *(INSTALLER.with_name(f"{name}.txt") for name in BESIDE))
OLDEST_PYTHON = (3, 11)
LINE_SECONDS = 5.0  # between two lines where there is no terminal
LINE_WIDTH = 79
LINES_KEPT = 60  # of what pip says, to show where it fails


def main() -> None:
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(
            f"Chattergram needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make PYTHON=python3.11"
        )
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make run` and `make test` may start simultaneously in a fresh clone
        prepare()


def prepare() -> None:
    place, wanted = str(ROOT), fingerprint()
    before = STAMP.read_text().splitlines() if STAMP.exists() else []
    if before == [place, wanted]:
        return
    if before and before[0] != place:
        shutil.rmtree(VENV)  # the folder was moved, and the scripts contain its old path
    if not (VENV / "bin" / "pip").exists():
        print("Creating .venv ...", flush=True)
        run(
            [sys.executable, "-m", "venv", str(VENV)], "Could not create .venv. On Debian: apt-get install python3-venv"
        )
    print("Installing the requirements (once, a minute or two) ...", flush=True)
    pip(INSTALLER, "--quiet")  # separately and first: this pip then installs the rest
    install(*REQUIREMENTS)
    prune = [str(VENV / "bin" / "python"), "-m", "dev.requirements", "prune"]
    run(prune, "Could not remove what is no longer required.")
    compile_all()
    STAMP.write_text(f"{place}\n{wanted}\n")


def install(*files: Path) -> None:
    """Installs what these files list, and shows how far that is.

    pip refuses anything whose hash is missing or different.
    """
    progress = Progress(len(set().union(*map(listed, files))))
    pip(*files, "--no-compile", "--progress-bar", "raw", on_line=progress.read)
    progress.end()


def compile_all() -> None:
    """Compiles all that is installed, on every core; pip would use one.

    What some packages bring as templates or for other Pythons does not compile, which pip ignores too.
    """
    (packages,) = VENV.glob("lib/python*/site-packages")
    command = [str(VENV / "bin" / "python"), "-m", "compileall", "-qq", "-j", "0", str(packages)]
    subprocess.run(command, cwd=ROOT, check=False)


def listed(file: Path) -> set[str]:
    """The names of the packages that a compiled file lists, with those of the files it includes."""
    found = set()
    for line in file.read_text().splitlines():
        if line.startswith("-r "):
            found |= listed(file.parent / line[3:].strip())
        elif "==" in line and line[0].isalnum():
            found.add(line.partition("==")[0].strip().lower())
    return found


class Progress:
    """Shows how many packages pip has looked at, and what it downloads: in one line of a terminal, else in lines."""

    def __init__(self, packages: int) -> None:
        self._packages, self._done, self._what = packages, 0, ""
        self._again = time.monotonic() + LINE_SECONDS
        self._terminal = sys.stdout.isatty()

    def read(self, line: str) -> None:
        """Takes a line of what pip says."""
        words = line.split()
        if line.startswith(("Collecting ", "Requirement already satisfied: ", "Ignoring ")):
            self._done, self._what = self._done + 1, ""
        elif words[:1] == ["Downloading"] and len(words) > 1:
            self._what = f", downloading {words[1].rpartition('/')[2]} {' '.join(words[2:])}"
        elif words[:1] == ["Progress"] and len(words) == 4 and self._what:
            self._what = f"{self._what.partition(':')[0]}: {int(words[1]) * 100 // max(1, int(words[3]))} %"
        elif line.startswith("Installing collected packages"):
            self._done, self._what = self._packages, f", writing {line.count(',') + 1} of them into .venv"
        else:
            return
        self._show()

    def _show(self) -> None:
        text = f"{min(self._done, self._packages)} of {self._packages} packages{self._what}"
        if self._terminal:
            print(f"\r{text[:LINE_WIDTH]:<{LINE_WIDTH}}", end="", flush=True)
        elif time.monotonic() >= self._again:
            self._again = time.monotonic() + LINE_SECONDS
            print(text, flush=True)

    def end(self) -> None:
        if self._terminal:
            print(f"\r{'':<{LINE_WIDTH}}\r", end="", flush=True)


def pip(*arguments: Path | str, on_line: Callable[[str], None] | None = None) -> None:
    """Installs what the files among the arguments list; the others are options."""
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--require-hashes"]
    for argument in arguments:
        command += ["--requirement", str(argument)] if isinstance(argument, Path) else [argument]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}  # or its lines would come in heaps
    said: deque[str] = deque(maxlen=LINES_KEPT)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            said.append(line)
            if on_line is not None:
                on_line(line.strip())
    if running.returncode != 0:
        sys.exit(f"\n{''.join(said)}Could not install the requirements.")


def fingerprint() -> str:
    """A digest that changes whenever anything that may be installed changes."""
    digest = hashlib.sha256()
    for file in (REQUIREMENTS[0], *sorted(INSTALLER.parent.glob("*.txt"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def run(command: list[str], failure: str) -> None:
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        sys.exit(failure)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nInterrupted. Call it again, and it goes on with what is there already.", file=sys.stderr)
        sys.exit(130)
