"""Access: log-ins, passwords, links, and headers that make claims."""

import secrets

import pytest
import requests

from tests import recordings
from tests.application import application
from tests.attack.attacker import Http, address, forwarded
from tests.client import PASSWORD, TIMEOUT, Client, Person
from tests.contract.accounts import log_in, name
from tests.contract.conftest import Web, eventually
from tests.contract.shapes import check_problem
from tests.stack import Stack

# --- Guessing


def test_wrong_guesses_by_others_do_not_lock_the_owner_out(small: Web, client: Client) -> None:
    person, home = client.sign_up(), address()
    email = person.user["email"]
    assert log_in(small.client, email, PASSWORD, forwarded(home)).status_code == 200
    for _ in range(6):
        assert log_in(small.client, email, "not the password", forwarded(address())).status_code == 401
    check_problem(log_in(small.client, email, PASSWORD, forwarded(address())), 429)
    assert log_in(small.client, email, PASSWORD, forwarded(home)).status_code == 200


def test_an_address_has_so_many_guesses_at_an_account_and_its_neighbours_none_more(small: Web, client: Client) -> None:
    email = client.sign_up().user["email"]
    network = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}"
    for number in range(3):
        there = forwarded(f"{network}::{number + 1}")
        assert log_in(small.client, email, "not the password", there).status_code == 401
    check_problem(log_in(small.client, email, PASSWORD, forwarded(f"{network}:ffff::1")), 429)
    assert log_in(small.client, email, PASSWORD, forwarded(address())).status_code == 200


def test_sign_ups_are_counted_by_the_64_of_an_ipv6_address(small: Web) -> None:
    network = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}"

    def sign_up(from_address: str) -> int:
        body = {"email": f"{name()}@example.org", "username": name(), "password": PASSWORD}
        return small.client.request("POST", "/signup", json=body, headers=forwarded(from_address)).status_code

    assert [sign_up(f"{network}::{number}") for number in range(1, 5)] == [201, 201, 201, 429]


COMMON = ["password", "PassWord", "12345678", "qwertyuiop", "iloveyou", "trustno1", "sunshine", "football"]


@pytest.mark.parametrize("password", COMMON)
def test_a_common_password_is_refused(client: Client, ada: Person, password: str) -> None:
    body = {"email": f"{name()}@example.org", "username": name(), "password": password}
    problem = check_problem(client.request("POST", "/signup", json=body), 422)
    assert [error["field"] for error in problem["errors"]] == ["password"]
    change = {"password": password, "currentPassword": PASSWORD}
    problem = check_problem(ada.request("PATCH", "/user/me", json=change), 422)
    assert [error["field"] for error in problem["errors"]] == ["password"]


# --- Links


def test_a_link_ends_with_the_session_that_made_it(client: Client, ben: Person) -> None:
    person = client.sign_up()
    other = client.log_in(person)
    upload = person.upload(recordings.silence(0.2))["audioFileUuid"]
    person.post(ben, audioFileId=upload)
    links = [each.call("POST", f"/file/{upload}/link")["url"] for each in (person, other, ben)]

    def read(link: str) -> int:
        return requests.get(f"{client.url}{link}", timeout=TIMEOUT).status_code

    assert [read(link) for link in links] == [200, 200, 200]
    person.call("POST", "/logout", 204)
    assert [read(link) for link in links] == [401, 200, 200]
    other.call("DELETE", "/user/me", 204, json={"password": PASSWORD})
    assert read(links[1]) == 401


def test_a_link_ends_with_its_message_and_no_cache_answers_for_it(client: Client, ada: Person, ben: Person) -> None:
    upload = ada.upload(recordings.silence(0.2))["audioFileUuid"]
    message = ada.post(ben, audioFileId=upload)["_id"]
    eventually(lambda: ben.history(ada)[-1:] and ben.history(ada)[-1]["_id"] == message, "the message")
    link = ben.call("POST", f"/file/{upload}/link")["url"]
    found = requests.get(f"{client.url}{link}", timeout=TIMEOUT)
    assert found.status_code == 200
    assert {each.strip() for each in found.headers["Cache-Control"].split(",")} == {"private", "no-cache"}
    known = {"If-None-Match": found.headers["ETag"]}
    assert requests.get(f"{client.url}{link}", headers=known, timeout=TIMEOUT).status_code == 304
    ada.call("DELETE", f"/chat/message/{message}", 204)
    for headers in ({}, known):
        gone = requests.get(f"{client.url}{link}", headers=headers, timeout=TIMEOUT)
        check_problem(gone, 404)


