"""Signing up and logging in: one account per name and per email, and no guessing."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from pymongo.database import Database

from config.settings import Settings
from tests.client import PASSWORD, Client, Person
from tests.contract.accounts import from_elsewhere, log_in, name
from tests.contract.conftest import Web
from tests.contract.shapes import ME, ULID, check_problem
from tests.stack import Stack

# --- Signing up


def test_signup_returns_the_user_and_a_valid_token(client: Client) -> None:
    username = name()
    body = {"email": f"{username}@example.org", "username": username, "password": PASSWORD}
    response = client.request("POST", "/signup", json=body)
    assert response.status_code == 201
    made = response.json()
    assert made.keys() == {"user", "token"}
    assert made["user"].keys() == ME
    assert ULID.fullmatch(made["user"]["_id"])
    assert made["user"] | {"_id": ""} == {"_id": "", "email": body["email"], "username": username, "bio": ""}
    me = client.request("GET", "/user/me", headers={"x-api-key": made["token"]})
    assert me.json() == made["user"]


@pytest.mark.parametrize(
    ("first", "again"),
    [("ada", "ADA"), ("Straße", "STRASSE"), ("Ünal", "U\u0308NAL"), ("ﬁnn", "FINN"), ("Σοφός", "ΣΟΦΌΣ")],
)
def test_signup_with_a_username_taken_without_case_is_409(client: Client, first: str, again: str) -> None:
    tail = str(secrets.randbelow(10**8))  # letters would be of another script than some of the names
    body = {"email": f"{tail}@example.org", "username": f"{tail}{first}", "password": PASSWORD}
    assert client.request("POST", "/signup", json=body).status_code == 201
    other = {"email": f"{tail}.b@example.org", "username": f" {tail}{again}".strip(), "password": PASSWORD}
    check_problem(client.request("POST", "/signup", json=other), 409)


def test_signup_with_an_email_taken_without_case_is_409(client: Client, ada: Person) -> None:
    for email in (ada.user["email"], ada.user["email"].upper(), f"  {ada.user['email']} "):
        body = {"email": email, "username": name(), "password": PASSWORD}
        check_problem(client.request("POST", "/signup", json=body), 409)


@pytest.mark.parametrize("length", [8, 128])
def test_passwords_of_8_to_128_characters_are_accepted(client: Client, length: int) -> None:
    for password in ("x" * length, "\0" * length, "🦉" * length, " " * length):
        person = client.sign_up(password=password)
        assert log_in(client, person.user["email"], password).status_code == 200


@pytest.mark.parametrize("length", [0, 1, 7, 129, 5_000])
def test_passwords_of_other_lengths_are_422(client: Client, length: int) -> None:
    body = {"email": "a@example.org", "username": name(), "password": "x" * length}
    problem = check_problem(client.request("POST", "/signup", json=body), 422)
    assert [error["field"] for error in problem["errors"]] == ["password"]


@pytest.mark.parametrize(
    "username",
    ["", " ", "\t", "a\0b", "a\nb", "a\u202eb", "\u200b", "\u2028", "x" * 33, "x" * 5_000, "\ue000"],
)
def test_usernames_nobody_could_see_or_read_are_422(client: Client, username: str) -> None:
    body = {"email": f"{name()}@example.org", "username": username, "password": PASSWORD}
    problem = check_problem(client.request("POST", "/signup", json=body), 422)
    assert [error["field"] for error in problem["errors"]] == ["username"]


@pytest.mark.parametrize("email", ["", "a", "@", "a@", "@b", "a b@c", "a@b@c", "a\0@b", "a\n@b", "x" * 250 + "@b.org"])
def test_invalid_emails_are_422(client: Client, email: str) -> None:
    body = {"email": email, "username": name(), "password": PASSWORD}
    problem = check_problem(client.request("POST", "/signup", json=body), 422)
    assert [error["field"] for error in problem["errors"]] == ["email"]


@pytest.mark.parametrize("missing", ["email", "username", "password"])
def test_signup_needs_all_three(client: Client, missing: str) -> None:
    body = {"email": "a@example.org", "username": name(), "password": PASSWORD}
    for absent in ({}, {missing: None}):
        given = {key: value for key, value in body.items() if key != missing} | absent
        problem = check_problem(client.request("POST", "/signup", json=given), 422)
        assert [error["field"] for error in problem["errors"]] == [missing]


@pytest.mark.parametrize("same", ["username", "email"])
def test_twenty_signups_at_once_make_one_account(client: Client, mongo: Database[Any], same: str) -> None:
    tail = secrets.token_hex(4)

    def sign_up(number: int) -> int:
        body = {"email": f"{tail}.{number}@example.org", "username": f"{tail}-{number}", "password": PASSWORD}
        body[same] = f"{tail}@example.org" if same == "email" else tail
        if number % 2:
            body[same] = body[same].upper()
        return requests.post(f"{client.url}/api/signup", json=body, timeout=20).status_code

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(sign_up, range(20))) == [201] + 19 * [409]
    assert mongo.users.count_documents({f"{same}Key": {"$regex": f"^{tail}"}}) == 1
    assert mongo.security.count_documents({}) == mongo.users.count_documents({})


def test_signups_per_address_are_limited(strict: Web) -> None:
    headers = from_elsewhere()

    def sign_up() -> requests.Response:
        body = {"email": f"{name()}@example.org", "username": name(), "password": PASSWORD}
        return strict.client.request("POST", "/signup", json=body, headers=headers)

    assert [sign_up().status_code for _ in range(2)] == [201, 201]
    check_problem(sign_up(), 429)
    headers = from_elsewhere()
    assert sign_up().status_code == 201


# --- Logging in


def test_login_returns_the_same_as_signup(client: Client, ada: Person) -> None:
    for email in (ada.user["email"], ada.user["email"].upper(), f" {ada.user['email']}"):
        response = log_in(client, email, PASSWORD)
        assert response.status_code == 200
        assert response.json().keys() == {"user", "token"}
        assert response.json()["user"] == ada.user
        assert response.json()["token"] != ada.token


def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(strict: Web, ada: Person) -> None:
    wrong = check_problem(log_in(strict.client, ada.user["email"], "not the password", from_elsewhere()), 401)
    unknown = check_problem(log_in(strict.client, f"{name()}@example.org", PASSWORD, from_elsewhere()), 401)
    del wrong["requestId"], unknown["requestId"]
    assert wrong == unknown


def test_repeated_failures_for_an_account_from_an_address_are_429_and_elsewhere_the_owner_gets_in(
    strict: Web, client: Client
) -> None:
    person, there = client.sign_up(), from_elsewhere()
    for _ in range(3):
        check_problem(log_in(strict.client, person.user["email"], "not the password", there), 401)
    assert log_in(strict.client, person.user["email"], PASSWORD, from_elsewhere()).status_code == 200
    for password in ("not the password", PASSWORD):
        refused = log_in(strict.client, person.user["email"].upper(), password, there)
        check_problem(refused, 429)
        assert 1 <= int(refused.headers["Retry-After"]) <= 600


def test_repeated_failures_from_an_address_are_429_for_every_account(strict: Web, ada: Person) -> None:
    headers = from_elsewhere()
    for _ in range(6):
        check_problem(log_in(strict.client, f"{name()}@example.org", PASSWORD, headers), 401)
    check_problem(log_in(strict.client, ada.user["email"], PASSWORD, headers), 429)
    assert log_in(strict.client, ada.user["email"], PASSWORD, from_elsewhere()).status_code == 200


def test_failures_at_once_cannot_slip_through(strict: Web, client: Client) -> None:
    person, there = client.sign_up(), from_elsewhere()

    def guess(_: int) -> int:
        body = {"email": person.user["email"], "password": "not the password"}
        return requests.post(f"{strict.client.url}/api/login", json=body, headers=there, timeout=20).status_code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(guess, range(10))) == 3 * [401] + 7 * [429]


def test_logins_that_succeed_do_not_count(strict: Web, client: Client) -> None:
    person, headers = client.sign_up(), from_elsewhere()
    for _ in range(8):
        assert log_in(strict.client, person.user["email"], PASSWORD, headers).status_code == 200


def test_logins_while_mongodb_is_away_do_not_count(crippled: Web, client: Client) -> None:
    person = client.sign_up()
    body = {"email": person.user["email"], "password": PASSWORD}

    def attempt(_: int) -> int:
        return requests.post(f"{crippled.client.url}/api/login", json=body, timeout=20).status_code

    with ThreadPoolExecutor(6) as pool:  # ten may fail
        for _ in range(2):
            assert list(pool.map(attempt, range(6))) == 6 * [503]
    assert log_in(client, person.user["email"], PASSWORD).status_code == 200


def test_an_address_cannot_be_forged_where_no_proxy_is_trusted(ada: Person, strict: Web) -> None:
    """The usual process trusts no proxy, so only the connection's own address counts."""
    headers = from_elsewhere()
    for _ in range(6):
        check_problem(log_in(strict.client, f"{name()}@example.org", PASSWORD, headers), 401)
    forged = headers | {"X-Forwarded-For": f"10.1.2.3, {headers['X-Forwarded-For']}"}
    check_problem(log_in(strict.client, ada.user["email"], PASSWORD, forged), 429)


def test_login_throttling_survives_a_restart(strict: Web, client: Client) -> None:
    person, there = client.sign_up(), from_elsewhere()
    for _ in range(3):
        check_problem(log_in(strict.client, person.user["email"], "not the password", there), 401)
    strict.process.kill()
    strict.process.start()
    strict.wait()
    check_problem(log_in(strict.client, person.user["email"], PASSWORD, there), 429)


def test_outside_production_the_limits_let_a_load_run_through(
    stack: Stack,
) -> None:
    """This makes a load run possible without configuration; in production the limits are strict."""
    usual = stack.settings()
    assert usual.environment == "test"
    assert usual.limit_signup_address == "300 per minute"
    assert usual.limit_messages == "2000 per second"
    assert Settings.model_fields["limit_signup_address"].default == "10 per hour"
    assert Settings.model_fields["limit_messages"].default == "20 per second; 600 per minute"
