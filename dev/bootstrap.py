"""Makes `.venv` hold exactly the compiled requirements: `python3 dev/bootstrap.py`, or `make setup`.

Runs on the system's Python and needs nothing installed. If nothing has changed, it takes a few milliseconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".installed"
INSTALLER = ROOT / "requirements" / "pip.txt"
BESIDE = ("speech", "tracing", "dev")  # what is deployed
REQUIREMENTS = (ROOT / "requirements.txt", *(INSTALLER.with_name(f"{name}.txt") for name in BESIDE))
OLDEST_PYTHON = (3, 11)


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
    install(INSTALLER)  # separately and first: this pip then installs the rest
    install(*REQUIREMENTS)
    prune = [str(VENV / "bin" / "python"), "-m", "dev.requirements", "prune"]
    run(prune, "Could not remove what is no longer required.")
    STAMP.write_text(f"{place}\n{wanted}\n")


def install(*files: Path) -> None:
    """Installs what these files list. pip refuses anything whose hash is missing or different."""
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    listed = [argument for file in files for argument in ("--requirement", str(file))]
    run([*pip, "--require-hashes", *listed], "Could not install the requirements.")


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
        sys.exit(130)
