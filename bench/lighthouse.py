"""Lighthouse, from the packages of bench/package-lock.json."""

import json
import subprocess

from dev import node

SECONDS = 90
TRIES = 3  # on a busy machine, it sometimes misses the beginning of the load
FLAGS = "--headless=new --no-sandbox --disable-gpu"


def scores(url: str, chromium: str) -> dict[str, int]:
    """Lighthouse's scores of a page on its slow phone, 0 to 100, by the name of the category.

    Raises:
        RuntimeError: Lighthouse could not measure it.
    """
    try:
        found = node.prepare(node.BENCH)
    except SystemExit as error:
        raise RuntimeError(f"Lighthouse could not be installed: {error}") from None
    program = node.BENCH / "node_modules" / "lighthouse" / "cli" / "index.js"
    command = [str(found.binary), str(program), url, "--output=json", "--quiet", f"--chrome-flags={FLAGS}"]
    environment = {"CHROME_PATH": chromium, "PATH": f"{found.binary.parent}:/usr/bin:/bin", "HOME": str(node.BENCH)}
    for _ in range(TRIES):
        try:
            ran = subprocess.run(
                command, cwd=node.BENCH, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            problem = str(error)
            continue
        if ran.returncode == 0:
            return _read(ran.stdout)
        problem = " ".join(ran.stderr.split())[-300:]
    raise RuntimeError(f"Lighthouse failed: {problem}")


def _read(output: str) -> dict[str, int]:
    report = json.loads(output)
    return {each["title"]: round(100 * (each["score"] or 0)) for each in report["categories"].values()}
