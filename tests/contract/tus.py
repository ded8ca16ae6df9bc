"""A tus client that sends exactly what it is told to."""

import base64
from typing import Any

import requests

from tests.client import Person

VERSION = {"Tus-Resumable": "1.0.0"}
PIECE = {**VERSION, "Content-Type": "application/offset+octet-stream"}


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def create(person: Person, length: int | None = None, content: bytes = b"", **values: str) -> requests.Response:
    headers = {**(PIECE if content else VERSION)}
    headers |= {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    headers |= {"Upload-Metadata": metadata(**values)} if values else {}
    return person.request("POST", "/recordings", headers=headers, data=content)


def begin(person: Person, length: int | None = None, content: bytes = b"", **values: str) -> str:
    """Begins a recording and returns its path below `/api`."""
    response = create(person, length, content, **values)
    assert response.status_code == 201, response.text
    return response.headers["Location"].removeprefix("/api")


def append(person: Person, path: str, offset: int, content: Any, length: int | None = None) -> requests.Response:
    """`content` is bytes, or an iterator of them, whose length is not stated beforehand."""
    headers = {**PIECE, "Upload-Offset": str(offset)} | ({} if length is None else {"Upload-Length": str(length)})
    return person.request("PATCH", path, headers=headers, data=content)


def head(person: Person, path: str) -> requests.Response:
    return person.request("HEAD", path, headers=VERSION)


def discard(person: Person, path: str) -> requests.Response:
    return person.request("DELETE", path, headers=VERSION)


def id_of(path: str) -> str:
    return path.rpartition("/")[2]
