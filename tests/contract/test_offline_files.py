"""The service worker's list of the page's files is right, and the page can be installed."""

import base64
import hashlib
import json
import re
import struct
from typing import Any

import requests

from tests.stack import ROOT, Stack
from web import offline

TIMEOUT = 20


def listed(stack: Stack) -> dict[str, Any]:
    response = requests.get(f"{stack.url}/sw.js", timeout=TIMEOUT)
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert response.headers["Content-Security-Policy"] == ("default-src 'none'; script-src 'self'; connect-src 'self'")
    assert response.headers["Cache-Control"] == "no-cache"
    same = requests.get(f"{stack.url}/sw.js", headers={"If-None-Match": response.headers["ETag"]}, timeout=TIMEOUT)
    assert same.status_code == 304
    found: dict[str, Any] = json.loads(response.text[response.text.index("start(") + 6 : response.text.rindex(")")])
    return found


def test_it_has_every_file_that_the_page_needs_as_the_server_serves_it(stack: Stack) -> None:
    hashes = listed(stack)["hashes"]
    page = requests.get(stack.url, timeout=TIMEOUT)
    referred = set(re.findall(r'\s(?:href|src)="(/static/[^"]+)"', page.text))
    assert {address for address in referred if not address.endswith(offline.NOT_AHEAD)} <= set(hashes)
    for address, integrity in hashes.items():
        content = requests.get(f"{stack.url}{address}", timeout=TIMEOUT).content
        assert integrity == f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}", address
    policy = page.headers["Content-Security-Policy"]
    assert all(f"{name} 'self'" in policy for name in ("manifest-src", "worker-src"))


def test_the_manifest_has_icons_of_the_sizes_it_says(stack: Stack) -> None:
    response = requests.get(f"{stack.url}/static/manifest.webmanifest", timeout=TIMEOUT)
    assert response.headers["Content-Type"].startswith("application/manifest+json")
    manifest = response.json()
    assert manifest["display"] == "standalone"
    drawn = [icon for icon in manifest["icons"] if icon["type"] == "image/png"]
    assert {(icon["sizes"], icon.get("purpose")) for icon in drawn} >= {("512x512", None), ("512x512", "maskable")}
    for icon in drawn:
        header = (ROOT / "web" / "static" / icon["src"]).read_bytes()[:24]
        assert "{}x{}".format(*struct.unpack(">II", header[16:])) == icon["sizes"]
