"""Says where the time of the web process and the worker goes under a load whose figure falls short of its target.

py-spy samples both from outside. Redis and MongoDB are not looked into: how much they use is in the table.
"""

import asyncio
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path

from tests.stack import Stack

FOLDER = Path(__file__).parent / "results" / "profiles"
PROCESSES = ("web", "worker")
SAMPLES = 200  # a second
LINES = 25  # of each list
WAITING = (  # functions that only wait, which py-spy sometimes takes for work
    "Arbiter.wait_for_signals",
    "ForkServer.run",
    "PeriodicExecutor._run",
    "Condition.wait",
    "_epoll.poll",
    "Connection._recv (billiard",
    "Monitor._run (pymongo",
)


async def taken(stack: Stack, what: str, seconds: float, load: Awaitable[object]) -> str:
    """Profiles what runs while the `load` does, for at most so many seconds.

    Returns the file's name for the table, or why there is none.
    """
    program = shutil.which("py-spy", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    under_load = asyncio.ensure_future(load)
    try:
        if program is None:
            return "not profiled: py-spy is not installed"
        FOLDER.mkdir(parents=True, exist_ok=True)
        running = (_sampled(program, stack.processes[name].pid, seconds) for name in PROCESSES)
        sampled = await asyncio.gather(*running)
    finally:
        await under_load
    file = FOLDER / f"{re.sub('[^a-z0-9]+', '-', what.lower()).strip('-')}.txt"
    parts = [_text(name, raw) for name, raw in zip(PROCESSES, sampled, strict=True)]
    file.write_text(f"{what}: {SAMPLES} samples a second for {seconds:g} s\n\n" + "\n".join(parts))
    return f"{FOLDER.name}/{file.name}"


async def _sampled(program: str, pid: int, seconds: float) -> str:
    """Stacks as py-spy writes them, one a line: functions separated by semicolons, then how often."""
    options = ["--format", "raw", "--rate", str(SAMPLES), "--duration", str(max(1, round(seconds)))]
    options += ["--function", "--subprocesses"]
    process = await asyncio.create_subprocess_exec(
        *(program, "record", *options, "--output", "/dev/stdout", "--pid", str(pid)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    found, problem = await process.communicate()
    return found.decode() if process.returncode == 0 else f"; {problem.decode()[-300:]}"


def _text(name: str, raw: str) -> str:
    """The functions that most samples were in: by themselves, and with all they called."""
    if raw.startswith("; "):
        return f"{name}: py-spy failed{raw}\n"
    alone: Counter[str] = Counter()
    with_calls: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        functions = [each for each in stack.split(";") if not each.startswith("process ")]
        if not functions or not count.isdigit() or any(each in stack for each in WAITING):
            continue
        alone[functions[-1]] += int(count)
        with_calls.update(dict.fromkeys(functions, int(count)))
    total = max(1, alone.total())
    lines = [f"{name}: {total:,} samples in which it was working", "  by itself"]
    lines += [f"    {count / total:6.1%}  {function}" for function, count in alone.most_common(LINES)]
    lines.append("  with all that it called")
    lines += [f"    {count / total:6.1%}  {function}" for function, count in with_calls.most_common(2 * LINES)]
    return "\n".join(lines) + "\n"
