"""Signing up, in and out, passwords, and leaving."""

import secrets
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import requests
from pymongo.database import Database

from tests import recordings
from tests.client import PASSWORD, Client, Person
from tests.contract.conftest import Connect, Web, eventually
from tests.contract.shapes import ME, ULID, check_problem
from tests.stack import SECRET


def name(start: str = "person") -> str:
    return f"{start}-{secrets.token_hex(4)}"


def from_elsewhere() -> dict[str, str]:
    """The header of a request to `strict` from an address nobody has used."""
    return {"X-Forwarded-For": ".".join(str(secrets.randbelow(254) + 1) for _ in range(4))}


def log_in(client: Client, email: str, password: str, headers: dict[str, str] | None = None) -> requests.Response:
    return client.request("POST", "/login", json={"email": email, "password": password}, headers=headers or {})


# --- Signing up


def test_signup_answers_the_user_and_a_token_that_holds(client: Client) -> None:
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
    tail = secrets.token_hex(4)
    body = {"email": f"{tail}@example.org", "username": f"{tail}{first}", "password": PASSWORD}
    assert client.request("POST", "/signup", json=body).status_code == 201
    other = {"email": f"{tail}.b@example.org", "username": f" {tail.upper()}{again}".strip(), "password": PASSWORD}
    check_problem(client.request("POST", "/signup", json=other), 409)


def test_signup_with_an_email_taken_without_case_is_409(client: Client, ada: Person) -> None:
    for email in (ada.user["email"], ada.user["email"].upper(), f"  {ada.user['email']} "):
        body = {"email": email, "username": name(), "password": PASSWORD}
        check_problem(client.request("POST", "/signup", json=body), 409)


@pytest.mark.parametrize("length", [8, 128])
def test_passwords_of_8_to_128_characters_are_taken_whatever_they_are(client: Client, length: int) -> None:
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
def test_emails_that_are_none_are_422(client: Client, email: str) -> None:
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


def test_login_answers_as_signup_does(client: Client, ada: Person) -> None:
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


def test_an_unknown_user_and_a_wrong_password_take_the_same_time(strict: Web, client: Client) -> None:
    people = [client.sign_up() for _ in range(8)]
    times: dict[str, list[float]] = {"wrong": [], "unknown": []}
    for person in people:
        for kind, email in (("wrong", person.user["email"]), ("unknown", f"{name()}@example.org")):
            started = time.perf_counter()
            assert log_in(strict.client, email, "not the password", from_elsewhere()).status_code == 401
            times[kind].append(time.perf_counter() - started)
    # The fastest of each, since whatever else runs here only ever adds. Without a hash it would be 3 ms against 35.
    assert min(times["unknown"]) == pytest.approx(min(times["wrong"]), rel=0.4), times
    assert statistics.median(times["unknown"]) > 0.01


def test_repeated_failures_for_an_account_are_429_from_everywhere(strict: Web, client: Client) -> None:
    person = client.sign_up()
    for _ in range(3):
        check_problem(log_in(strict.client, person.user["email"], "not the password", from_elsewhere()), 401)
    for password in ("not the password", PASSWORD):
        refused = log_in(strict.client, person.user["email"].upper(), password, from_elsewhere())
        check_problem(refused, 429)
        assert 1 <= int(refused.headers["Retry-After"]) <= 600


def test_repeated_failures_from_an_address_are_429_for_every_account(strict: Web, ada: Person) -> None:
    headers = from_elsewhere()
    for _ in range(6):
        check_problem(log_in(strict.client, f"{name()}@example.org", PASSWORD, headers), 401)
    check_problem(log_in(strict.client, ada.user["email"], PASSWORD, headers), 429)
    assert log_in(strict.client, ada.user["email"], PASSWORD, from_elsewhere()).status_code == 200


