"""What tests of accounts share: names nobody has, and log-ins from addresses nobody has used."""

import secrets

import requests

from tests.client import Client


def name(start: str = "person") -> str:
    return f"{start}-{secrets.token_hex(4)}"


def from_elsewhere() -> dict[str, str]:
    """The header of a request to `strict` from an address nobody has used."""
    return {"X-Forwarded-For": ".".join(str(secrets.randbelow(254) + 1) for _ in range(4))}


def log_in(client: Client, email: str, password: str, headers: dict[str, str] | None = None) -> requests.Response:
    return client.request("POST", "/login", json={"email": email, "password": password}, headers=headers or {})
