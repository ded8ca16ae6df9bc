"""Reports the result: a table on the terminal and in a file, and a picture."""

import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import picture
from bench.rows import Row
from bench.running import MARK
from bench.servers import NAMES, Usage

FOLDER = Path(__file__).parent / "results"
KEPT = FOLDER / "interrupted.json"


def table(results: dict[str, list[Row]]) -> str:
    """The result as Markdown."""
    lines = [_machine(), "", "| figure | measured | target | reached |", "| --- | --- | --- | --- |"]
    for rows in results.values():
        lines += [f"| {row.what} | {row.measured} | {row.target} | {_reached(row)} |" for row in rows]
    busy = [row for rows in results.values() for row in rows if row.cpu]
    names = [name for name in NAMES if any(name in row.cpu for row in busy)]
    lines += ["", "CPU while that ran, in cores (1.00 is one core):", "", "| figure | " + " | ".join(names) + " |"]
    lines.append("| --- |" + " --- |" * len(names))
    lines += [f"| {row.what} | " + " | ".join(_cores(row.cpu, name) for name in names) + " |" for row in busy]
    return "\n".join(lines) + "\n"


def _reached(row: Row) -> str:
    return f"{MARK[row.ok]}, see {row.profile}" if row.profile else MARK[row.ok]


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
    KEPT.unlink(missing_ok=True)
    picture.draw([row for rows in results.values() for row in rows], FOLDER / "plot.png")
    return written


def keep(results: dict[str, list[Row]], left: list[str], scale: float) -> None:
    """Keeps what an interrupted run has measured, and what it has not."""
    FOLDER.mkdir(exist_ok=True)
    rows = {name: [asdict(row) for row in own] for name, own in results.items()}
    KEPT.write_text(json.dumps({"results": rows, "left": left, "scale": scale}))


def kept() -> tuple[dict[str, list[Row]], list[str], float] | None:
    """Returns the same of the last run that was interrupted, unless a later one was whole."""
    if not KEPT.exists():
        return None
    found = json.loads(KEPT.read_text())
    results = {name: [_row(**row) for row in rows] for name, rows in found["results"].items()}
    return results, found["left"], found["scale"]


def _row(cpu: dict[str, dict[str, Any]], **others: Any) -> Row:
    return Row(**others, cpu={name: Usage(**usage) for name, usage in cpu.items()})
