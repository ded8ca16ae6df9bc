"""System packages that a few steps need: installed where we may, asked for where we may not."""

import os
import shutil
import subprocess

APT_TIMEOUT = 900  # seconds
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")  # each of them will do


def find_program(*names: str) -> str | None:
    """The path of the first of these that is on the PATH."""
    return next((path for name in names if (path := shutil.which(name))), None)


def install_system_package(package: str) -> bool:
    """Install a Debian package; false where that is not possible (no apt-get, or not root)."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    print(f"Installing the system package {package} ...", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments]
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=APT_TIMEOUT, check=False
        )
        if result.returncode != 0 and arguments[0] == "install":
            print(result.stderr.strip(), flush=True)
            return False
    return True


def ensure_program(package: str, *names: str) -> None:
    """Make sure that a program of one of these names is on the PATH.

    Raises:
        SystemExit: it is not, and cannot be installed from here; says what to run.
    """
    if find_program(*names) or (install_system_package(package) and find_program(*names)):
        return
    raise SystemExit(f"The program {names[0]} is missing; please install it: sudo apt-get install {package}")


if __name__ == "__main__":
    ensure_program("chromium", *CHROMIUM)
