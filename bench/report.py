"""Reports the result: a table on the terminal and in a file, and a picture."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from bench import picture
from bench.rows import Row
from bench.servers import NAMES, Usage

FOLDER = Path(__file__).parent / "results"
MARK = {True: "yes", False: "NO", None: ""}


def table(results: dict[str, list[Row]]) -> str:
    """The result as Markdown."""
    lines = [_machine(), "", "| figure | measured | target | reached |", "| --- | --- | --- | --- |"]
    for rows in results.values():
        lines += [f"| {row.what} | {row.measured} | {row.target} | {MARK[row.ok]} |" for row in rows]
    lines += ["", "CPU while that ran, in cores (1.00 is one core):", "", "| figure | " + " | ".join(NAMES) + " |"]
    lines.append("| --- |" + " --- |" * len(NAMES))
    for row in (row for rows in results.values() for row in rows if row.cpu):
        lines.append(f"| {row.what} | " + " | ".join(_cores(row.cpu, name) for name in NAMES) + " |")
    return "\n".join(lines) + "\n"


def _cores(cpu: dict[str, Usage], name: str) -> str:
    return f"{cpu[name].cores:.2f}" if name in cpu else ""


def _machine() -> str:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    return f"{moment} UTC, {os.cpu_count()} cores for servers and load together, Python {platform.python_version()}"


def save(results: dict[str, list[Row]]) -> Path:
    """Writes the table, the numbers and the picture. Returns the table's file."""
    FOLDER.mkdir(exist_ok=True)
    written = FOLDER / "table.md"
    written.write_text(table(results))
    numbers = {
        name: [vars(row) | {"cpu": {k: v.cores for k, v in row.cpu.items()}} for row in rows]
        for name, rows in results.items()
    }
    (FOLDER / "numbers.json").write_text(json.dumps(numbers, indent=1))
    picture.draw([row for rows in results.values() for row in rows], FOLDER / "plot.png")
    return written
