"""Generates the list of modules that index.html preloads, from the imports of main.js: `python -m dev.preloads`.

Without it, a browser would discover the imports layer by layer, with a round trip to the server for each.
"""

import re
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "web" / "static"
PAGE = STATIC / "index.html"
MAIN = STATIC / "js" / "main.js"
IMPORT = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.[^"']+)["'];""", re.MULTILINE)
PRELOADS = re.compile(r'(?:<link rel="modulepreload" href="[^"]*">\n)*(?=<script type="module")')


def imported(module: Path) -> list[Path]:
    """The modules that a module imports, in order."""
    return [(module.parent / path).resolve() for path in IMPORT.findall(module.read_text())]


def modules(start: Path = MAIN) -> list[Path]:
    """The modules that main.js, or another, imports directly or indirectly, sorted by path."""
    found: set[Path] = set()
    waiting = imported(start)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += imported(module)
    return sorted(found)


def renewed(page: str) -> str:
    """The page with the current list."""
    links = [
        f'<link rel="modulepreload" href="/static/{module.relative_to(STATIC).as_posix()}">\n' for module in modules()
    ]
    return PRELOADS.sub("".join(links), page, count=1)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
