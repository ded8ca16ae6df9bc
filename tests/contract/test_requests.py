"""Requests that are too large or not HTTP are refused in the one error shape, before they are read completely."""

import json
import select
import socket

import pytest

from tests.client import Client, Person
from tests.contract.conftest import Web
from tests.contract.raw import connection, exchange, read_answer
from tests.contract.shapes import check_problem, check_problem_document

JSON_BYTES = 128 * 1024


# --- Too large


@pytest.mark.parametrize(
    ("method", "path", "media_type"),
    [
        ("POST", "/chat", "application/json"),
        ("POST", "/signup", "application/json"),
        ("POST", "/upload", "multipart/form-data; boundary=x"),
        ("POST", "/nothing", "text/plain"),
        ("GET", "/user/me", "application/json"),
    ],
)
def test_a_body_that_says_it_is_too_large_is_413_before_any_of_it_is_read(
    ada: Person, method: str, path: str, media_type: str
) -> None:
    head = (
        f"{method} /api{path} HTTP/1.1\r\nHost: x\r\nx-api-key: {ada.token}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: 10000000000\r\n\r\n"
    )
    with connection(ada.client.url) as opened:
        opened.sendall(head.encode())
        status, headers, body = read_answer(opened)
        assert status == 413
        check_problem_document(headers["content-type"], json.loads(body), 413)
        assert opened.recv(1) == b"", "it is still waiting for the rest"


FORM = b"--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "media_type", "start", "status", "most"),
    [
        ("/chat", "application/json", b'{"text": "', 413, JSON_BYTES),
        ("/login", "application/json", b" ", 413, JSON_BYTES),
        ("/upload", "multipart/form-data; boundary=x", FORM, 413, 200_000),
        ("/user/me", "application/json", b"", 413, JSON_BYTES),
        ("/nothing", "application/json", b"", 404, 0),
    ],
)
def test_a_body_that_does_not_say_how_large_it_is_is_refused_before_its_end(
    strict: Web, ada: Person, path: str, media_type: str, start: bytes, status: int, most: int
) -> None:
    """The body would never end; the server reads only a small multiple of the buffers beyond the limit."""
    with connection(strict.client.url) as opened:
        opened.sendall(
            f"POST /api{path} HTTP/1.1\r\nHost: x\r\nx-api-key: {ada.token}\r\nContent-Type: {media_type}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        if start:
            opened.sendall(b"%x\r\n%s\r\n" % (len(start), start))
        sent, answer = _send_until_answered(opened)
    assert answer[0] == status
    check_problem_document(answer[1]["content-type"], json.loads(answer[2]), status)
    assert sent < most + 16 * 2**20


def _send_until_answered(opened: socket.socket) -> tuple[int, tuple[int, dict[str, str], bytes]]:
    piece = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    sent = 0
    while sent < 500 * 2**20:
        readable, writable, _ = select.select([opened], [opened], [], 10)
        if readable:
            break
        assert writable, "the server neither read nor responded"
        opened.sendall(piece)
        sent += 65_536
    return sent, read_answer(opened)


def test_a_refused_upload_is_answered_also_to_a_client_that_sends_all_of_it_first(client: Client, ada: Person) -> None:
    content = bytes(8 * 2**20)
    files = {"audio": ("voice.webm", content)}
    check_problem(client.request("POST", "/upload", files=files), 401)
    check_problem(ada.request("POST", "/nothing", files=files), 413)
    check_problem(ada.request("POST", "/upload", data=content, headers={"Content-Type": "audio/webm"}), 415)


# --- Not HTTP


GET = b"GET /api/user/me HTTP/1.1\r\nHost: x\r\n"
LOG_IN = b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
NO_HTTP = {
    "garbage": (b"\x16\x03\x01\x02\x00garbage\r\n\r\n", 400),
    "unknown version": (b"GET /api/user/me HTTP/9.1\r\nHost: x\r\n\r\n", 400),
    "long address": (b"GET /api/chat/" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "long header": (GET + b"A: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    "many headers": (GET + b"A: x\r\n" * 100 + b"\r\n", 431),
    "negative length": (LOG_IN + b"Content-Length: -1\r\n\r\n", 400),
    "two lengths": (LOG_IN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "no chunk": (LOG_IN + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n", 400),
    "odd token": (GET + b"x-api-key: \xff\xfe\xe9\r\n\r\n", 403),
    "odd host": (b"GET /api/user/me HTTP/1.1\r\nHost: a b<>\r\n\r\n", 400),
}


@pytest.mark.parametrize(("request_bytes", "status"), NO_HTTP.values(), ids=NO_HTTP)
def test_a_request_that_is_not_http_gets_the_same_error_shape(
    client: Client, request_bytes: bytes, status: int
) -> None:
    answered, headers, body = exchange(client.url, request_bytes)
    assert answered == status
    check_problem_document(headers["content-type"], json.loads(body), status)


@pytest.mark.parametrize("path", ["/user/list?q=a&q=b", "/search?q=a&limit=1&limit=2", "/conversations?x=1&x=1"])
def test_a_parameter_that_is_there_twice_is_refused(ada: Person, path: str) -> None:
    repeated = path.rpartition("&")[2].partition("=")[0]
    problem = check_problem(ada.request("GET", path), 422)
    assert problem["errors"] == [{"field": repeated, "message": "Give this only once"}]
