"""Errors have one shape and the right status, and are never a 500, whatever is sent."""

import json

import pytest
import requests

from tests.client import Client, Person
from tests.contract.shapes import check_problem

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
def test_every_call_without_a_token_is_401_and_403_with_a_wrong_one_in_x_api_key(
    client: Client, method: str, path: str
) -> None:
    for headers in ({}, {"x-api-key": ""}, {"Authorization": "Bearer nonsense"}):
        response = client.request(method, path, headers=headers)
        check_problem(response, 401)
        assert response.headers["WWW-Authenticate"] == "Bearer"
    check_problem(client.request(method, path, headers={"x-api-key": "nonsense"}), 403)


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
def test_json_that_is_not_an_object_is_422(ada: Person, method: str, path: str, body: object) -> None:
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


def test_unknown_fields_are_ignored(ada: Person, ben: Person) -> None:
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


def test_an_upload_that_is_not_a_form_is_415(ada: Person) -> None:
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
def test_invalid_ids_are_404(ada: Person, method: str, path: str, body: object, identifier: str) -> None:
    options = {} if body is None else {"json": body}
    response = ada.request(method, path.format(identifier), **options)
    if response.status_code != 405:  # a slash makes it another address
        check_problem(response, 404)
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("identifier", ["", "x", "*", "..", "\0", "é" * 26, "0" * 64, "x" * 65, "x" * 5_000])
def test_invalid_ids_in_bodies_are_404_or_422(ada: Person, ben: Person, identifier: str) -> None:
    for body in ({"receiverId": identifier, "text": "x"}, {"receiverId": ben.id, "audioFileId": identifier or "-"}):
        response = ada.request("POST", "/chat", json=body)
        check_problem(response, 422 if len(identifier) > 64 else 404)
    response = ada.request("POST", f"/chat/{ben.id}/read", json={"upTo": identifier})
    check_problem(response, 422 if len(identifier) > 64 else 404)


@pytest.mark.parametrize("path", ["/user/list", "/conversations", "/search", "/chat/{ben}"])
@pytest.mark.parametrize("limit", ["0", "-1", "1001", "9" * 4_000, "1e30", "NaN", "", "٣", "1.5", "%ED%A0%80", "[]"])
def test_an_invalid_limit_is_422(ada: Person, ben: Person, path: str, limit: str) -> None:
    problem = check_problem(ada.request("GET", f"{path.format(ben=ben.id)}?limit={limit}"), 422)
    assert [error["field"] for error in problem["errors"]] == ["limit"]


@pytest.mark.parametrize("path", ["/user/list", "/search", "/chat/{ben}"])
@pytest.mark.parametrize("offset", ["-1", "9" * 30, "1e3", "x", ""])
def test_an_invalid_offset_is_422(ada: Person, ben: Person, path: str, offset: str) -> None:
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


# --- Headers of every response


def test_every_response_has_security_headers(ada: Person) -> None:
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


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/login", {"email": "nobody@example.org", "password": "x"}, "wrong_login"),
        ("POST", "/signup", {"email": "a@b", "username": "Admin", "password": "long enough"}, "username_not_allowed"),
        ("POST", "/signup", {"email": "a@b.", "username": "someone", "password": "long enough"}, "email_invalid"),
        ("POST", "/signup", {}, "invalid"),
        ("POST", "/chat", {"receiverId": "nobody", "text": "x"}, "no_such_person"),
        ("POST", "/chat", {"receiverId": "nobody", "text": "\u200b"}, "nothing_to_send"),
        ("PATCH", "/chat/message/x", {"text": "x"}, "no_such_message"),
        ("GET", "/file/x", None, "no_such_file"),
        ("GET", "/nowhere", None, "not_found"),
        ("PUT", "/chat", {}, "method_not_allowed"),
    ],
)
def test_a_program_can_tell_errors_apart_by_their_code(
    ada: Person, method: str, path: str, body: object, code: str
) -> None:
    response = ada.request(method, path, json=body)
    assert check_problem(response, response.status_code)["code"] == code
