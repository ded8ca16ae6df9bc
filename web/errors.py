"""Turns every error, whatever its origin, into the one error shape: `application/problem+json` (RFC 9457)."""

import secrets
import socket
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NoReturn

import structlog
from flask import Flask, Response, g, request
from gunicorn import util
from gunicorn.http.errors import ParseException
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from redis import RedisError
from werkzeug.exceptions import BadRequest, ClientDisconnected, HTTPException, RequestTimeout

from chat.errors import ChatError, Invalid, TooMany, Unavailable
from chat.wire import dumps

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5  # for clients whose requests are refused without being read
MAX_ERRORS = 20  # fields named in one response
STORE_AWAY = Unavailable("A part of the service is unavailable. Try again in a moment.", code="store_unavailable")


class BodyInvalid(ChatError):
    """The request does not match its schema; `errors` names the fields."""

    status = 422
    title = "Unprocessable content"
    code = "invalid"

    def __init__(self, errors: Sequence[dict[str, str]]) -> None:
        first = errors[0]
        super().__init__(f"{first['field']}: {first['message']}", errors=list(errors))


def refuse_invalid(error: ValidationError) -> NoReturn:
    """Turns pydantic's errors into ours, which never repeat what was sent (it may be a password)."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    fields = [
        {"field": ".".join(map(str, each["loc"])) or _whole(), "message": each["msg"]} for each in found[:MAX_ERRORS]
    ]
    raise BodyInvalid(fields)


def _whole() -> str:
    return "query" if request.method in ("GET", "HEAD") else "body"


def problem(error: ChatError) -> Response:
    """The response for an error of the domain or of the web layer."""
    document = _document(error.title, error.status, error.detail, error.code, g.get("request_id", "")) | error.extra
    if isinstance(error, Invalid):
        document["errors"] = [{"field": error.field, "message": error.detail}]
    response = Response(dumps(document), error.status, content_type=MEDIA_TYPE)
    if isinstance(error, TooMany | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def title_of(status: int) -> str:
    """The title of a problem: one per status, wherever the error comes from."""
    return _TITLES.get(status) or HTTPStatus(status).phrase.capitalize()


def code_of(status: int) -> str:
    """The code of a problem that has none of its own."""
    return _CODES.get(status) or HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")


def _document(title: str, status: int, detail: str, code: str, request_id: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "message": detail,
        "code": code,
        "requestId": request_id,
    }


def refuse(error: HTTPException) -> Response:
    """The response for what Flask and Werkzeug refuse: unknown paths, wrong methods, bodies that are too large."""
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:  # a redirect
        return Response(*_plain(error))
    status = HTTPStatus(error.code)
    detail = _DETAILS.get(error.code) or error.description or status.phrase
    refusal = ChatError(detail, code=code_of(status.value))
    refusal.status, refusal.title = status.value, title_of(status.value)
    response = problem(refusal)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


_KINDS: list[type[ChatError]] = [ChatError, *ChatError.__subclasses__()]
_TITLES = {kind.status: kind.title for kind in _KINDS}
_CODES = {kind.status: kind.code for kind in _KINDS}
_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not support that method.",
    413: "The request is too large.",
}


def _plain(error: HTTPException) -> tuple[Any, int | None, Any]:
    plain = error.get_response()
    return plain.get_data(), error.code, plain.headers


def _store_away(error: Exception) -> Response:
    log.warning("store.away", error=type(error).__name__, path=request.path)
    return problem(STORE_AWAY)


def _unreadable(_: Exception) -> Response:
    return refuse(BadRequest("The body is not well-formed HTTP."))


def _cut_short(error: ClientDisconnected) -> Response:
    """The response for a body that ended early: it took too long, or the client has disconnected."""
    connection = request.environ.get("gunicorn.socket")
    if getattr(connection, "late", False):
        response = refuse(RequestTimeout("The request took too long to arrive."))
        response.headers["Connection"] = "close"
        return response
    return refuse(error)


def _unexpected(error: Exception) -> Response:
    log.error("request.failed", path=request.path, exc_info=error)
    failure = ChatError("Something went wrong on our side. It has been logged.", code=code_of(500))
    failure.status, failure.title = 500, title_of(500)
    return problem(failure)


def _write_refusal(connection: socket.socket, status: int, reason: str, message: str) -> None:
    """Responds to requests that are not HTTP or whose address is too long: gunicorn refuses them before Flask."""
    body = dumps(_document(title_of(status), status, message or reason, code_of(status), secrets.token_hex(8)))
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {MEDIA_TYPE}\r\n"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        head += f"Retry-After: {RETRY_SECONDS}\r\n"
    util.write_nonblock(connection, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def install(app: Flask) -> None:
    util.write_error = _write_refusal  # gunicorn has no setting for it
    app.register_error_handler(ChatError, problem)
    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(ClientDisconnected, _cut_short)
    app.register_error_handler(ParseException, _unreadable)
    app.register_error_handler(RedisError, _store_away)
    app.register_error_handler(PyMongoError, _store_away)
    app.register_error_handler(Exception, _unexpected)
