"""Each proxy of docs/proxies/ that is installed passes everything on, below a path too; so does the proxy of nobody."""

import secrets
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
import trustme

from tests.client import Client, Person
from tests.contract.conftest import MakeWeb, Web
from tests.contract.proxies import THERE, Certificate, Proxied, start
from tests.recordings import spoken

TOO_LARGE = 28 * 2**20  # bytes
BASE = "/chat-app"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    own = authority.issue_cert("localhost")
    made = Certificate(*(folder / name for name in ("authority.pem", "chain.pem", "key.pem", "both.pem")))
    authority.cert_pem.write_to_path(made.authority)
    own.cert_chain_pems[0].write_to_path(made.chain)
    own.private_key_pem.write_to_path(made.key)
    own.private_key_and_cert_chain_pem.write_to_path(made.both)
    return made


@pytest.fixture(scope="module")
def below(make_web: MakeWeb) -> Web:
    """A web process below a path, behind one proxy."""
    web = make_web(
        "web-below",
        {
            "PUBLIC_URL": f"https://localhost{BASE}",
            "TRUSTED_PROXIES": "1",
            "LIMIT_LOGIN_ADDRESS": "2 per 10 minute",
        },
    )
    web.wait()
    return web


@pytest.fixture(scope="module", params=THERE)
def proxied(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, below: Web, certificate: Certificate
) -> Iterator[Proxied]:
    upstream = below.client.url.removeprefix("http://")
    process, running = start(request.param, tmp_path_factory.mktemp("proxy"), upstream, certificate)
    yield running
    process.stop()


@pytest.fixture
def seen(proxied: Proxied, ada: Person) -> Iterator[Person]:
    """Somebody whose calls and sockets go through the proxy."""
    with Client(f"{proxied.url}{BASE}") as client:
        client.http.close()
        client.http = proxied.session("127.0.0.1")
        yield Person(client, ada.user, ada.token)


def test_calls_sockets_links_and_redirects_go_through_a_proxy(proxied: Proxied, seen: Person, ben: Person) -> None:
    socket = seen.connect(sslopt={"ca_certs": str(proxied.certificate.authority)})
    try:
        sent = ben.post(seen, f"through it {secrets.token_hex(4)}")
        assert socket.wait_for_frame("application:messages", lambda each: each["_id"] == sent["_id"])
        upload = seen.upload(spoken())
        url = seen.call("POST", f"/file/{upload['audioFileUuid']}/link", json={})["url"]
        assert url.startswith(f"{BASE}/api/file/")
        part = seen.client.http.get(urljoin(proxied.url, url), headers={"Range": "bytes=1-2"}, timeout=20)
        assert (part.status_code, len(part.content)) == (206, 2)
        docs = seen.client.http.get(f"{proxied.url}{BASE}/api/docs", timeout=20)
        assert (docs.status_code, docs.url) == (200, f"{proxied.url}{BASE}/api/docs/swagger")
        page = seen.client.http.get(f"{proxied.url}{BASE}/", headers={"X-Forwarded-Prefix": "/evil"}, timeout=20)
        assert f'src="{BASE}/static/' in page.text
    finally:
        socket.close()


def test_a_proxy_tells_whom_a_call_comes_from_and_nobody_else_can(proxied: Proxied) -> None:
    first, second = (f"127.0.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}" for _ in range(2))

    def log_in(source: str, claimed: str) -> int:
        body = {"email": f"{secrets.token_hex(8)}@example.org", "password": "wrong password"}
        with proxied.session(source) as session:
            headers = {"X-Forwarded-For": claimed}
            return session.post(f"{proxied.url}{BASE}/api/login", json=body, headers=headers, timeout=20).status_code

    assert [log_in(first, f"203.0.113.{number}") for number in range(3)] == [401, 401, 429]
    assert log_in(second, first) == 401


def test_a_proxy_refuses_what_is_too_large_and_shows_no_metrics(proxied: Proxied, seen: Person) -> None:
    assert proxied.status_of_upload(f"{BASE}/api/upload", seen.token, TOO_LARGE) == 413
    for path in ("/metrics", f"{BASE}/metrics"):
        assert seen.client.http.get(f"{proxied.url}{path}", timeout=20).status_code == 404
