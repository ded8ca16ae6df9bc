"""The one shape of errors: `application/problem+json` (RFC 9457), whatever went wrong and wherever."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NoReturn

import structlog
from flask import Flask, Response, g, request
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from redis import RedisError
from werkzeug.exceptions import HTTPException

from chat.errors import ChatError, Invalid, TooMany, Unavailable
from chat.wire import dumps

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
ERRORS_MOST = 20  # fields named in one answer
STORE_AWAY = Unavailable("A part of the service is away. Try again in a moment.")


class BodyInvalid(ChatError):
    """The request does not fit its model; `errors` names the fields."""

    status = 422
    title = "Unprocessable content"

    def __init__(self, errors: Sequence[dict[str, str]]) -> None:
        first = errors[0]
        super().__init__(f"{first['field']}: {first['message']}", errors=list(errors))


def refuse_invalid(error: ValidationError) -> NoReturn:
    """Turns pydantic's findings into ours, which never repeat what was sent (it may be a password)."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    fields = [
        {"field": ".".join(map(str, each["loc"])) or "body", "message": each["msg"]} for each in found[:ERRORS_MOST]
    ]
    raise BodyInvalid(fields)


def problem(error: ChatError) -> Response:
    """The answer that says what the domain, or the web, refused."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "message": error.detail,
        "requestId": g.get("request_id", ""),
        **error.extra,
    }
    if isinstance(error, Invalid):
        document["errors"] = [{"field": error.field, "message": error.detail}]
    response = Response(dumps(document), error.status, content_type=MEDIA_TYPE)
    if isinstance(error, TooMany | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http(error: HTTPException) -> Response:
    """What Flask and Werkzeug refuse: unknown paths, wrong methods, bodies too large."""
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:  # a redirect
        return Response(*_plain(error))
    status = HTTPStatus(error.code)
    refusal = ChatError(_DETAILS.get(error.code) or error.description or status.phrase)
    refusal.status, refusal.title = status.value, status.phrase
    response = problem(refusal)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The request is larger than it may be.",
}


def _plain(error: HTTPException) -> tuple[Any, int | None, Any]:
    plain = error.get_response()
    return plain.get_data(), error.code, plain.headers


def _store_away(error: Exception) -> Response:
    log.warning("store.away", error=type(error).__name__, path=request.path)
    return problem(STORE_AWAY)


def _unexpected(error: Exception) -> Response:
    log.error("request.failed", path=request.path, exc_info=error)
    failure = ChatError("Something went wrong here. It has been noted.")
    failure.status, failure.title = 500, HTTPStatus.INTERNAL_SERVER_ERROR.phrase
    return problem(failure)


def install(app: Flask) -> None:
    app.register_error_handler(ChatError, problem)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(RedisError, _store_away)
    app.register_error_handler(PyMongoError, _store_away)
    app.register_error_handler(Exception, _unexpected)
