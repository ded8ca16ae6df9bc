"""The page below the path of `PUBLIC_URL`, like `https://example.org/chat-app/`.

Only the page's own addresses are rewritten, when it is served. Everything else follows from where it was loaded: styles
and the manifest have relative addresses, and the modules read the path from their own (`base/addresses.js`).
"""

import gzip
import re
from functools import lru_cache
from pathlib import Path

ADDRESS = re.compile(rb'(\s(?:href|src)=")/(?!/)')


def placed(page: bytes, base: str) -> bytes:
    """The page with all its addresses below `base`, which may be empty."""
    return ADDRESS.sub(rb"\1" + base.encode() + b"/", page)


def placed_file(page: Path, base: str) -> tuple[bytes, bytes]:
    """The page in this file, and the same compressed by gzip; done again only if the file was changed."""
    return _placed_file(page, page.stat().st_mtime_ns, base)


@lru_cache(maxsize=2)
def _placed_file(page: Path, stamp: int, base: str) -> tuple[bytes, bytes]:  # noqa: ARG001
    content = placed(page.read_bytes(), base)
    return content, gzip.compress(content, mtime=0)
