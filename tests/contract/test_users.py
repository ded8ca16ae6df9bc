"""Profiles, and the list of people."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from pymongo.database import Database
from redis import Redis

from chat import ids
from chat.store import keys
from tests.client import TIMEOUT, Client, Person
from tests.contract.conftest import Web, eventually
from tests.contract.shapes import ME, PERSON, ULID, check_problem
from tests.stack import Stack


def test_me_is_the_person_of_the_token(ada: Person, ben: Person) -> None:
    for person in (ada, ben):
        assert person.get("/user/me") == person.user
        assert person.user.keys() == ME


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_a_profile_changes_field_by_field(client: Client, method: str) -> None:
    person = client.sign_up()
    username = f"new-{secrets.token_hex(4)}"
    for change in ({"bio": "Counts on engines."}, {"username": username}, {"bio": ""}, {}, {"bio": None}):
        expected = person.get("/user/me") | {key: value for key, value in change.items() if value is not None}
        assert person.call(method, "/user/me", json=change) == expected
        assert person.get("/user/me") == expected


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_a_username_that_is_taken_is_409(ada: Person, ben: Person, method: str) -> None:
    for username in (ben.user["username"], ben.user["username"].upper()):
        check_problem(ada.request(method, "/user/me", json={"username": username}), 409)
    assert ada.get("/user/me") == ada.user


def test_ones_own_name_in_other_case_is_not_taken(client: Client) -> None:
    person = client.sign_up("case")
    upper = person.user["username"].upper()
    assert person.call("PATCH", "/user/me", json={"username": upper})["username"] == upper


@pytest.mark.parametrize("bio", ["x" * 500, "---\n\0\u202e😀", "<script>alert(1)</script>"])
def test_any_bio_of_500_characters_is_kept_as_it_is(ada: Person, ben: Person, bio: str) -> None:
    assert ada.call("PATCH", "/user/me", json={"bio": bio})["bio"] == bio
    assert ben.get("/user/list", q=ada.user["username"])[0]["bio"] == bio
    ada.call("PATCH", "/user/me", json={"bio": ""})


def test_invalid_changes_are_422(ada: Person) -> None:
    for change, field in (
        ({"bio": "x" * 501}, "bio"),
        ({"username": ""}, "username"),
        ({"username": "x" * 33}, "username"),
        ({"username": "a\nb"}, "username"),
    ):
        problem = check_problem(ada.request("PATCH", "/user/me", json=change), 422)
        assert [error["field"] for error in problem["errors"]] == [field]
    assert ada.get("/user/me") == ada.user


def test_email_and_id_cannot_be_changed(ada: Person) -> None:
    body = {"email": "other@example.org", "_id": "01JD4XBCEA8X4M6Z9T1V0QW5RK", "emailKey": "x", "revision": 99}
    assert ada.call("PATCH", "/user/me", json=body) == ada.user


def test_a_changed_name_shows_everywhere_at_once(client: Client, strict: Web) -> None:
    person, friend = client.sign_up("before"), client.sign_up("friend")
    person.post(friend, "hello")
    eventually(lambda: friend.get("/conversations"), "the message")
    old, new = person.user["username"], f"after-{secrets.token_hex(4)}"
    person.call("PATCH", "/user/me", json={"username": new})
    for watcher in (friend, strict.seen_by(friend)):
        assert [row["username"] for row in watcher.get("/user/list", q=new)] == [new]
        assert watcher.get("/user/list", q=old) == []
        assert [row["partner"]["username"] for row in watcher.get("/conversations")] == [new]
        assert [hit["text"] for hit in watcher.get("/search", q=new) if hit["type"] == "user"] == [new]
        assert watcher.get("/search", q=old) == []
    assert strict.seen_by(person).get("/user/me")["username"] == new
    assert client.sign_up(old).user["username"].startswith(old)  # the old name is free again


def test_of_many_changes_at_once_one_is_left_in_both_stores(client: Client, ada: Person, mongo: Database[Any]) -> None:
    person, tail = client.sign_up(), secrets.token_hex(4)

    def rename(number: int) -> int:
        body, headers = {"username": f"{tail}-{number:02}"}, {"x-api-key": person.token}
        return requests.patch(f"{client.url}/api/user/me", json=body, headers=headers, timeout=TIMEOUT).status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(rename, range(20))) == {200}
    left = mongo.users.find_one({"_id": person.id})["username"]
    assert person.get("/user/me")["username"] == left
    assert [row["username"] for row in ada.get("/user/list", q=tail)] == [left]
    for number in range(20):
        name = f"{tail}-{number:02}"
        assert [row["username"] for row in ada.get("/user/list", q=name)] == ([left] if name == left else [])


def test_of_ten_people_who_take_one_name_at_once_one_gets_it(client: Client, ada: Person) -> None:
    people, name = [client.sign_up() for _ in range(10)], f"one-{secrets.token_hex(4)}"

    def take(person: Person) -> int:
        body, headers = {"username": name}, {"x-api-key": person.token}
        return requests.patch(f"{client.url}/api/user/me", json=body, headers=headers, timeout=TIMEOUT).status_code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(take, people)) == [200] + 9 * [409]
    assert len(ada.get("/user/list", q=name)) == 1


# --- The list


def test_the_list_shows_what_others_may_see_and_never_an_email(client: Client, ada: Person) -> None:
    named = ada.get("/user/list", q=ada.user["username"])
    assert [row["_id"] for row in named] == [ada.id]
    found = ada.get("/user/list", limit=1_000)
    assert found
    for row in [*named, *found]:
        assert row.keys() == PERSON
        assert ULID.fullmatch(row["_id"])
        assert row["online"] in (True, False)
    response = ada.request("GET", "/user/list", params={"q": ada.user["username"]})
    assert "@" not in response.text


def test_q_is_the_beginning_of_a_name_without_case(client: Client, ada: Person) -> None:
    tail = secrets.token_hex(4)
    for name in (f"{tail}-Élodie", f"{tail}-elsa", f"{tail}-Ben", f"x{tail}"):
        made = client.sign_up().call("PATCH", "/user/me", json={"username": name})
        assert made["username"] == name
    for q, expected in (
        (tail, [f"{tail}-Ben", f"{tail}-elsa", f"{tail}-Élodie"]),
        (tail.upper(), [f"{tail}-Ben", f"{tail}-elsa", f"{tail}-Élodie"]),
        (f"{tail}-E", [f"{tail}-elsa"]),
        (f"{tail}-é", [f"{tail}-Élodie"]),
        (f"{tail}-e\u0301", [f"{tail}-Élodie"]),
        (f"{tail}-elsa", [f"{tail}-elsa"]),
        (f"{tail}-elsa2", []),
    ):
        assert [row["username"] for row in ada.get("/user/list", q=q)] == expected, q


@pytest.mark.parametrize(
    "q", ["*", "%", "\0", "\xff", "[", "(", "-", "+", "@username:{x}", "😀", "\u202e", "x" * 4_000, "%ED%A0%80", "\\"]
)
def test_any_text_is_a_legal_beginning(ada: Person, q: str) -> None:
    assert ada.get("/user/list", q=q) == []


def test_pages_of_people_neither_overlap_nor_leave_anybody_out(client: Client, ada: Person) -> None:
    tail = secrets.token_hex(4)
    people = {client.sign_up(tail).id for _ in range(7)}
    pages = [ada.get("/user/list", q=tail, limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert {row["_id"] for page in pages for row in page} == people
    names = [row["username"] for page in pages for row in page]
    assert names == sorted(names)


def test_the_list_is_1000_people_unless_asked_for_fewer(client: Client, ada: Person, stack: Stack) -> None:
    check_problem(ada.request("GET", "/user/list", params={"limit": 1_001}), 422)
    assert len(ada.get("/user/list", limit=1)) == 1
    tail = secrets.token_hex(4)
    with Redis.from_url(stack.redis.url(0)) as redis:
        made = {f"{tail}\0{ids.lowest_id(number)}": 0 for number in range(1, 1_011)}
        redis.zadd(keys.NAMES, made)
        assert len(ada.get("/user/list", q=tail)) == 1_000
        redis.zrem(keys.NAMES, *made)
