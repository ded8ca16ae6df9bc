"""Builds the page if it has changed since it was built: `python -m dev.page`, or `make build`.

`make run` does so too. Prints nothing if the build is up to date.
"""

import fcntl
import subprocess
import sys
from pathlib import Path

from dev.node import ROOT, prepare

BUILD_SECONDS = 120


def build() -> None:
    """Builds the page, unless there is a build of its present sources. One process at a time does.

    Raises:
        SystemExit: there is no Node, npm could not install esbuild, or the build failed; the text says why.
    """
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [str(prepare().binary), "dev/build-page.js"]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        if ran.returncode != 0:
            raise SystemExit(f"{ran.stdout}{ran.stderr}The page could not be built.")


def build_if_possible() -> None:
    """Builds the page, or says why it cannot: the page works from its modules too, but loads more slowly."""
    try:
        build()
    except (SystemExit, OSError, subprocess.SubprocessError) as error:
        print(f"{error}\nThe page is served unbuilt, which loads more slowly.", file=sys.stderr)


if __name__ == "__main__":
    build()
