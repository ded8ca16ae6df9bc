"""Compiles the requirements, and removes from .venv what they no longer list: `make requirements`, `make setup`.

`requirements/NAME.in` lists what we use directly, each requirement with its exact version and a reason.
`requirements/NAME.txt` is compiled from it and adds all dependencies, with the hashes of every build for every
platform. All files are first resolved together, so that a package has the same version in each.
"""

import argparse
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
DEPLOYED = ROOT / "requirements.txt"
IN_VENV = ("pip", "uv", "dev", "speech", "tracing")  # in addition to what is deployed
OLDEST_PYTHON = "3.11"
HEADER = "# Made from {name}.in by `make requirements`; edit that instead.\n\n"


class Direct(NamedTuple):
    """A requirement in a .in file."""

    requirement: Requirement
    reason: str


class Pin(NamedTuple):
    """A requirement in a compiled file; `via` names what needs it: packages, or `-r requirements/NAME.in`."""

    requirement: Requirement
    hashes: list[str]
    via: list[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")


def names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.in"))


def deployed() -> list[str]:
    """The files that requirements.txt includes."""
    return re.findall(r"^-r requirements/([\w-]+)\.txt$", DEPLOYED.read_text(), re.MULTILINE)


def direct(name: str) -> list[Direct]:
    lines = (line.partition(" #") for line in (FOLDER / f"{name}.in").read_text().splitlines())
    return [
        Direct(Requirement(line.strip()), reason.strip())
        for line, _, reason in lines
        if line.strip() and not line.startswith("#")
    ]


def pins(name: str) -> list[Pin]:
    found: list[Pin] = []
    for line in (FOLDER / f"{name}.txt").read_text().splitlines():
        text = line.strip().removesuffix("\\").strip()
        if text.startswith("--hash="):
            found[-1].hashes.append(text.removeprefix("--hash="))
        elif line.startswith("    #"):
            found[-1].via.extend(filter(None, [text.removeprefix("#").strip().removeprefix("via").strip()]))
        elif text and not text.startswith("#"):
            found.append(Pin(Requirement(text), [], []))
    return found


def written(files: Iterable[str]) -> dict[str, str]:
    """The names and versions that these compiled files list for this Python on this platform."""
    listed = [(pin, pin.requirement.marker) for file in files for pin in pins(file)]
    return {pin.name: pin.version for pin, marker in listed if marker is None or marker.evaluate()}


def installed() -> dict[str, str]:
    """The names and versions installed in this Python, without what setuptools bundles and adds to the path."""
    folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    return {canonicalize_name(each.name): each.version for each in metadata.distributions(path=folders)}


def compile_all(upgrade: bool) -> None:
    """Compiles every file. Keeps pinned versions where the .in files allow it, unless `upgrade` is set."""
    kept = "" if upgrade else "".join(sorted(set(_kept())))
    with tempfile.TemporaryDirectory() as folder:
        together = Path(folder) / "together.txt"
        together.write_text(kept)
        _resolve(names(), together, "--no-annotate")
        made = {name: Path(folder) / f"{name}.txt" for name in names()}
        for name, file in made.items():
            file.write_text(together.read_text())  # uv keeps these versions and drops what NAME.in does not need
            _resolve([name], file, "--generate-hashes")
        for name, file in made.items():
            (FOLDER / f"{name}.txt").write_text(HEADER.format(name=name) + file.read_text())


def prune() -> None:
    """Removes from .venv what the compiled files do not list."""
    surplus = sorted(installed().keys() - written([*deployed(), *IN_VENV]).keys())
    if surplus:
        subprocess.run([sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", *surplus], check=True)


def _kept() -> Iterator[str]:
    for file in FOLDER.glob("*.txt"):
        yield from (f"{pin.requirement}\n" for pin in pins(file.stem))


def _resolve(sources: list[str], output: Path, *options: str) -> None:
    """Lets uv resolve for all platforms and supported Pythons, with a single version of each package where possible."""
    command = [
        *(str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--universal", "--no-header"),
        *("--python-version", OLDEST_PYTHON, "--fork-strategy", "fewest", "--no-python-downloads", *options),
        *(f"requirements/{source}.in" for source in sources),
        *("--output-file", str(output)),
    ]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        sys.exit("Could not resolve the requirements; nothing was written.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.requirements")
    actions = parser.add_subparsers(required=True, dest="action")
    compiling = actions.add_parser("compile", help="compile every requirements/*.txt from its .in")
    compiling.add_argument("--upgrade", action="store_true", help="take the newest versions that the .in files allow")
    actions.add_parser("prune", help="remove installed packages that the compiled files do not list")
    options = parser.parse_args()
    if options.action == "compile":
        compile_all(options.upgrade)
    else:
        prune()


if __name__ == "__main__":
    main()
