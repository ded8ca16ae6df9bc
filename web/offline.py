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

from web.built import STATIC
from web.subpath import placed

ADDRESS = "/static/"
MODULES = STATIC / "js"
WORKER = MODULES / "worker"
IN_PAGE = re.compile(r'\s(?:href|src)="(/static/[^"?#]+)"')
IN_STYLES = re.compile(r"""url\(\s*["']?([^"')?#]+)["']?\s*\)""")
NOT_AHEAD = (".mp3",)  # the sample is fetched when somebody plays it, and costs nobody else its 40 KB
SCRIPT = 'import {{ start }} from "./static/js/worker/worker.js";\n\nstart({files});\n'

Stamps = tuple[tuple[Path, int], ...]
"""Files, and when each was changed last."""


def worker_script(page: Path, base: str = "") -> str:
    """The service worker's script for the page that is served from this file now, below the path `base`."""
    own = [*WORKER.glob("*.js"), *(MODULES / "base").glob("*.js")]
    return _script(page, base, _stamps(_files(page)), _stamps(sorted(own)))


def _files(page: Path) -> list[Path]:
    """The page and the files it needs to open, each once."""
    referred = [_file(name, page) for name in IN_PAGE.findall(page.read_text())]
    for style in [file for file in referred if file.suffix == ".css"]:
        names = IN_STYLES.findall(style.read_text())
        referred += [_file(name, style) for name in names if not name.startswith(("data:", "#"))]
    return [page, *dict.fromkeys(file for file in referred if file.is_file() and file.suffix not in NOT_AHEAD)]


def _file(name: str, referring: Path) -> Path:
    """The file of an address as a page or a style has it."""
    return STATIC / name.removeprefix(ADDRESS) if name.startswith(ADDRESS) else (referring.parent / name).resolve()


def _stamps(found: list[Path]) -> Stamps:
    return tuple((file, file.stat().st_mtime_ns) for file in found)


@lru_cache(maxsize=2)
def _script(page: Path, base: str, page_files: Stamps, worker_files: Stamps) -> str:
    """Reads all files again only if one was changed since, as happens while somebody works on the page."""
    contents = {file: file.read_bytes() for file, _ in (*page_files, *worker_files)}
    contents[page] = placed(contents[page], base)
    hashes = {
        f"{base}/" if file == page else f"{base}{ADDRESS}{file.relative_to(STATIC).as_posix()}": _integrity(
            contents[file]
        )
        for file, _ in page_files
    }
    version = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents.values())).hexdigest()
    return SCRIPT.format(files=json.dumps({"version": version[:16], "hashes": hashes}, indent=1))


def _integrity(content: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"
