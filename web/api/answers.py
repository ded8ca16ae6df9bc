"""What the OpenAPI document says of answers: a helper for routes, and the errors that many share."""

from http import HTTPStatus
from typing import Any

from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from web.errors import MEDIA_TYPE

PREFIX = "/api"
SECURITY: list[dict[str, list[str]]] = [{"apiKey": []}, {"bearer": []}]
SECURITY_SCHEMES: dict[str, Any] = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The token of signup or login."},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
ACCOUNTS = Tag(name="accounts", description="Signing up, in and out")
PEOPLE = Tag(name="people", description="Profiles")
CHAT = Tag(name="chat", description="Messages and conversations")
AUDIO = Tag(name="audio", description="Recordings")

Answers = dict[str | int | HTTPStatus, Any]


def answers(success: int, model: type[BaseModel] | dict[str, Any] | None, *errors: int) -> Answers:
    """The answers of a call: one success, and the problems it may have."""
    found: Answers = {success: model}
    found.update({status: _problem(status) for status in sorted({*errors, 422, 503})})
    return found


def _problem(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": HTTPStatus(status).phrase, "content": content}
