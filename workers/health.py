"""Tells a supervisor whether a worker or beat works: `python -m workers.health chat|transcription|push|beat`.

Exits with 0 if it does, otherwise with 1 and a sentence. A worker notes every few seconds that its consumer runs and
has its broker; beat notes that it sent a task, and what it knows to be wrong. The notes are files in a folder of this
user's own, so the check costs no more than starting Python, and depends on no clock but this machine's uptime.
"""

import argparse
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

FOLDER_VARIABLE = "HEALTH_DIR"
NOTE_SECONDS = 2.0
SILENCE_SECONDS = 60.0
BEAT = "beat"


def note(name: str, trouble: str = "") -> None:
    """Notes that this process works, or what is wrong. `name` is the part of a worker's name before its host."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = folder / f".{name}.{os.getpid()}"
    partial.write_text(json.dumps({"pid": os.getpid(), "at": time.monotonic(), "trouble": trouble}))
    partial.replace(folder / name)


def trouble(name: str) -> str:
    """Returns what is wrong with this machine's worker of that name, or its beat; '' if nothing is."""
    folder = _folder()
    try:
        if folder.stat().st_uid != os.getuid():
            return f"{folder} belongs to somebody else"
        found = json.loads((folder / name).read_text())
    except (OSError, ValueError):
        return "it has never worked"
    if not _runs(found["pid"]):
        return "it is not running"
    silence = time.monotonic() - found["at"]
    if not 0 <= silence <= SILENCE_SECONDS:  # less than 0: of before the machine was started
        return f"it has not worked for {abs(silence):.0f} s"
    return str(found["trouble"])


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:  # no such process, or one that is not ours and has its number by now
        return False
    return True


def _folder() -> Path:
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given) if given else Path(tempfile.gettempdir(), f"chattergram-health-{os.getuid()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workers.health")
    parser.add_argument("name", help="chat, transcription, beat, or the part of a worker's name before the @")
    name = parser.parse_args().name
    found = trouble(name)
    if found:
        print(f"{name} on {socket.gethostname()}: {found}", file=sys.stderr)  # noqa: T201 (a command's own output)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
