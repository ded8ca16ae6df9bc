"""Errors: one shape, the status that fits, and never a 500, whatever is sent."""

import json
import select
import socket

import pytest
import requests

from tests.client import Client, Person
from tests.contract.conftest import Web
from tests.contract.raw import connection, exchange, read_answer
from tests.contract.shapes import check_problem, check_problem_document

JSON = {"Content-Type": "application/json"}
JSON_BYTES = 128 * 1024

EVERY_CALL = [
    ("POST", "/logout"),
    ("GET", "/user/me"),
    ("PATCH", "/user/me"),
    ("POST", "/user/me"),
    ("DELETE", "/user/me"),
    ("GET", "/user/list"),
    ("GET", "/conversations"),
    ("POST", "/upload"),
    ("POST", "/chat"),
    ("GET", "/chat/01JD4XBCEA8X4M6Z9T1V0QW5RK"),
    ("POST", "/chat/01JD4XBCEA8X4M6Z9T1V0QW5RK/read"),
    ("PATCH", "/chat/message/01JD4XBCEA8X4M6Z9T1V0QW5RK"),
    ("DELETE", "/chat/message/01JD4XBCEA8X4M6Z9T1V0QW5RK"),
    ("POST", "/chat/message/01JD4XBCEA8X4M6Z9T1V0QW5RK/transcribe"),
    ("GET", "/file/7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    ("GET", "/file/7c9e6679-7425-40de-944b-e07fc1f90ae7/content"),
    ("POST", "/file/7c9e6679-7425-40de-944b-e07fc1f90ae7/link"),
    ("GET", "/search"),
]


@pytest.mark.parametrize(("method", "path"), EVERY_CALL)
def test_every_call_without_a_token_is_401(client: Client, method: str, path: str) -> None:
    for headers in ({}, {"x-api-key": "nonsense"}, {"Authorization": "Bearer nonsense"}):
        response = client.request(method, path, headers=headers)
        check_problem(response, 401)
        assert response.headers["WWW-Authenticate"] == "Bearer"


MALFORMED = {
    "half an object": b'{"receiverId":',
    "not a number": b'{"text": NaN}',
    "a lone surrogate": b'{"text": "\\ud800"}',
    "bytes that are no UTF-8": b'{"text": "\xff"}',
    "UTF-16": '{"text": "x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "too deep": b"[" * 60_000,
    "a bare word": b"hello",
    "blanks": b"   ",
    "a form": b"text=hello",
    "two values": b"{}{}",
    "single quotes": b"{'text': 'x'}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", ["/chat", "/signup", "/login"])
def test_malformed_json_is_400(ada: Person, path: str, body: bytes) -> None:
    check_problem(ada.request("POST", path, data=body, headers=JSON), 400)


@pytest.mark.parametrize("body", [5, True, "text", '{"receiverId": "x", "text": "y"}', [], [{}], None])
@pytest.mark.parametrize(("method", "path"), [("POST", "/chat"), ("POST", "/signup"), ("POST", "/login")])
def test_json_that_is_no_object_is_422(ada: Person, method: str, path: str, body: object) -> None:
    check_problem(ada.request(method, path, data=json.dumps(body), headers=JSON), 422)


@pytest.mark.parametrize("value", [5, 1.5, True, [], ["x"], {}, {"$ne": ""}, 10**400], ids=repr)
def test_a_field_of_a_wrong_type_is_422_that_names_it(ada: Person, ben: Person, value: object) -> None:
    for method, path, fields in [
        ("POST", "/signup", ["email", "username", "password"]),
        ("POST", "/login", ["email", "password"]),
        ("PATCH", "/user/me", ["username", "bio", "password", "currentPassword"]),
        ("DELETE", "/user/me", ["password"]),
        ("POST", "/chat", ["receiverId", "text", "audioFileId", "senderId", "clientId"]),
        ("POST", f"/chat/{ben.id}/read", ["upTo"]),
    ]:
        for field in fields:
            body = json.dumps({"receiverId": ben.id, "text": "x"} | {field: value})
            if value == 10**400:  # more than a JSON number holds
                check_problem(ada.request(method, path, data=body, headers=JSON), 400)
                continue
            problem = check_problem(ada.request(method, path, data=body, headers=JSON), 422)
            assert field in [error["field"] for error in problem["errors"]]


def test_fields_nobody_knows_are_ignored(ada: Person, ben: Person) -> None:
    deep: object = "x"
    for _ in range(500):
        deep = {"a": deep}
    odd = {"$where": "1", "__proto__": {"a": 1}, "_id": "x", "status": "read", "unknown": deep}
    accepted = ada.post(ben, "hello", **odd)
    assert accepted["_id"] != "x"
    assert accepted["status"] == "accepted"


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded", "image/png", "x"])
def test_a_wrong_media_type_is_415(ada: Person, media_type: str | None) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    check_problem(ada.request("POST", "/chat", data=b'{"text": "x"}', headers=headers), 415)


def test_an_upload_that_is_no_form_is_415(ada: Person) -> None:
    check_problem(ada.request("POST", "/upload", data=b"RIFF", headers={"Content-Type": "audio/wav"}), 415)
    check_problem(ada.request("POST", "/upload", json={}), 415)
    check_problem(ada.request("POST", "/upload"), 415)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/user/me", {"GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE"}),
        ("GET", "/chat", {"POST", "OPTIONS"}),
        ("HEAD", "/logout", {"POST", "OPTIONS"}),
        ("GET", "/signup", {"POST", "OPTIONS"}),
        ("DELETE", "/search", {"GET", "HEAD", "OPTIONS"}),
        ("BREW", "/login", {"POST", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_405_that_says_which_are_right(
    ada: Person, method: str, path: str, allowed: set[str]
) -> None:
    response = ada.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == allowed
    if method != "HEAD":
        check_problem(response, 405)


@pytest.mark.parametrize("path", ["/nothing", "/", "", "/user", "/user/me/", "/file", "/chat/a/b", "/chat/", "/%00"])
def test_an_unknown_path_is_404(client: Client, ada: Person, path: str) -> None:
    for response in (ada.request("GET", path), client.request("GET", path)):
        assert "nothing at this address" in check_problem(response, 404)["detail"]


def test_outside_the_api_an_unknown_path_is_404_too(client: Client) -> None:
    for path in ("/nothing", "/static/nothing.js", "/static/../../etc/passwd", "/static/%2e%2e/app.py", "/.env"):
        check_problem(requests.get(f"{client.url}{path}", timeout=10), 404)


@pytest.mark.parametrize(
    "identifier",
    [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "*",
        "%00",
        "%FF%FE",
        "[$ne]=1",
        "{}",
        "' or 1=1 --",
        "0" * 26,
        "8" * 26,
        "é" * 26,
        "İ" * 26,
        "x" * 7_000,
        "-1",
        "undefined",
        "null",
        "%0d%0aSet-Cookie:%20x=1",
        "\u202e",
        "😀",
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/chat/{}", None),
        ("POST", "/chat/{}/read", {"upTo": "01JD4XBCEA8X4M6Z9T1V0QW5RK"}),
        ("PATCH", "/chat/message/{}", {"text": "x"}),
        ("DELETE", "/chat/message/{}", None),
        ("POST", "/chat/message/{}/transcribe", {}),
        ("GET", "/file/{}", None),
        ("GET", "/file/{}/content", None),
        ("POST", "/file/{}/link", None),
    ],
)
def test_ids_that_are_none_are_404(ada: Person, method: str, path: str, body: object, identifier: str) -> None:
    options = {} if body is None else {"json": body}
    response = ada.request(method, path.format(identifier), **options)
    if response.status_code != 405:  # a slash makes it another address
        check_problem(response, 404)
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("identifier", ["", "x", "*", "..", "\0", "é" * 26, "0" * 64, "x" * 65, "x" * 5_000])
def test_ids_in_bodies_that_are_none_are_404_or_422(ada: Person, ben: Person, identifier: str) -> None:
    for body in ({"receiverId": identifier, "text": "x"}, {"receiverId": ben.id, "audioFileId": identifier or "-"}):
        response = ada.request("POST", "/chat", json=body)
        check_problem(response, 422 if len(identifier) > 64 else 404)
    response = ada.request("POST", f"/chat/{ben.id}/read", json={"upTo": identifier})
    check_problem(response, 422 if len(identifier) > 64 else 404)


@pytest.mark.parametrize("path", ["/user/list", "/conversations", "/search", "/chat/{ben}"])
@pytest.mark.parametrize("limit", ["0", "-1", "501", "9" * 4_000, "1e30", "NaN", "", "٣", "1.5", "%ED%A0%80", "[]"])
def test_a_limit_that_is_none_is_422(ada: Person, ben: Person, path: str, limit: str) -> None:
    problem = check_problem(ada.request("GET", f"{path.format(ben=ben.id)}?limit={limit}"), 422)
    assert [error["field"] for error in problem["errors"]] == ["limit"]


@pytest.mark.parametrize("path", ["/user/list", "/search", "/chat/{ben}"])
@pytest.mark.parametrize("offset", ["-1", "9" * 30, "1e3", "x", ""])
def test_an_offset_that_is_none_is_422(ada: Person, ben: Person, path: str, offset: str) -> None:
    problem = check_problem(ada.request("GET", f"{path.format(ben=ben.id)}?offset={offset}"), 422)
    assert [error["field"] for error in problem["errors"]] == ["offset"]


def test_no_error_repeats_a_password(client: Client) -> None:
    secret = "my-secret-phrase"
    for body in (
        {"email": "x", "username": "x", "password": [secret]},
        {"email": [secret], "password": secret},
        {"email": "a@example.org", "username": "a", "password": secret * 20},
    ):
        response = client.request("POST", "/signup", json=body)
        check_problem(response, 422)
        assert secret not in response.text


def test_an_error_carries_the_id_its_request_came_with(client: Client) -> None:
    response = client.request("GET", "/user/me", headers={"X-Request-Id": "trace-0123456789"})
    assert check_problem(response, 401)["requestId"] == "trace-0123456789"
    forged = client.request("GET", "/user/me", headers={"X-Request-Id": "a b;c" * 100})
    assert check_problem(forged, 401)["requestId"] != "a b;c" * 100


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
    status, headers, body = exchange(
        ada.client.url,
        f"{method} /api{path} HTTP/1.1\r\nHost: x\r\nx-api-key: {ada.token}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: 10000000000\r\n\r\n".encode(),
    )
    assert status == 413
    check_problem_document(headers["content-type"], json.loads(body), 413)


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
    """It would go on for ever; what is taken beyond the limit is a small multiple of the buffers on the way."""
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
        assert writable, "neither read nor answered"
        opened.sendall(piece)
        sent += 65_536
    return sent, read_answer(opened)


def test_a_refused_upload_is_answered_also_to_a_client_that_sends_all_of_it_first(client: Client, ada: Person) -> None:
    content = bytes(8 * 2**20)
    files = {"audio": ("voice.webm", content)}
    check_problem(client.request("POST", "/upload", files=files), 401)
    check_problem(ada.request("POST", "/nothing", files=files), 413)
    check_problem(ada.request("POST", "/upload", data=content, headers={"Content-Type": "audio/webm"}), 415)


# --- No HTTP at all


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
    "odd token": (GET + b"x-api-key: \xff\xfe\xe9\r\n\r\n", 401),
    "odd host": (b"GET /api/user/me HTTP/1.1\r\nHost: a b<>\r\n\r\n", 401),
}


@pytest.mark.parametrize(("request_bytes", "status"), NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_http_gets_the_same_shape(client: Client, request_bytes: bytes, status: int) -> None:
    answered, headers, body = exchange(client.url, request_bytes)
    assert answered == status
    check_problem_document(headers["content-type"], json.loads(body), status)


# --- Headers of every answer


def test_every_answer_hardens_the_browser(ada: Person) -> None:
    for path in ("/user/me", "/nothing", "/search?q=x"):
        headers = ada.request("GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"


def test_other_origins_may_call_with_the_tokens_header(client: Client, ada: Person) -> None:
    asked = {
        "Origin": "https://elsewhere.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "x-api-key, content-type",
    }
    for path in ("/user/me", "/chat", "/upload", f"/chat/message/{ada.id}"):
        allowed = client.request("OPTIONS", path, headers=asked)
        assert allowed.status_code == 200
        assert allowed.headers["Access-Control-Allow-Origin"] in ("*", asked["Origin"])
        assert "PATCH" in allowed.headers["Access-Control-Allow-Methods"]
        assert "x-api-key" in allowed.headers["Access-Control-Allow-Headers"]
    for response in (ada.request("GET", "/user/me", headers=asked), client.request("GET", "/user/me", headers=asked)):
        assert response.headers["Access-Control-Allow-Origin"] in ("*", asked["Origin"])
        assert "Access-Control-Allow-Credentials" not in response.headers


def test_head_answers_as_get_without_a_body(ada: Person, ben: Person) -> None:
    for path in ("/user/me", "/user/list", "/conversations", f"/chat/{ben.id}", "/search?q=x"):
        head = ada.request("HEAD", path)
        assert head.status_code == 200
        assert head.content == b""
