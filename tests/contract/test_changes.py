"""A sender's changes to messages: corrections and deletions."""

import secrets
from typing import Any

import pytest
from pymongo.database import Database

from tests.client import Person
from tests.contract.conftest import Connect, eventually, stored
from tests.contract.shapes import check_message, check_problem

# --- Correcting


def test_a_correction_is_200_and_both_are_told(ada: Person, ben: Person, connect: Connect) -> None:
    message = ada.post(ben, "godo morning")
    sockets = [connect(ada), connect(ben)]
    corrected = ada.call("PATCH", f"/chat/message/{message['_id']}", json={"text": "good morning"})
    check_message(corrected)
    assert corrected["text"] == "good morning"
    assert corrected["editedAt"] >= message["dateSent"]
    for socket in sockets:
        frame = socket.wait_for_frame("application:status", lambda data: data["status"] == "edited")
        assert frame["_id"] == message["_id"]
        assert frame["text"] == "good morning"
        assert frame["editedAt"] == corrected["editedAt"]
    for person, partner in ((ada, ben), (ben, ada)):
        assert stored(person, partner, message["_id"]) == corrected


@pytest.mark.parametrize(("text", "field"), [("", "text"), ("  \n", "text"), ("x" * 4_001, "text"), (None, "text")])
def test_a_correction_that_leaves_nothing_or_too_much_is_422(
    ada: Person, ben: Person, text: str | None, field: str
) -> None:
    message = ada.post(ben, "as it was")
    problem = check_problem(ada.request("PATCH", f"/chat/message/{message['_id']}", json={"text": text}), 422)
    assert [error["field"] for error in problem["errors"]] == [field]
    check_problem(ada.request("PATCH", f"/chat/message/{message['_id']}", json={}), 422)
    assert stored(ada, ben, message["_id"])["text"] == "as it was"


def test_only_its_sender_may_change_a_message(ada: Person, ben: Person, eve: Person) -> None:
    message = ada.post(ben, "mine alone")
    for other in (ben, eve):
        check_problem(other.request("PATCH", f"/chat/message/{message['_id']}", json={"text": "theirs"}), 404)
        check_problem(other.request("DELETE", f"/chat/message/{message['_id']}"), 404)
    assert stored(ben, ada, message["_id"])["text"] == "mine alone"


# --- Deleting


def test_a_deleted_message_leaves_a_tombstone_and_nothing_else(
    ada: Person, ben: Person, connect: Connect, mongo: Database[Any]
) -> None:
    word = f"word{secrets.token_hex(6)}"
    message = ada.post(ben, f"{word} was a mistake")
    stored(ben, ada, message["_id"])
    unread = ben.get("/conversations")[0]["unread"]
    sockets = [connect(ada), connect(ben)]
    response = ada.request("DELETE", f"/chat/message/{message['_id']}")
    assert (response.status_code, response.content) == (204, b"")
    for socket in sockets:
        frame = socket.wait_for_frame("application:status", lambda data: data["status"] == "deleted")
        assert frame["_id"] == message["_id"]
        assert word not in str(frame)
    for person, partner in ((ada, ben), (ben, ada)):
        tombstone = stored(person, partner, message["_id"])
        check_message(tombstone)
        assert (tombstone["text"], tombstone["audioFileId"]) == ("", None)
        assert tombstone["deletedAt"]
        assert person.get("/search", q=word) == []
    assert ben.get("/conversations")[0]["unread"] == unread - 1
    for call, body in (("PATCH", {"text": "again"}), ("DELETE", None)):
        check_problem(ada.request(call, f"/chat/message/{message['_id']}", json=body), 404)
    eventually(lambda: mongo.messages.count_documents({"_id": message["_id"], "text": ""}), "the archive", 30)
    assert word not in str(mongo.messages.find_one({"_id": message["_id"]}))


def test_a_message_can_be_changed_the_moment_it_was_accepted(ada: Person, ben: Person) -> None:
    for _ in range(10):
        message = ada.post(ben, "too fast")
        ada.call("DELETE", f"/chat/message/{message['_id']}", 204)
        assert "deletedAt" in stored(ben, ada, message["_id"])


def test_a_text_message_cannot_be_transcribed(ada: Person, ben: Person) -> None:
    message = ada.post(ben, "no audio here")
    stored(ada, ben, message["_id"])
    check_problem(ada.request("POST", f"/chat/message/{message['_id']}/transcribe", json={}), 422)
