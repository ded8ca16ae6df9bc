"""Deleting an account removes it and everything its person said."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from pymongo.database import Database

from tests import recordings
from tests.client import PASSWORD, TIMEOUT, Client, Person
from tests.contract.accounts import from_elsewhere, log_in
from tests.contract.conftest import Connect, Web, eventually
from tests.contract.shapes import check_problem


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
        check_problem(gone.request("GET", "/user/me"), 403)
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
    assert history[answer["_id"]]["text"] == f"{word} in your words"  # the friend's own words stay
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
        """What both stores still have of them."""
        stored = [str(each) for each in mongo.messages.find({"senderId": grace.id}) if each.get("text")]
        files = [each["_id"] for each in mongo["audio.files"].find({"metadata.owner": grace.id})]
        people = list(mongo.users.find({"_id": grace.id})) + list(mongo.security.find({"_id": grace.id}))
        return stored + files + [str(each) for each in people]

    eventually(lambda: left() == [], f"the erasure of the archive, left: {left()}", 20)

    # The name and the email are free again, and the new account has nothing of the old one.
    body = {"email": grace.user["email"], "username": grace.user["username"], "password": PASSWORD}
    newcomer = client.request("POST", "/signup", json=body)
    assert newcomer.status_code == 201
    assert newcomer.json()["user"]["_id"] != grace.id
    headers = {"x-api-key": newcomer.json()["token"]}
    assert client.request("GET", "/conversations", headers=headers).json() == []


def test_logging_in_while_the_account_goes_brings_nothing_back(client: Client, ada: Person) -> None:
    """A log-in takes a while to check the password; an account deleted meanwhile stays deleted."""
    for _ in range(3):
        person = client.sign_up("leaving")
        body = {"email": person.user["email"], "password": PASSWORD}

        def attempt(number: int, person: Person = person, body: dict[str, str] = body) -> str:
            if number == 4:
                headers = {"x-api-key": person.token}
                left = requests.delete(f"{client.url}/api/user/me", json=body, headers=headers, timeout=TIMEOUT)
                assert left.status_code == 204
                return ""
            answer = requests.post(f"{client.url}/api/login", json=body, timeout=TIMEOUT)
            assert answer.status_code in (200, 401)
            return str(answer.json().get("token", ""))

        with ThreadPoolExecutor(9) as pool:
            tokens = list(filter(None, pool.map(attempt, range(9))))
        for token in tokens:
            check_problem(client.request("GET", "/user/me", headers={"x-api-key": token}), 403)
        assert ada.get("/user/list", q=person.user["username"]) == []


def test_two_simultaneous_deletions_delete_once(client: Client) -> None:
    person = client.sign_up("leaving")

    def leave(_: int) -> int:
        body, headers = {"password": PASSWORD}, {"x-api-key": person.token}
        return requests.delete(f"{client.url}/api/user/me", json=body, headers=headers, timeout=TIMEOUT).status_code

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(leave, range(5)))
    assert answers.count(204) == 1
    assert set(answers) <= {204, 401, 403, 404}
