"""Describes responses for the OpenAPI document: a helper for routes, and the errors many of them share."""

from http import HTTPStatus
from typing import Any

from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from web import tus
from web.errors import MEDIA_TYPE, code_of, title_of
from web.languages import english

PREFIX = "/api"
SECURITY: list[dict[str, list[str]]] = [{"apiKey": []}, {"bearer": []}]
SECURITY_SCHEMES: dict[str, Any] = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The token of signup or login."},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
ACCOUNTS = Tag(name="accounts", description="Sign-up, log-in and log-out")
PEOPLE = Tag(name="people", description="Profiles")
CHAT = Tag(name="chat", description="Messages and conversations")
PUSH = Tag(name="push", description="Notifications (Web Push) for people with no socket")
AUDIO = Tag(name="audio", description="Recordings")

Responses = dict[str | int | HTTPStatus, Any]


def responses(success: int, model: type[BaseModel] | dict[str, Any] | None, *errors: int) -> Responses:
    """The possible responses of a call: one success, and its problems; 422, 429 and 503 are always among them."""
    found: Responses = {success: model}
    refused = {401, 403} if 401 in errors else set()  # which of the two depends on the header with the token
    found.update({status: _problem(status) for status in sorted({*errors, *refused, 422, 429, 503})})
    return found


# An example for each status: the key of its sentence, and what fills it.
_EXAMPLES: dict[int, tuple[str, dict[str, int | str]]] = {
    400: ("malformed_json", {}),
    401: ("session_ended", {}),
    403: ("wrong_password", {}),
    404: ("no_such_person", {}),
    409: ("username_taken", {}),
    410: ("recording_gone", {}),
    412: ("tus_version", {"version": tus.VERSION}),
    413: ("request_too_large", {"limit": 131_072}),
    415: ("send_json", {}),
    416: ("status_416", {}),
    422: ("nothing_to_send", {}),
    429: ("too_many_messages", {}),
    503: ("store_unavailable", {}),
    507: ("no_room_for_recordings", {}),
}
_RETRY_AFTER = {"Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 1}}}


def _problem(status: int) -> dict[str, Any]:
    sentence, values = _EXAMPLES[status]
    title, detail = title_of(status, english()), english().say(sentence, **values)
    example: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    example |= {"message": detail, "code": code_of(status), "requestId": "9f86d081884c7d65"}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        example["errors"] = [{"field": "text", "message": detail}]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    described = {"description": title, "content": content}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        described["headers"] = _RETRY_AFTER
    return described
