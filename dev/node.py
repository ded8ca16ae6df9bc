"""Runs the scripts in package.json that build, check, format and test the page: `python -m dev.node check test`.

Installs Node and the packages if they are missing. Prints nothing if all is well.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from dev.install import InstallError, node_folder

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"  # has packages of its own, which only the benchmark needs
LOCKS = (ROOT / "package-lock.json", BENCH / "package-lock.json")
NPM_TIMEOUT = 600  # seconds
# The Node versions that eslint runs on, as in package.json, by major version; the last one includes all later ones.
OLDEST = {20: (20, 19), 22: (22, 13), 24: (24, 0)}


class Node(NamedTuple):
    """A Node, and the command that runs its npm."""

    binary: Path
    npm: tuple[str, ...]


def find_node() -> Node:
    """Returns the system's Node if it is suitable, else one from a wheel, which the first call installs.

    Raises:
        SystemExit: there is none, and pip could not install one; the text says what to do.
    """
    binary, npm = shutil.which("node"), shutil.which("npm")
    if binary and npm and suits(_version(binary)):
        return Node(Path(binary), (npm,))
    return _node_of_wheel()


def suits(version: str) -> bool:
    """Whether this version (`v20.19.1`) runs what package.json lists."""
    found = re.match(r"v(\d+)\.(\d+)", version)
    if found is None:
        return False
    number = (int(found[1]), int(found[2]))
    return number >= OLDEST.get(number[0], (max(OLDEST), 0))


def _version(binary: str) -> str:
    return subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout


def _node_of_wheel() -> Node:
    try:
        folder = node_folder()
    except InstallError as error:
        raise SystemExit(f"{error}\nInstall Node {max(OLDEST)} or newer yourself, with npm.") from None
    binary = folder / "bin" / "node"
    return Node(binary, (str(binary), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def install_packages(node: Node, folder: Path = ROOT) -> None:
    """Installs exactly what the folder's package-lock.json lists; does nothing if that is installed.

    Raises:
        SystemExit: npm could not; the text shows npm's output.
    """
    stamp = folder / "node_modules" / ".installed"
    wanted = f"{folder}\n{hashlib.sha256((folder / 'package-lock.json').read_bytes()).hexdigest()}\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing the packages that build, check or measure the page (once, some seconds) ...", flush=True)
    result = npm(node, "ci", "--no-audit", "--no-fund", "--ignore-scripts", folder=folder)
    if result.returncode != 0:
        raise SystemExit(f"npm could not install the packages:\n{result.stdout}{result.stderr}")
    stamp.write_text(wanted)


def npm(node: Node, *arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs npm in this folder."""
    path = f"{node.binary.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        [*node.npm, *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path, "NO_UPDATE_NOTIFIER": "1"},
        capture_output=True,
        text=True,
        timeout=NPM_TIMEOUT,
        check=False,
    )


def prepare(folder: Path = ROOT) -> Node:
    """Installs Node and the folder's packages; one process at a time, since `make check` and `make test` may meet."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node = find_node()
        install_packages(node, folder)
        return node


def main(scripts: list[str]) -> None:
    node = prepare()
    for script in scripts:
        result = npm(node, "run", script)
        if result.returncode != 0:
            sys.exit(f"{result.stdout}{result.stderr}The page's {script} failed.")


if __name__ == "__main__":
    main(sys.argv[1:])
