"""Below the path of `PUBLIC_URL` every address is right, whether a proxy removes that path or not."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from dev import page as page_build
from tests.application import application
from tests.stack import ROOT
from web.app import Application

PUBLIC = "https://example.org/chat-app"
LIES = dict.fromkeys(("X-Forwarded-Prefix", "X-Script-Name", "Script-Name"), "/evil")
LIES |= {"X-Forwarded-Host": "evil.example", "Host": "evil.example"}


@pytest.fixture(scope="module", params=[True, False], ids=["modules", "built"])
def app(request: pytest.FixtureRequest) -> Iterator[Application]:
    page_build.build()
    with application(public_url=PUBLIC, page_modules=request.param) as made:
        yield made


@pytest.fixture
def client(app: Application) -> FlaskClient:
    return app.test_client()


def addresses(html: str) -> list[str]:
    return [each for each in re.findall(r'\s(?:href|src)="([^"]+)"', html) if not each.startswith(("#", "https:"))]


@pytest.mark.parametrize("path", ["/", "/login", "/chat/somebody"])
def test_the_page_and_everything_it_names_is_below_the_path(client: FlaskClient, path: str) -> None:
    page = client.get(f"/chat-app{path}", headers=LIES)
    assert client.get(path, headers=LIES).data == page.data, "as where a proxy removes the path"
    named = addresses(page.text)
    assert len(named) > 10
    assert all(each.startswith("/chat-app/") for each in named)
    assert all(client.get(each).status_code == 200 for each in named)
    assert "wss://example.org;" in page.headers["Content-Security-Policy"]


def test_styles_and_the_manifest_name_files_beside_them(client: FlaskClient) -> None:
    page = client.get("/chat-app/").text
    [manifest] = [each for each in addresses(page) if each.endswith(".webmanifest")]
    fields = client.get(manifest).get_json(force=True)
    assert urljoin(manifest, fields["start_url"]) == urljoin(manifest, fields["scope"]) == "/chat-app/"
    referred = [urljoin(manifest, icon["src"]) for icon in fields["icons"]]
    for style in [each for each in addresses(page) if each.endswith(".css")]:
        found = re.findall(r"""url\(["']?([^"')]+)""", client.get(style).text)
        referred += [urljoin(style, each) for each in found if not each.startswith("data:")]
    assert any(each.endswith(".woff2") for each in referred)
    assert all(client.get(each).status_code == 200 for each in referred)


def test_the_service_worker_lists_what_is_served_below_the_path(client: FlaskClient) -> None:
    script = client.get("/chat-app/sw.js").text
    [module] = re.findall(r'from "([^"]+)"', script)
    assert client.get(urljoin("/chat-app/sw.js", module)).status_code == 200
    hashes = json.loads(script[script.index("start(") + 6 : script.rindex(")")])["hashes"]
    assert "/chat-app/" in hashes
    for address, integrity in hashes.items():
        digest = base64.b64encode(hashlib.sha256(client.get(address).data).digest()).decode()
        assert (address, integrity) == (address, f"sha256-{digest}")
        assert address.startswith("/chat-app/")


def test_the_page_is_compressed_and_kept_as_without_a_path(client: FlaskClient) -> None:
    plain = client.get("/chat-app/")
    packed = client.get("/chat-app/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    again = client.get("/chat-app/", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/chat-app", "/chat-app/"),
        ("/chat-app/api/docs", "/chat-app/api/docs/"),
        ("/chat-app/api/docs/", "/chat-app/api/docs/swagger"),
    ],
)
def test_redirects_stay_below_the_path(client: FlaskClient, asked: str, location: str) -> None:
    response = client.get(asked, headers=LIES)
    assert response.status_code in (301, 302, 308)
    assert urljoin(asked, response.headers["Location"]) == location


def test_the_api_document_says_where_the_api_is(client: FlaskClient) -> None:
    document = client.get("/chat-app/api/docs/openapi.json").get_json()
    assert document["servers"] == [{"url": "/chat-app"}]


def test_a_path_that_is_also_one_of_ours_is_removed_once(client: FlaskClient) -> None:
    with application(public_url="https://example.org/chat") as app:
        own = app.test_client()
        assert own.get("/chat/chat/somebody").status_code == 200
        assert own.get("/chat/api/docs/openapi.json").status_code == 200
        assert 'src="/chat/static/' in own.get("/chat/").text
    assert client.get("/chat-apple", headers={"Accept": "text/html"}).status_code == 404


def test_no_header_moves_anything_where_no_path_is_set() -> None:
    with application(page_modules=True) as app:
        page = app.test_client().get("/", headers={"X-Forwarded-Prefix": "/evil", "Script-Name": "/evil"})
        assert page.data == (ROOT / "web" / "static" / "index.html").read_bytes()


@pytest.mark.parametrize("base", ["/chat-app", ""])
def test_a_client_that_can_only_post_may_name_its_method_there_too(client: FlaskClient, base: str) -> None:
    recording = f"{base}/api/recordings/7c9e6679-7425-40de-944b-e07fc1f90ae7"
    assert client.post(recording).status_code == 405
    assert client.post(recording, headers={"X-HTTP-Method-Override": "PATCH"}).status_code == 401, "it needs a token"
