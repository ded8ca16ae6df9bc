"""Tokens and passwords: which are valid, and what ends at once on every process."""

import time

import jwt
import pytest

from tests.client import PASSWORD, Client, Person
from tests.contract.accounts import from_elsewhere, log_in, name
from tests.contract.conftest import Connect, Web
from tests.contract.shapes import check_problem
from tests.stack import SECRET

# --- Tokens


def test_a_token_counts_in_either_header(client: Client, ada: Person) -> None:
    for headers in (
        {"x-api-key": ada.token},
        {"X-API-Key": ada.token},
        {"Authorization": f"Bearer {ada.token}"},
        {"authorization": f"bearer {ada.token}"},
    ):
        assert client.request("GET", "/user/me", headers=headers).json() == ada.user


def test_a_token_that_is_forged_or_expired_is_401_or_403_in_x_api_key(client: Client, ada: Person) -> None:
    claims = jwt.decode(ada.token, SECRET, algorithms=["HS256"])
    assert client.request("GET", "/user/me", headers={"x-api-key": jwt.encode(claims, SECRET)}).status_code == 200
    head, body, signature = ada.token.split(".")
    forged = [
        jwt.encode(claims, "another-secret-of-the-same-length-00", algorithm="HS256"),
        jwt.encode(claims, SECRET * 2, algorithm="HS512"),
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims | {"exp": int(time.time()) - 62}, SECRET),
        jwt.encode(claims | {"nbf": int(time.time()) + 120}, SECRET),
        jwt.encode({key: value for key, value in claims.items() if key != "exp"}, SECRET),
        jwt.encode({key: value for key, value in claims.items() if key != "sub"}, SECRET),
        jwt.encode(claims | {"sub": "01JD4XBCEA8X4M6Z9T1V0QW5RK"}, SECRET),
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        ada.token[:-1],
        ada.token + "\u00e9",
        "null",
        "a" * 5_000,
    ]
    for token in forged:
        for header, status in (
            ({"x-api-key": token.encode()}, 403),
            ({"Authorization": b"Bearer " + token.encode()}, 401),
        ):
            check_problem(client.request("GET", "/user/me", headers=header), status)


def test_a_token_from_a_process_whose_clock_is_a_minute_ahead_is_valid(client: Client, ada: Person) -> None:
    claims, ahead = jwt.decode(ada.token, SECRET, algorithms=["HS256"]), int(time.time()) + 50
    token = jwt.encode(claims | {"iat": ahead, "nbf": ahead}, SECRET)
    assert client.request("GET", "/user/me", headers={"x-api-key": token}).status_code == 200


# --- Logging out


def test_logout_ends_that_token_on_every_process_at_once(client: Client, strict: Web) -> None:
    person = client.sign_up()
    other = client.log_in(person)
    strict.seen_by(person).get("/user/me")
    response = person.request("POST", "/logout")
    assert (response.status_code, response.content) == (204, b"")
    for ended in (person, strict.seen_by(person)):
        check_problem(ended.request("GET", "/user/me"), 403)
    assert strict.seen_by(other).get("/user/me") == person.user
    check_problem(person.request("POST", "/logout"), 403)


# --- Passwords


def test_a_password_change_needs_the_current_one(client: Client) -> None:
    person = client.sign_up()
    for wrong in ({}, {"currentPassword": "not the password"}, {"currentPassword": ""}, {"currentPassword": None}):
        check_problem(person.request("PATCH", "/user/me", json={"password": "a new password", **wrong}), 403)
    assert log_in(client, person.user["email"], PASSWORD).status_code == 200


def test_a_changed_password_is_the_only_one_and_ends_all_other_sessions(
    client: Client, strict: Web, connect: Connect
) -> None:
    person = client.sign_up()
    other = client.log_in(person)
    socket, kept = connect(other), connect(person)
    new = {"password": "a new password", "currentPassword": PASSWORD}
    assert person.call("PATCH", "/user/me", json=new) == person.user
    for ended in (other, strict.seen_by(other)):
        check_problem(ended.request("GET", "/user/me"), 403)
    assert socket.wait_closed() == 4401
    assert person.get("/user/me") == person.user
    kept.send(person.token)
    assert kept.close_code is None
    check_problem(log_in(strict.client, person.user["email"], PASSWORD, from_elsewhere()), 401)
    again = log_in(client, person.user["email"], "a new password")
    assert again.status_code == 200
    assert client.request("GET", "/user/me", headers={"x-api-key": again.json()["token"]}).status_code == 200


def test_guessing_ones_own_password_is_limited_too(client: Client, strict: Web) -> None:
    """Somebody who finds a token must not be able to get the password with it."""
    there = strict.seen_by(client.sign_up())
    guess = {"password": "a new password", "currentPassword": "not the password"}
    for call, body in (("PATCH", guess), ("DELETE", {"password": "not the password"}), ("POST", guess)):
        check_problem(there.request(call, "/user/me", json=body), 403)
    check_problem(there.request("PATCH", "/user/me", json=guess | {"currentPassword": PASSWORD}), 429)
    check_problem(there.request("DELETE", "/user/me", json={"password": PASSWORD}), 429)
    assert there.call("PATCH", "/user/me", json={"bio": "needs no password"})["bio"] == "needs no password"


@pytest.mark.parametrize("password", ["", "x" * 7, "x" * 129])
def test_a_new_password_has_8_to_128_characters_too(ada: Person, password: str) -> None:
    body = {"password": password, "currentPassword": PASSWORD}
    problem = check_problem(ada.request("PATCH", "/user/me", json=body), 422)
    assert [error["field"] for error in problem["errors"]] == ["password"]


def test_a_change_that_is_refused_in_part_changes_nothing(client: Client, ada: Person) -> None:
    person = client.sign_up()
    body = {"username": ada.user["username"], "bio": "x", "password": "a new password", "currentPassword": PASSWORD}
    check_problem(person.request("PATCH", "/user/me", json=body), 409)
    body |= {"username": name(), "currentPassword": "not the password"}
    check_problem(person.request("PATCH", "/user/me", json=body), 403)
    assert person.get("/user/me") == person.user
    assert log_in(client, person.user["email"], PASSWORD).status_code == 200