def test_failures_at_once_cannot_slip_through(strict: Web, client: Client) -> None:
    person = client.sign_up()

    def guess(_: int) -> int:
        body = {"email": person.user["email"], "password": "not the password"}
        return requests.post(
            f"{strict.client.url}/api/login", json=body, headers=from_elsewhere(), timeout=20
        ).status_code

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
    """The usual process trusts none: what counts is where the connection comes from."""
    headers = from_elsewhere()
    for _ in range(6):
        check_problem(log_in(strict.client, f"{name()}@example.org", PASSWORD, headers), 401)
    forged = headers | {"X-Forwarded-For": f"10.1.2.3, {headers['X-Forwarded-For']}"}
    check_problem(log_in(strict.client, ada.user["email"], PASSWORD, forged), 429)


def test_login_throttling_survives_a_restart(strict: Web, client: Client) -> None:
    person = client.sign_up()
    for _ in range(3):
        check_problem(log_in(strict.client, person.user["email"], "not the password", from_elsewhere()), 401)
    strict.process.kill()
    strict.process.start()
    strict.wait()
    check_problem(log_in(strict.client, person.user["email"], PASSWORD, from_elsewhere()), 429)


# --- Tokens


def test_a_token_counts_in_either_header(client: Client, ada: Person) -> None:
    for headers in (
        {"x-api-key": ada.token},
        {"X-API-Key": ada.token},
        {"Authorization": f"Bearer {ada.token}"},
        {"authorization": f"bearer {ada.token}"},
    ):
        assert client.request("GET", "/user/me", headers=headers).json() == ada.user


def test_a_token_that_is_forged_or_expired_is_401(client: Client, ada: Person) -> None:
    claims = jwt.decode(ada.token, SECRET, algorithms=["HS256"])
    assert client.request("GET", "/user/me", headers={"x-api-key": jwt.encode(claims, SECRET)}).status_code == 200
    head, body, signature = ada.token.split(".")
    forged = [
        jwt.encode(claims, "another-secret-of-the-same-length-00", algorithm="HS256"),
        jwt.encode(claims, SECRET * 2, algorithm="HS512"),
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims | {"exp": int(time.time()) - 1}, SECRET),
        jwt.encode(claims | {"nbf": int(time.time()) + 60}, SECRET),
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
        for header in ({"x-api-key": token.encode()}, {"Authorization": b"Bearer " + token.encode()}):
            check_problem(client.request("GET", "/user/me", headers=header), 401)


# --- Logging out


def test_logout_ends_that_token_on_every_process_at_once(client: Client, strict: Web) -> None:
    person = client.sign_up()
    other = client.log_in(person)
    strict.seen_by(person).get("/user/me")
    response = person.request("POST", "/logout")
    assert (response.status_code, response.content) == (204, b"")
    for ended in (person, strict.seen_by(person)):
        check_problem(ended.request("GET", "/user/me"), 401)
    assert strict.seen_by(other).get("/user/me") == person.user
    check_problem(person.request("POST", "/logout"), 401)


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
        check_problem(ended.request("GET", "/user/me"), 401)
    assert socket.wait_closed() == 4401
    assert person.get("/user/me") == person.user
    kept.send(person.token)
    assert kept.close_code is None
    check_problem(log_in(strict.client, person.user["email"], PASSWORD, from_elsewhere()), 401)
    again = log_in(client, person.user["email"], "a new password")
    assert again.status_code == 200
    assert client.request("GET", "/user/me", headers={"x-api-key": again.json()["token"]}).status_code == 200


def test_guessing_ones_own_password_is_limited_too(client: Client, strict: Web) -> None:
    """Whoever finds a token shall not get the password with it."""
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


# --- Leaving


def test_deleting_an_account_needs_its_password(client: Client) -> None:
    person = client.sign_up()
    check_problem(person.request("DELETE", "/user/me", json={"password": "not the password"}), 403)
    check_problem(person.request("DELETE", "/user/me", json={}), 422)
    check_problem(person.request("DELETE", "/user/me"), 422)
    assert person.get("/user/me") == person.user


