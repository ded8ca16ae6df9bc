"""What the page needs to open without a network: the service worker's script, with the list of the page's files.

The list is made from what is served: the page, everything the page refers to, and everything its styles refer to. So it
cannot be forgotten, and it is right for the modules as they are and for whatever a build makes of them. The worker's
script changes with any of those files, and by that browsers notice a new version.
"""

import base64
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
PAGE = STATIC / "index.html"
ADDRESS = "/static/"
MODULES = STATIC / "js"
WORKER = MODULES / "worker"
IN_PAGE = re.compile(r'\s(?:href|src)="(/static/[^"?#]+)"')
IN_STYLES = re.compile(r"""url\(\s*["']?([^"')?#]+)["']?\s*\)""")
SCRIPT = 'import {{ start }} from "/static/js/worker/worker.js";\n\nstart({files});\n'

Stamps = tuple[tuple[Path, int], ...]
"""Files, and when each was changed last."""


def worker_script() -> str:
    """The service worker's script for the page as it is served now."""
    own = [*WORKER.glob("*.js"), *(MODULES / "base").glob("*.js")]
    return _script(_stamps(_page_files()), _stamps(sorted(own)))


def _page_files() -> list[Path]:
    found = {PAGE: None, **{STATIC / name.removeprefix(ADDRESS): None for name in IN_PAGE.findall(PAGE.read_text())}}
    for style in [file for file in found if file.suffix == ".css"]:
        for name in IN_STYLES.findall(style.read_text()):
            if not name.startswith(("data:", "#")):
                file = (
                    STATIC / name.removeprefix(ADDRESS) if name.startswith(ADDRESS) else (style.parent / name).resolve()
                )
                found[file] = None
    return [file for file in found if file.is_file()]


def _stamps(found: list[Path]) -> Stamps:
    return tuple((file, file.stat().st_mtime_ns) for file in found)


@lru_cache(maxsize=2)
def _script(page_files: Stamps, worker_files: Stamps) -> str:
    """Reads all files again only if one was changed since, as happens while somebody works on the page."""
    contents = {file: file.read_bytes() for file, _ in (*page_files, *worker_files)}
    hashes = {
        "/" if file == PAGE else f"{ADDRESS}{file.relative_to(STATIC).as_posix()}": _integrity(contents[file])
        for file, _ in page_files
    }
    version = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents.values())).hexdigest()
    return SCRIPT.format(files=json.dumps({"version": version[:16], "hashes": hashes}, indent=1))


def _integrity(content: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"
