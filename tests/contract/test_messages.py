"""Sending, correcting and deleting messages."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from pymongo.database import Database
from redis import Redis

from tests import recordings
from tests.client import TIMEOUT, Client, Person
from tests.contract.conftest import Connect, Web, eventually, stored
from tests.contract.shapes import MESSAGE, check_message, check_problem

TEXTS = {
    "a frame's separator": "before---after---",
    "NUL": "a\0b",
    "right to left": "\u202eabc\u202c שלום עולם",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 é e\u0301",
    "controls": "\r\n\t\x07\x1b[31m\x7f",
    "noncharacters": "\ufffe\uffff\U0010ffff\ufeff",
    "markup": "<script>alert('x')</script>&amp;",
    "queries": "@senderId:{*} | $where -- ' \" \\",
    "json": '{"$set": {"a": null}}',
    "padding": "   kept as it is   ",
    "4,000 characters": "x" * 4_000,
    "4,000 emoji": "😀" * 4_000,
    "4,000 escapes": "\0" * 3_999 + "x",
}


def test_a_message_gets_202_and_is_the_same_for_both_everywhere(ada: Person, ben: Person, connect: Connect) -> None:
    sockets = [connect(ada), connect(ben)]
    accepted = ada.post(ben, "good morning", clientId="morning-1")
    assert accepted.keys() == MESSAGE | {"clientId"}
    check_message(accepted)
    assert accepted["status"] == "accepted"
    expected = {
        "clientId": "morning-1",
        "senderId": ada.id,
        "receiverId": ben.id,
        "text": "good morning",
        "audioFileId": None,
    }
    assert expected.items() <= accepted.items()
    delivered = accepted | {"status": "delivered"}
    for socket in sockets:
        assert socket.wait_for_frame("application:messages", lambda data: data["_id"] == accepted["_id"]) == delivered
    assert stored(ada, ben, accepted["_id"]) == delivered
    assert stored(ben, ada, accepted["_id"]) == delivered


def test_ids_sort_as_messages_were_accepted(ada: Person, ben: Person) -> None:
    sent = [(ada, ben)[number % 2].post((ben, ada)[number % 2], f"{number}")["_id"] for number in range(20)]
    assert sent == sorted(sent)
    history = eventually(lambda: {*sent} <= {each["_id"] for each in ada.history(ben)} and ada.history(ben), "all")
    assert [each["_id"] for each in history][-20:] == sent
    assert [each["dateSent"] for each in history] == sorted(each["dateSent"] for each in history)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_arrives_as_it_was_sent(ada: Person, ben: Person, connect: Connect, text: str) -> None:
    socket = connect(ben)
    message_id = ada.post(ben, text)["_id"]
    assert socket.wait_for_frame("application:messages", lambda data: data["_id"] == message_id)["text"] == text
    raw = next(each for each in socket.raw if message_id in each)
    assert raw.startswith("application:messages---{")
    assert stored(ben, ada, message_id)["text"] == text
    corrected = ada.call(
        "PATCH", f"/chat/message/{message_id}", json={"text": text + "!" if len(text) < 4_000 else text}
    )
    assert corrected["text"].removesuffix("!") == text.removesuffix("!")


@pytest.mark.parametrize(
    "text", [None, "", " ", "\n\t ", "\u00a0\u2003", "\u200b\ufeff", "\0\x07", "\u202e\u2066", "\u3164\ufe0f"]
)
def test_nothing_to_send_is_422(ada: Person, ben: Person, text: str | None) -> None:
    problem = check_problem(ada.request("POST", "/chat", json={"receiverId": ben.id, "text": text}), 422)
    assert [error["field"] for error in problem["errors"]] == ["text"]
    check_problem(ada.request("POST", "/chat", json={"receiverId": ben.id}), 422)
    check_problem(ada.request("POST", "/chat", json={"receiverId": ben.id, "text": text, "audioFileId": ""}), 422)


def test_4001_characters_are_422(ada: Person, ben: Person) -> None:
    for text in ("x" * 4_001, "😀" * 4_001):
        problem = check_problem(ada.request("POST", "/chat", json={"receiverId": ben.id, "text": text}), 422)
        assert [error["field"] for error in problem["errors"]] == ["text"]


@pytest.mark.parametrize("receiver", ["01JD4XBCEA8X4M6Z9T1V0QW5RK", "", "x", "*", "0" * 26, "..", "chattergram:user:x"])
def test_an_unknown_receiver_is_404(ada: Person, receiver: str) -> None:
    check_problem(ada.request("POST", "/chat", json={"receiverId": receiver, "text": "hello?"}), 404)


def test_a_message_to_oneself_is_422(ada: Person) -> None:
    check_problem(ada.request("POST", "/chat", json={"receiverId": ada.id, "text": "hello me"}), 422)


# --- senderId


def test_a_forged_sender_is_422_and_ones_own_is_accepted(ada: Person, ben: Person, eve: Person) -> None:
    for forged in (ben.id, eve.id, "x", ada.id.lower()):
        body = {"receiverId": ben.id, "text": "not by me", "senderId": forged}
        problem = check_problem(ada.request("POST", "/chat", json=body), 422)
        assert [error["field"] for error in problem["errors"]] == ["senderId"]
    assert ada.post(ben, "by me", senderId=ada.id)["senderId"] == ada.id
    for absent in ("", None):
        assert ada.post(ben, "by me", senderId=absent)["senderId"] == ada.id
    assert "not by me" not in str(ben.history(ada))


# --- clientId


def test_the_same_client_id_again_gives_the_same_message(ada: Person, ben: Person, strict: Web) -> None:
    client_id = secrets.token_hex(32)  # 64 characters
    first = ada.post(ben, "once", clientId=client_id)
    again = [
        ada.post(ben, "once", clientId=client_id),
        ada.post(ben, "with another text", clientId=client_id),
        strict.seen_by(ada).post(ben, "on another process", clientId=client_id),
    ]
    stored(ada, ben, first["_id"])
    again.append(ada.post(ben, "later", clientId=client_id))
    for message in again:
        assert message | {"status": ""} == first | {"status": ""}
    assert [each["_id"] for each in ada.history(ben) if each.get("clientId") == client_id] == [first["_id"]]


def test_ten_posts_of_one_client_id_at_once_make_one_message(
    ada: Person, ben: Person, strict: Web, connect: Connect, mongo: Database[Any]
) -> None:
    client_id, socket = secrets.token_hex(8), connect(ben)

    def post(number: int) -> str:
        url = (ada.client.url, strict.client.url)[number % 4 == 0]
        body = {"receiverId": ben.id, "text": "at once", "clientId": client_id}
        response = requests.post(f"{url}/api/chat", json=body, headers={"x-api-key": ada.token}, timeout=TIMEOUT)
        assert response.status_code == 202
        return str(response.json()["_id"])

    with ThreadPoolExecutor(10) as pool:
        made = set(pool.map(post, range(10)))
    assert len(made) == 1
    last = ada.post(ben, "afterwards")["_id"]
    socket.wait_for_frame("application:messages", lambda data: data["_id"] == last)
    assert [each["_id"] for each in socket.messages() if each.get("clientId") == client_id] == [*made]
    assert [each["_id"] for each in ada.history(ben) if each.get("clientId") == client_id] == [*made]
    eventually(lambda: mongo.messages.count_documents({"_id": last}), "the archive")
    assert mongo.messages.count_documents({"senderId": ada.id, "clientId": client_id}) == 1


def test_a_client_id_is_unique_per_sender_only(ada: Person, ben: Person) -> None:
    client_id = secrets.token_hex(8)
    assert ada.post(ben, "mine", clientId=client_id)["_id"] != ben.post(ada, "mine", clientId=client_id)["_id"]


@pytest.mark.parametrize("client_id", ["a\0b", "a:b", "*", "---", "é", "😀", "{}", "\u202e"])
def test_any_text_of_64_characters_is_a_client_id(ada: Person, ben: Person, client_id: str) -> None:
    client_id = f"{secrets.token_hex(8)}{client_id}"
    first = ada.post(ben, "odd", clientId=client_id)
    assert first["clientId"] == client_id
    assert ada.post(ben, "odd", clientId=client_id)["_id"] == first["_id"]


def test_an_empty_client_id_counts_as_none_and_loses_no_message(ada: Person, ben: Person) -> None:
    for absent in ("", None):
        first, second = ada.post(ben, "one", clientId=absent), ada.post(ben, "two", clientId=absent)
        assert "clientId" not in first
        assert first["_id"] != second["_id"]
        assert [stored(ada, ben, each["_id"])["text"] for each in (first, second)] == ["one", "two"]


def test_a_client_id_of_65_characters_is_422(ada: Person, ben: Person) -> None:
    body = {"receiverId": ben.id, "text": "x", "clientId": "x" * 65}
    problem = check_problem(ada.request("POST", "/chat", json=body), 422)
    assert [error["field"] for error in problem["errors"]] == ["clientId"]


# --- Uploads


def test_an_upload_that_is_not_ones_own_is_404(ada: Person, ben: Person, eve: Person) -> None:
    theirs = eve.upload(recordings.silence(0.5))["audioFileUuid"]
    for upload in (theirs, theirs.upper(), "7c9e6679-7425-40de-944b-e07fc1f90ae7", "x", "..", "\0"):
        for more in ({}, {"text": "with a text"}, {"senderId": ada.id}):
            body = {"receiverId": ben.id, "audioFileId": upload, **more}
            check_problem(ada.request("POST", "/chat", json=body), 404)
    eve.post(ben, audioFileId=theirs)  # it is still hers


def test_claims_of_one_upload_at_once_make_one_message(ada: Person, ben: Person, eve: Person) -> None:
    upload = ada.upload(recordings.silence(0.5))["audioFileUuid"]

    def claim(number: int) -> requests.Response:
        body = {"receiverId": (ben, eve)[number % 2].id, "audioFileId": upload}
        headers = {"x-api-key": ada.token}
        return requests.post(f"{ada.client.url}/api/chat", json=body, headers=headers, timeout=TIMEOUT)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(claim, range(8)))
    assert {answer.status_code for answer in answers} == {202, 404}
    # Those who send the same to the same person before it is accepted are told of that message.
    assert len({answer.json()["_id"] for answer in answers if answer.status_code == 202}) == 1
    check_problem(ada.request("POST", "/chat", json={"receiverId": ben.id, "audioFileId": upload}), 404)


# --- Limits and a missing queue


def test_messages_per_person_are_limited(client: Client, strict: Web) -> None:
    sender, receiver = client.sign_up(), client.sign_up()
    there = strict.seen_by(sender)
    for _ in range(5):
        there.post(receiver, "hello")
    check_problem(there.request("POST", "/chat", json={"receiverId": receiver.id, "text": "too much"}), 429)
    strict.seen_by(receiver).post(sender, "others may go on")


def test_a_queue_that_cannot_take_it_is_503_and_nothing_was_accepted(
    ada: Person, ben: Person, crippled: Web, redis: Redis
) -> None:
    eventually(lambda: not redis.keys("chattergram:{m*}:accepted:waking"), "no drainer to be at work")
    body = {"receiverId": ben.id, "text": "will it arrive?", "clientId": secrets.token_hex(8)}
    there = crippled.seen_by(ada)
    check_problem(there.request("POST", "/chat", json=body), 503)
    logs = redis.keys("chattergram:{m*}:accepted")
    assert logs
    assert sum(redis.xlen(log) for log in logs) == 0
    message_id = ada.call("POST", "/chat", 202, json=body)["_id"]
    stored(ben, ada, message_id)
    assert [each["_id"] for each in ben.history(ada) if each["text"] == body["text"]] == [message_id]