# --- Headers that make claims


def test_script_name_does_not_get_past_a_rule_on_a_path(client: Client) -> None:
    for header in ("SCRIPT_NAME", "Script-Name", "PATH_INFO", "script_name"):
        with Http(client.url) as http:
            http.request("/x/metrics", f"{header}: /x\r\nConnection: close\r\n")
            assert http.status() == 404


FORGED = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Server": "evil.example", "Forwarded": "host=evil.example"}


@pytest.mark.parametrize("path", ["/", "/chat/x", "/api/docs", "/api/docs/", "/ws", "//evil.example/%2e%2e"])
def test_no_header_puts_another_host_into_an_answer(outside: Client, client: Client, path: str) -> None:
    for each in (outside, client):
        answer = requests.get(f"{each.url}{path}", headers=FORGED, timeout=TIMEOUT, allow_redirects=False)
        assert "evil.example" not in str(answer.headers)
        assert "evil.example" not in answer.text


def test_a_redirect_goes_by_path_alone(client: Client) -> None:
    answer = requests.get(
        f"{client.url}/api/docs", headers={"Host": "evil.example"}, timeout=TIMEOUT, allow_redirects=False
    )
    assert answer.is_redirect
    assert answer.headers["Location"].startswith("/api/docs/")


@pytest.mark.parametrize("host", ["x; script-src *", "x y", "x/y", "'self'", "a" * 300, "x,y"])
def test_an_invalid_host_is_400(client: Client, host: str) -> None:
    with Http(client.url) as http:
        http.send(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        answer = http.everything()
        assert b" 400 " in answer.split(b"\r\n")[0]
        assert b"script-src *" not in answer


def test_the_public_address_is_the_one_in_answers_whatever_a_request_says() -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Proto": "http", **FORGED}
    with application(public_url="https://chat.example.org", trusted_proxies=1) as app:
        page = app.test_client().get("/", headers=headers)
    assert page.status_code == 200
    assert "wss://chat.example.org" in page.headers["Content-Security-Policy"]
    assert "evil.example" not in str(page.headers)


# --- Metrics


@pytest.mark.parametrize(
    ("own", "token", "expected"),
    [
        ({}, "", 403),
        ({}, "anything", 403),
        ({"metrics_token": "the-token"}, "", 401),
        ({"metrics_token": "the-token"}, "the-token", 200),
    ],
)
def test_metrics_are_closed_in_production_without_their_token(
    stack: Stack, own: dict[str, str], token: str, expected: int
) -> None:
    usual = stack.settings().model_dump(include={"redis_url", "celery_broker_url", "mongodb_uri"})
    with application(**usual, environment="production", **own) as app:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = app.test_client().get("/metrics", headers=headers)
    assert answer.status_code == expected
    assert ("chattergram_" in answer.text) == (expected == 200)


# --- Tokens in headers


def test_a_dead_token_in_x_api_key_is_403_and_elsewhere_401(client: Client, ben: Person) -> None:
    person = client.sign_up()
    person.call("POST", "/logout", 204)
    body = {"receiverId": ben.id, "text": "x"}
    for token in (person.token, "undefined", "null", "x.y.z"):
        for method, path, more in (("GET", "/user/me", {}), ("POST", "/chat", {"json": body})):
            check_problem(client.request(method, path, headers={"x-api-key": token}, **more), 403)
            bearer = {"Authorization": f"Bearer {token}"}
            check_problem(client.request(method, path, headers=bearer, **more), 401)
            check_problem(client.request(method, path, headers=bearer | {"x-api-key": ""}, **more), 401)
    check_problem(client.request("GET", "/user/me"), 401)


@pytest.mark.parametrize("other", ["undefined", "null", "x.y.z", "revoked"])
def test_one_header_does_not_hide_a_good_token_in_the_other(client: Client, ben: Person, other: str) -> None:
    person = client.sign_up()
    if other == "revoked":
        ended = client.log_in(person)
        ended.call("POST", "/logout", 204)
        other = ended.token
    for headers in (
        {"x-api-key": other, "Authorization": f"Bearer {person.token}"},
        {"x-api-key": person.token, "Authorization": f"Bearer {other}"},
    ):
        assert client.request("GET", "/user/me", headers=headers).json() == person.user
        sent = client.request("POST", "/chat", json={"receiverId": ben.id, "text": "hello"}, headers=headers)
        assert sent.status_code == 202