def test_a_deleted_account_is_gone_with_its_audio_and_its_messages_text(
    client: Client, strict: Web, connect: Connect, mongo: Database[Any]
) -> None:
    grace, friend = client.sign_up("grace"), client.sign_up("friend")
    word = f"secret{secrets.token_hex(6)}"
    text = grace.post(friend, f"{word} in my words")
    answer = friend.post(grace, f"{word} in your words")
    upload = grace.upload(recordings.silence(1.0), "a.wav")
    voice = grace.post(friend, audioFileId=upload["audioFileUuid"])
    unclaimed = grace.upload(recordings.silence(1.0), "b.wav")
    theirs = friend.upload(recordings.silence(1.0), "c.wav")
    kept = friend.post(grace, audioFileId=theirs["audioFileUuid"])
    wanted = {text["_id"], answer["_id"], voice["_id"], kept["_id"]}
    eventually(
        lambda: {each["_id"] for each in friend.history(grace) if each["status"] != "transcribing"} == wanted,
        "all messages delivered",
        30,
    )
    link = friend.call("POST", f"/file/{upload['audioFileUuid']}/link")["url"]
    socket, watching = connect(grace), connect(friend)
    watching.wait_for_frame("application:users", lambda data: data["_id"] == grace.id and data["online"])

    response = grace.request("DELETE", "/user/me", json={"password": PASSWORD})
    assert (response.status_code, response.content) == (204, b"")

    assert socket.wait_closed() == 4401
    for gone in (grace, strict.seen_by(grace)):
        check_problem(gone.request("GET", "/user/me"), 401)
    check_problem(log_in(strict.client, grace.user["email"], PASSWORD, from_elsewhere()), 401)
    check_problem(friend.request("POST", "/chat", json={"receiverId": grace.id, "text": "hello?"}), 404)
    assert friend.get("/user/list", q=grace.user["username"]) == []
    assert [hit for hit in friend.get("/search", q=grace.user["username"]) if hit["type"] == "user"] == []

    def erased() -> bool:
        tombs = {each["_id"]: each for each in friend.history(grace)}
        return all(tombs[each]["text"] == "" and "deletedAt" in tombs[each] for each in (text["_id"], voice["_id"]))

    eventually(erased, "the erasure", 20)
    history = {each["_id"]: each for each in friend.history(grace)}
    assert history[voice["_id"]]["audioFileId"] is None
    assert history[answer["_id"]]["text"] == f"{word} in your words"  # the friend's own words stay the friend's
    assert [hit["_id"] for hit in friend.get("/search", q=word)] == [answer["_id"]]
    for file in (upload, unclaimed):
        check_problem(friend.request("GET", f"/file/{file['audioFileUuid']}"), 404)
    assert requests.get(f"{client.url}{link}", timeout=10).status_code == 404
    assert friend.request("GET", f"/file/{theirs['audioFileUuid']}").status_code == 200

    rows = friend.get("/conversations")
    assert [row["partner"]["_id"] for row in rows] == [grace.id]
    assert grace.user["username"] not in str(rows)
    assert (rows[0]["partner"]["online"], rows[0]["partner"]["lastSeen"]) == (False, None)

    def left() -> list[str]:
        """What both stores still hold of them."""
        stored = [str(each) for each in mongo.messages.find({"senderId": grace.id}) if each.get("text")]
        files = [each["_id"] for each in mongo["audio.files"].find({"metadata.owner": grace.id})]
        people = list(mongo.users.find({"_id": grace.id})) + list(mongo.security.find({"_id": grace.id}))
        return stored + files + [str(each) for each in people]

    eventually(lambda: left() == [], f"the erasure of the archive, left: {left()}", 20)

    # The name and the address are free again, and the newcomer has nothing of the old account.
    body = {"email": grace.user["email"], "username": grace.user["username"], "password": PASSWORD}
    newcomer = client.request("POST", "/signup", json=body)
    assert newcomer.status_code == 201
    assert newcomer.json()["user"]["_id"] != grace.id
    headers = {"x-api-key": newcomer.json()["token"]}
    assert client.request("GET", "/conversations", headers=headers).json() == []
