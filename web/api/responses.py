"""Describes responses for the OpenAPI document: a helper for routes, and the errors many of them share."""

from http import HTTPStatus
from typing import Any

from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from web.errors import MEDIA_TYPE, code_of, title_of

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


_DETAILS = {
    400: "The body is not well-formed JSON.",
    401: "The token is missing, wrong, expired or revoked. Log in again.",
    403: "The current password is wrong.",
    404: "There is no such person.",
    409: "That username is taken.",
    413: "The request may have at most 131072 bytes.",
    415: "Send JSON, with the header Content-Type: application/json.",
    416: "The requested range cannot be served.",
    422: "There is nothing to send: give text or audioFileId.",
    429: "Too many messages. Wait a moment.",
    503: "A part of the service is unavailable. Try again in a moment.",
    507: "There is no room for recordings at the moment. Try again later.",
}
_RETRY_AFTER = {"Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 1}}}


def _problem(status: int) -> dict[str, Any]:
    detail = _DETAILS[status]
    example: dict[str, Any] = {"type": "about:blank", "title": title_of(status), "status": status, "detail": detail}
    example |= {"message": detail, "code": code_of(status), "requestId": "9f86d081884c7d65"}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        example["errors"] = [{"field": "text", "message": detail}]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    described = {"description": title_of(status), "content": content}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        described["headers"] = _RETRY_AFTER
    return described
