"""The built page: up to date or not used, and each of its files in the encoding and for the time that suits it."""

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dev import page
from tests.application import application
from web import built, compression
from web.built import Build, BuiltPage

MAX_BYTES = 60 * 1024  # of a first page, fonts apart
MAX_FILES = 8  # which leaves room for its calls among twelve requests


@pytest.fixture(scope="module")
def build() -> Build:
    page.build()
    found = BuiltPage().current()
    assert found
    return found


@pytest.fixture(scope="module")
def client(build: Build) -> Iterator[FlaskClient]:
    with application() as app:
        yield app.test_client()


def test_a_first_page_is_light(build: Build) -> None:
    manifest = json.loads((built.FOLDER / built.MANIFEST).read_text())
    later = (".woff2", ".mp3")  # text does not wait for the first, and the second is fetched when it is played
    found = [
        file for file in manifest["files"] if not file["address"].endswith(later) and "/later-" not in file["address"]
    ]
    languages = sorted((file for file in found if file["address"].endswith(".json")), key=lambda file: file["br"])
    files = [file for file in found if file not in languages[:-1]]  # a reader loads one; the largest
    assert len(languages) == 7
    assert len(files) + 1 <= MAX_FILES
    assert manifest["page"]["br"] + sum(file.get("br", file["bytes"]) for file in files) < MAX_BYTES


def test_the_page_names_only_built_files_and_nothing_is_inline(build: Build) -> None:
    html = (built.FOLDER / built.PAGE).read_text()
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html))
    assert named - {each for each in named if each.endswith(".webmanifest")} <= set(build.addresses)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|modulepreload", html)


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0", None), ("", None)]
)
def test_each_client_gets_the_best_encoding_it_takes(
    client: FlaskClient, build: Build, accepted: str, encoding: str | None
) -> None:
    script = next(each for each in build.addresses if each.endswith(".js"))
    for address in ("/", script):
        response = client.get(address, headers={"Accept-Encoding": accepted})
        assert response.content_encoding == encoding
        assert response.vary.as_set() == {"accept-encoding"}
        plain = client.get(address).data
        if encoding == "gzip":
            assert gzip.decompress(response.data) == plain
        assert (len(response.data) < len(plain)) is bool(encoding)


def test_files_are_kept_for_a_year_and_the_page_is_asked_for_each_time(client: FlaskClient, build: Build) -> None:
    for address in build.addresses:
        assert client.get(address).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    first = client.get("/chat/grace", headers={"Accept-Encoding": "br"})
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/chat/grace", headers={"Accept-Encoding": "br", "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    nowhere = {"Accept": "text/html", "If-None-Match": client.get("/").headers["ETag"]}
    assert client.get("/nonsense", headers=nowhere).data == client.get("/").data


def test_a_file_of_another_version_is_replaced_by_its_successor_for_once(client: FlaskClient) -> None:
    other = client.get("/static/built/main-0123456789.js")
    assert (other.status_code, other.headers["Cache-Control"]) == (200, "no-store")
    assert client.get("/static/built/nothing-0123456789.js").status_code == 404
    assert client.get("/static/built/manifest.json").status_code == 404


def test_a_build_of_other_sources_is_not_used(build: Build, tmp_path: Path) -> None:
    shutil.copytree(built.STATIC, tmp_path, dirs_exist_ok=True)
    watched = BuiltPage(tmp_path, watched=True)
    assert watched.current() == build
    script = tmp_path / "js" / "main.js"
    script.write_text(f"{script.read_text()}\n")
    assert watched.current() is None
    assert BuiltPage(tmp_path).current() is None
    shutil.copy(built.STATIC / "js" / "main.js", script)
    assert watched.current() == build
    assert BuiltPage(tmp_path, wanted=False).current() is None


def test_json_is_compressed_where_that_betrays_nothing() -> None:
    app = Flask(__name__)
    compression.install(app)

    def long() -> str:
        return "word " * 1_000

    def secret() -> str:
        return long()

    def short() -> str:
        return "word"

    app.add_url_rule("/marked", "marked", compression.compressed(long))
    app.add_url_rule("/short", "short", compression.compressed(short))
    app.add_url_rule("/secret", "secret", secret)
    accept = {"Accept-Encoding": "gzip, br"}
    marked = app.test_client().get("/marked", headers=accept)
    assert (marked.content_encoding, gzip.decompress(marked.data).decode()) == ("gzip", long())
    assert marked.vary.as_set() == {"accept-encoding"}
    assert app.test_client().get("/marked").data.decode() == long()
    assert app.test_client().get("/short", headers=accept).content_encoding is None
    assert app.test_client().get("/secret", headers=accept).content_encoding is None


def test_only_what_everybody_involved_may_know_is_compressed() -> None:
    with application() as app:
        marked = {name for name, view in app.view_functions.items() if getattr(view, "compressed", False)}
    assert marked == {"conversations.get", "users.list_people"}
