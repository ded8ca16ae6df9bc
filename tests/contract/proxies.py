"""Runs the proxies of docs/proxies/ with the files there, changed only in addresses and certificates."""

import dataclasses
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from dev.processes import ManagedProcess, free_port
from dev.system import find_program
from tests.stack import ROOT, clean_environment

EXAMPLES = ROOT / "docs" / "proxies"
PIECE = 64 * 1024  # bytes
HOST = "chat.example.org"
UPSTREAM = "127.0.0.1:8080"
ONE_PATH = {"location / {": "location /chat-app/ {"}
NGINX = """user root; pid nginx.pid; error_log stderr; daemon off;
events {}
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    include chattergram.conf;
}
"""


@dataclasses.dataclass(frozen=True)
class Certificate:
    """For `localhost`, of an authority of its own."""

    authority: Path
    chain: Path
    key: Path
    both: Path


@dataclasses.dataclass(frozen=True)
class Proxied:
    """A running proxy."""

    url: str
    certificate: Certificate

    def session(self, source: str) -> requests.Session:
        """Calls that come from this loopback address."""
        session = requests.Session()
        session.trust_env = False  # the environment may name other authorities, which would win
        session.verify = str(self.certificate.authority)
        session.mount("https://", _From(source))
        return session

    def status_of_upload(self, path: str, token: str, length: int) -> int:
        """The status of a request with a body of this length, of which no more is sent once there is a response."""
        parts = urlsplit(self.url)
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {token}\r\nContent-Length: {length}\r\n"
        context = ssl.create_default_context(cafile=str(self.certificate.authority))
        with (
            socket.create_connection((parts.hostname or "", parts.port or 443), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=0\r\n\r\n".encode())
            response = _received(connection, 1.0)
            for _ in range(0, length, PIECE):
                if response:
                    break
                connection.settimeout(20)
                connection.sendall(bytes(PIECE))
                response = _received(connection, 0.001)
            return int((response or _received(connection, 20)).split()[1])


def _received(connection: ssl.SSLSocket, seconds: float) -> bytes:
    """What has come within this time; nothing if nothing has."""
    connection.settimeout(seconds)
    try:
        return connection.recv(65_536)
    except TimeoutError:
        return b""


class _From(HTTPAdapter):
    def __init__(self, source: str) -> None:
        self._source = source
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> Any:
        return super().init_poolmanager(*arguments, **options, source_address=(self._source, 0))


def _changed(name: str, changes: dict[str, str]) -> str:
    text = (EXAMPLES / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} no longer has {old}"
        text = text.replace(old, new)
    return text


def nginx(folder: Path, port: int, upstream: str, own: Certificate, **others: str) -> list[str]:
    changes = {
        UPSTREAM: upstream,
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        f"/etc/ssl/certs/{HOST}.pem": str(own.chain),
        f"/etc/ssl/private/{HOST}.key": str(own.key),
        **others,
    }
    (folder / "chattergram.conf").write_text(_changed("nginx.conf", changes))
    (folder / "nginx.conf").write_text(NGINX)
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def below(folder: Path, port: int, upstream: str, own: Certificate) -> list[str]:
    """nginx for one path alone, which it passes on as it is."""
    return nginx(folder, port, upstream, own, **ONE_PATH)


def stripped(folder: Path, port: int, upstream: str, own: Certificate) -> list[str]:
    """nginx for one path alone, which it removes."""
    removed = {"proxy_pass http://chattergram;": "proxy_pass http://chattergram/;"}
    return nginx(folder, port, upstream, own, **removed, **ONE_PATH)


def haproxy(folder: Path, port: int, upstream: str, own: Certificate) -> list[str]:
    changes = {UPSTREAM: upstream, "bind :443": f"bind 127.0.0.1:{port}", f"/etc/ssl/private/{HOST}.pem": str(own.both)}
    (folder / "haproxy.cfg").write_text(_changed("haproxy.cfg", changes))
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


def caddy(folder: Path, port: int, upstream: str, own: Certificate) -> list[str]:
    site = f"https://localhost:{port} {{\n\ttls {own.chain} {own.key}"
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
    text = _changed("Caddyfile", {UPSTREAM: upstream, f"{HOST} {{": site})
    (folder / "Caddyfile").write_text(options + text)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


PROXIES: dict[str, Callable[[Path, int, str, Certificate], list[str]]] = {
    "nginx": nginx,
    "nginx, one path": below,
    "nginx, one path that it removes": stripped,
    "haproxy": haproxy,
    "caddy": caddy,
}
THERE = [name for name in PROXIES if find_program(name.partition(",")[0])]


def start(name: str, folder: Path, upstream: str, own: Certificate) -> tuple[ManagedProcess, Proxied]:
    """Starts a proxy in front of a web process and waits until it responds."""
    port = free_port()
    url = f"https://localhost:{port}"
    process = ManagedProcess(
        name,
        PROXIES[name](folder, port, upstream, own),
        log=folder / "proxy.log",
        environment={**clean_environment(), "HOME": str(folder)},
        folder=folder,
    )
    proxied = Proxied(url, own)
    process.start()
    process.wait_ready(lambda: _responds(proxied), 20)
    return process, proxied


def _responds(proxied: Proxied) -> bool:
    try:
        with proxied.session("127.0.0.1") as session:
            return session.get(f"{proxied.url}/chat-app/healthz", timeout=5).ok
    except requests.RequestException:
        return False
