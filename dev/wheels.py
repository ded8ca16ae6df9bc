"""Checks that every requirement has a wheel for each Python and platform we support: `make wheels`.

Downloads only metadata and installs nothing. Asks the index only if the compiled files or this file have changed.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from dev import requirements
from dev.install import FILES_APART
from dev.requirements import Pin

CACHE = requirements.ROOT / ".tools" / "wheels"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
INTEL, ARM, MAC = "Linux on x86_64", "Linux on aarch64", "macOS on arm64"
# glibc 2.28 and macOS 14 are the oldest for which everything has wheels; README.md says so.
PLATFORMS = {INTEL: "x86_64-manylinux_2_28", ARM: "aarch64-manylinux_2_28", MAC: "aarch64-apple-darwin"}
MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}
ASK_SECONDS = 300
MISSING = re.compile(r"Because (?:only )?([a-z0-9._-]+)\S*?==\S+ (?:has no|is available)[^\n]* wheels?")


class Target(NamedTuple):
    python: str
    platform: str  # a key of `PLATFORMS`

    def __str__(self) -> str:
        return f"Python {self.python}, {self.platform}"


# These have no wheel for these targets, so pip builds them from source: gevent needs a C compiler, http-ece is Python
# alone. README.md says so.
BUILT = {
    "gevent": {Target("3.11", MAC)},
    "http-ece": {Target(python, platform) for platform in PLATFORMS for python in PYTHONS},
}


class AskError(Exception):
    """uv failed for a reason other than a missing wheel; the text is uv's."""


def targets() -> list[Target]:
    return [Target(python, platform) for platform in PLATFORMS for python in PYTHONS]


def without_wheel(target: Target, pins: list[Pin]) -> list[str]:
    """The names of the pinned packages that have no wheel for this target.

    Raises:
        AskError: uv could not tell, for instance because the index did not respond.
    """
    missing: list[str] = []
    while (found := _first_without_wheel(target, [pin for pin in pins if pin.name not in missing])) is not None:
        missing.append(found)
    return missing


def fingerprint() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in _files():
        digest.update((requirements.FOLDER / f"{name}.txt").read_bytes())
    return digest.hexdigest()


def ask() -> dict[Target, list[str]]:
    """The packages without a wheel, by target.

    Raises:
        AskError: see `without_wheel`.
    """
    pins = [pin for name in _files() for pin in requirements.pins(name)]

    def missing(target: Target) -> list[str]:
        # Those that are built are asked about by themselves, since uv begins anew for each that has no wheel.
        usual = [pin for pin in pins if target not in BUILT.get(pin.name, ())]
        built = [pin for pin in pins if target in BUILT.get(pin.name, ())]
        return without_wheel(target, usual) + without_wheel(target, built)

    first, *others = targets()
    found = {first: missing(first)}  # the others find in uv's cache what this one was told
    with ThreadPoolExecutor() as pool:
        return found | dict(zip(others, pool.map(missing, others), strict=True))


def mistakes(asked: Mapping[Target, list[str]], built: Mapping[str, set[Target]]) -> list[str]:
    """The differences from what `built` says, in sentences."""
    found: list[str] = []
    for target, missing in asked.items():
        expected = {name for name, where in built.items() if target in where}
        found += [f"{name} has no wheel for {target}." for name in sorted(set(missing) - expected)]
        found += [f"{name} has a wheel for {target}: take it out of BUILT." for name in sorted(expected - set(missing))]
    return found


def main() -> None:
    known = CACHE / fingerprint()
    if known.exists():
        return
    print("Asking the index for the wheels of every Python and platform (once per change) ...", flush=True)
    try:
        found = mistakes(ask(), BUILT)
    except AskError as error:
        sys.exit(f"Could not ask the index for wheels:\n{error}")
    if found:
        sys.exit("\n".join(found))
    CACHE.mkdir(parents=True, exist_ok=True)
    for older in CACHE.iterdir():
        older.unlink()
    known.touch()


def _files() -> list[str]:
    """The compiled files that plain pip installs: not those of programs whose build dev/install.py chooses."""
    return [name for name in requirements.names() if name not in FILES_APART]


def _first_without_wheel(target: Target, pins: list[Pin]) -> str | None:
    """The first package without a wheel, since uv names one at a time; None if all have one."""
    if not pins:
        return None
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("".join(f"{pin.requirement}\n" for pin in pins))
        command = [
            *(str(Path(sys.executable).with_name("uv")), "--color", "never", "pip", "install", "--dry-run"),
            *("--no-deps", "--only-binary", ":all:", "--target", str(Path(folder) / "nothing")),
            *("--no-python-downloads", "--python-version", target.python),
            *("--python-platform", PLATFORMS[target.platform], "--requirement", str(listed)),
        ]
        result = subprocess.run(
            command, env=os.environ | MACOS, capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    if result.returncode == 0:
        return None
    found = MISSING.search(" ".join(result.stderr.split()))
    if found is None:
        raise AskError(result.stderr.strip())
    return found[1]


if __name__ == "__main__":
    main()
