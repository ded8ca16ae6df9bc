"""Generates the list of modules that index.html preloads, from the imports of main.js: `python -m dev.preloads`.

Without it, a browser would discover the imports layer by layer, with a round trip to the server for each. Modules that
are only imported when they are needed, by `import()`, are listed for the service worker; browsers do nothing for them.
"""

import re
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "web" / "static"
PAGE = STATIC / "index.html"
MAIN = STATIC / "js" / "main.js"
IMPORT = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.[^"']+)["'];""", re.MULTILINE)
IMPORT_LATER = re.compile(r"""\bimport\(["'](\.[^"']+)["']\)""")
PRELOADS = re.compile(r'(?:<link rel="(?:modulepreload|later)" href="[^"]*">\n)*(?=<script type="module")')


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


def later(start: Path = MAIN) -> list[Path]:
    """The modules that are imported when they are needed, and what only those import, sorted by path."""
    first = {start, *modules(start)}
    found: set[Path] = set()
    for module in first:
        for path in IMPORT_LATER.findall(module.read_text()):
            wanted = (module.parent / path).resolve()
            found |= {wanted, *modules(wanted)}
    return sorted(found - first)


def renewed(page: str) -> str:
    """The page with the current list."""
    links = [_link("modulepreload", module) for module in modules()] + [_link("later", module) for module in later()]
    return PRELOADS.sub("".join(links), page, count=1)


def _link(relation: str, module: Path) -> str:
    return f'<link rel="{relation}" href="/static/{module.relative_to(STATIC).as_posix()}">\n'


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
