"""System packages that a few steps need: installs them if it may, else tells the user to."""

import os
import shutil
import subprocess

APT_TIMEOUT = 900  # seconds
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")  # any of them will do
# Takes a quarter less of the processor for the same tests, and shows no notifications.
HEADLESS_CHROMIUM = ("chromium-headless-shell", *CHROMIUM)


def find_program(*names: str) -> str | None:
    """Returns the path of the first of these programs that is on the PATH."""
    return next((path for name in names if (path := shutil.which(name))), None)


def install_system_package(package: str) -> bool:
    """Installs a Debian package. Returns False if that is not possible (no apt-get, or not root)."""
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
    """Makes sure that a program with one of these names is on the PATH.

    Raises:
        SystemExit: it is missing and cannot be installed from here; the text says what to run.
    """
    if find_program(*names) or (install_system_package(package) and find_program(*names)):
        return
    raise SystemExit(f"The program {names[0]} is missing; please install it: sudo apt-get install {package}")


if __name__ == "__main__":
    ensure_program("chromium", *CHROMIUM)
    if not find_program(HEADLESS_CHROMIUM[0]):
        install_system_package(HEADLESS_CHROMIUM[0])  # without it, Chromium does everything
