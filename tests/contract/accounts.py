"""Helpers for tests of accounts: unused names, and log-ins from unused addresses."""

import secrets

import requests

from tests.client import Client


def name(start: str = "person") -> str:
    return f"{start}-{secrets.token_hex(4)}"


def from_elsewhere() -> dict[str, str]:
    """A header that makes a request to `strict` come from an unused address."""
    return {"X-Forwarded-For": ".".join(str(secrets.randbelow(254) + 1) for _ in range(4))}


def log_in(client: Client, email: str, password: str, headers: dict[str, str] | None = None) -> requests.Response:
    return client.request("POST", "/login", json={"email": email, "password": password}, headers=headers or {})
