"""The built page: what dev/build-page.js writes into web/static/built/, and the files that browsers load of it.

Without a build, or with one that was made from other sources, browsers load the modules as they are.
"""

import hashlib
import json
import mimetypes
import re
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

STATIC = Path(__file__).parent / "static"
FOLDER = STATIC / "built"
ADDRESS = "/static/built/"
PAGE = "page.html"
MANIFEST = "manifest.json"
ENCODINGS = {"br": ".br", "gzip": ".gz"}  # best first
MEDIA_TYPES = {".js": "text/javascript", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json"}
HASHED = re.compile(r"(?P<name>[\w.-]+)-[0-9a-f]{10}(?P<extension>\.\w+)")


class Build(NamedTuple):
    """A build as its manifest describes it. `version` changes whenever a file does."""

    version: str
    addresses: tuple[str, ...]  # of every file that the page loads, except the page itself

    @property
    def names(self) -> list[str]:
        return [address.removeprefix(ADDRESS) for address in self.addresses]

    def successor(self, name: str) -> str | None:
        """The file that is in this build what `name` was in another: it has the same name with another hash."""
        wanted = _stem(name)
        return next((each for each in self.names if wanted and _stem(each) == wanted), None)


class BuiltPage:
    """Finds out whether there is a build of the present sources: once if they are not `watched`, else every time."""

    def __init__(self, static: Path = STATIC, *, wanted: bool = True, watched: bool = False) -> None:
        self._static = static
        self._wanted = wanted
        self._watched = watched
        self._seen: tuple[Any, ...] | None = None
        self._build: Build | None = None

    def current(self) -> Build | None:
        """The build; None if browsers must load the modules."""
        if not self._wanted:
            return None
        seen = self._stamps() if self._watched or self._seen is None else self._seen
        if seen != self._seen:
            self._build = self._read()
            self._seen = seen
        return self._build

    def latest(self) -> Build | None:
        """The build that the page was last made of, without looking for changes."""
        return self._build or self.current()

    def file(self) -> Path:
        """The page itself, built or not, as it is served now."""
        return self.folder / PAGE if self.current() else self._static / "index.html"

    @cached_property
    def folder(self) -> Path:
        return self._static / FOLDER.name

    def _stamps(self) -> tuple[Any, ...]:
        manifest = self.folder / MANIFEST
        made = manifest.stat().st_mtime_ns if manifest.exists() else None
        return made, *((str(path), path.stat().st_mtime_ns) for path in sources(self._static))

    def _read(self) -> Build | None:
        try:
            manifest = json.loads((self.folder / MANIFEST).read_text())
        except (OSError, ValueError):
            return None
        if manifest.get("sources") != fingerprint(self._static):
            return None
        return Build(manifest["version"], tuple(file["address"] for file in manifest["files"]))


def sources(static: Path = STATIC) -> list[Path]:
    """The files that the page is built from, sorted by path."""
    found = [path for path in static.rglob("*") if path.is_file() and _is_source(path.relative_to(static))]
    return sorted(found, key=lambda path: path.relative_to(static).as_posix())


def fingerprint(static: Path = STATIC) -> str:
    """What dev/build-page.js notes as `sources`: a digest of the paths, sizes and contents of all of them."""
    digest = hashlib.sha256()
    for path in sources(static):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(static).as_posix()}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def media_type(name: str) -> str:
    """The media type of a file by its name; the machine's own table may lack those of the web."""
    extension = Path(name).suffix
    return MEDIA_TYPES.get(extension) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _is_source(path: Path) -> bool:
    return not re.fullmatch(rf"{FOLDER.name}(\..*)?", path.parts[0]) and not any(p.startswith(".") for p in path.parts)


def _stem(name: str) -> str:
    found = HASHED.fullmatch(name)
    return f"{found['name']}{found['extension']}" if found else ""
