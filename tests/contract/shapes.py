"""Checks the shapes of the API's responses, field by field."""

import re
from typing import Any

import requests

CODE = re.compile(r"[a-z][a-z_]+[a-z]")
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

ME = {"_id", "email", "username", "bio"}
PERSON = {"_id", "username", "bio", "online", "lastSeen"}
MESSAGE = {"_id", "senderId", "receiverId", "dateSent", "text", "audioFileId", "status"}
OPTIONAL = {"clientId", "duration", "peaks", "confidence", "language", "words", "editedAt", "deletedAt"}
STATUSES = {"accepted", "transcribing", "untranscribed", "delivered", "read"}
HIT = {"type", "_id", "text", "partnerId", "dateSent", "audioFileId"}
PROBLEM = {"type", "title", "status", "detail", "message", "code", "requestId"}


def check_message(message: dict[str, Any]) -> None:
    assert MESSAGE <= message.keys() <= MESSAGE | OPTIONAL, message
    for name in ("_id", "senderId", "receiverId"):
        assert ULID.fullmatch(message[name]), message
    assert MOMENT.fullmatch(message["dateSent"]), message
    assert message["status"] in STATUSES, message
    assert isinstance(message["text"], str)
    assert message["audioFileId"] is None or UUID.fullmatch(message["audioFileId"]), message
    if "peaks" in message:
        assert message["duration"] > 0
        assert len(message["peaks"]) == 200
        assert set(message["peaks"]) <= set(range(256))
    for word in message.get("words", []):
        assert word.keys() >= {"word", "start", "end"}
        assert 0 <= word["start"] <= word["end"]
    for name in {"editedAt", "deletedAt"} & message.keys():
        assert MOMENT.fullmatch(message[name]), message


def check_problem(response: requests.Response, status: int) -> dict[str, Any]:
    """Checks that an error has the one shape of all errors and reveals nothing internal, and returns its document."""
    assert response.status_code == status, f"{response.status_code} instead of {status}: {response.text[:1000]}"
    check_problem_document(response.headers["Content-Type"], response.json(), status)
    if "X-Request-Id" in response.headers:
        assert response.headers["X-Request-Id"] == response.json()["requestId"]
    if status in (429, 503):
        assert int(response.headers["Retry-After"]) >= 1
    found: dict[str, Any] = response.json()
    return found


def check_problem_document(content_type: str, problem: dict[str, Any], status: int) -> None:
    assert content_type == "application/problem+json"
    assert PROBLEM <= problem.keys() <= PROBLEM | {"errors"}, problem
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["message"] == problem["detail"]
    assert CODE.fullmatch(problem["code"]), problem
    assert problem["requestId"]
    assert "Traceback" not in problem["detail"]
    assert ("errors" in problem) == (status == 422), problem
    for error in problem.get("errors", []):
        assert error.keys() == {"field", "message"}
        assert error["field"]
        assert error["message"]
