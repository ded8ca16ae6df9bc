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
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".installed"
FOLDER = ROOT / "requirements"
INSTALLERS = (FOLDER / "pip.txt", FOLDER / "uv.txt")
BESIDE = ("speech", "tracing", "dev")  # what is deployed
REQUIREMENTS = (ROOT / "requirements.txt", *(FOLDER / f"{name}.txt" for name in BESIDE))
# How uv calls what pip can be told of where packages are; uv does not read pip's own files and variables.
OPTIONS_OF_UV = {
    "cert": "SSL_CERT_FILE",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "proxy": "ALL_PROXY",
}
OLDEST_PYTHON = (3, 11)
IMPORTED = (  # each by a process of its own: what serves and works, and what recognises speech
    "web.app, celery.bin.celery, celery.apps.worker, celery.concurrency.prefork, flower.command",
    "av, faster_whisper, deepgram",
)
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
    pip(*INSTALLERS, "--quiet")  # separately and first: they then install the rest
    install(*REQUIREMENTS)
    prune = [str(VENV / "bin" / "python"), "-m", "dev.requirements", "prune"]
    run(prune, "Could not remove what is no longer required.")
    compile_imported()
    STAMP.write_text(f"{place}\n{wanted}\n")


def install(*files: Path) -> None:
    """Installs what these files list, and shows how far that is: by uv, and by pip where uv cannot.

    Both refuse anything whose hash is missing or different.
    """
    uv, python = VENV / "bin" / "uv", VENV / "bin" / "python"
    command = [str(uv), "pip", "install", "--python", str(python), "--require-hashes"]
    for file in files:
        command += ["--requirement", str(file)]
    progress = Progress(len(set().union(*map(listed, files))))
    is_installed = os.access(uv, os.X_OK) and watched(command, progress.read, options_of_pip()) is None
    if not is_installed:
        pip(*files, "--no-compile", "--progress-bar", "raw", on_line=progress.read)
    progress.end()


def options_of_pip() -> dict[str, str]:
    """Where pip was told to find packages, by its files or in the environment, as uv's variables."""
    command = [str(VENV / "bin" / "python"), "-m", "pip", "config", "list"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    # Its lines are such as `global.index-url='https://an.index/simple'`; what the environment says has the last word.
    lines = sorted(told.splitlines(), key=lambda line: line.startswith(":env:"))
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # as pip: whichever index has the version; its hash is checked
    for line in lines:
        name, _, value = line.partition("=")
        variable = OPTIONS_OF_UV.get(name.rpartition(".")[2])
        if variable is not None and variable not in os.environ:
            places = value.strip("'\"").split()
            found[variable] = ("," if variable == "UV_FIND_LINKS" else " ").join(places)
    return found


def compile_imported() -> None:
    """Compiles what the programs import, by importing it: a fifth of what is installed.

    Otherwise the first `make run` would compile it in each of its processes at once. `make collect` does the same for
    what only tests import.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    commands = [[str(VENV / "bin" / "python"), "-c", f"import {modules}"] for modules in IMPORTED]
    quiet = subprocess.DEVNULL  # what cannot be imported says so when it is used
    running = [subprocess.Popen(each, cwd=ROOT, env=environment, stderr=quiet) for each in commands]
    for each in running:
        each.wait()


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
        elif words[:1] == ["Prepared"] and len(words) > 1:  # as uv says
            self._done, self._what = self._packages, f", writing {words[1]} of them into .venv"
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
    failure = watched(command, on_line)
    if failure is not None:
        sys.exit(f"\n{failure}Could not install the requirements.")


def watched(
    command: list[str], on_line: Callable[[str], None] | None, environment: Mapping[str, str] | None = None
) -> str | None:
    """Runs a program and passes on each line it says. Returns None, or the last lines if it fails."""
    own = {"PYTHONUNBUFFERED": "1"}  # or its lines would come in heaps
    said: deque[str] = deque(maxlen=LINES_KEPT)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **own, **(environment or {})},
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
    return None if running.returncode == 0 else "".join(said)


def fingerprint() -> str:
    """A digest that changes whenever anything that may be installed changes."""
    digest = hashlib.sha256()
    for file in (REQUIREMENTS[0], *sorted(FOLDER.glob("*.txt"))):
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
