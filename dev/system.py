"""System packages that a few steps need: installed where we may, asked for where we may not."""

import argparse
import os
import shutil
import subprocess

APT_TIMEOUT = 900  # seconds


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


def ensure_program(program: str, package: str) -> None:
    """Make sure that `program` is on the PATH.

    Raises:
        SystemExit: it is not, and cannot be installed from here; says what to run.
    """
    if shutil.which(program) or (install_system_package(package) and shutil.which(program)):
        return
    raise SystemExit(f"The program {program} is missing; please install it: sudo apt-get install {package}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=ensure_program.__doc__)
    parser.add_argument("program")
    parser.add_argument("package")
    chosen = parser.parse_args()
    ensure_program(chosen.program, chosen.package)
