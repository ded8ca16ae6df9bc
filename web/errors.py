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
from pydantic_core import ErrorDetails
from pymongo.errors import PyMongoError
from redis import RedisError
from werkzeug.exceptions import ClientDisconnected, HTTPException

from chat.errors import ChatError, Invalid, TooMany, Unavailable
from chat.wire import dumps
from web import languages
from web.client_socket import ClientSocket
from web.languages import Language

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5  # for clients whose requests are refused without being read
MAX_ERRORS = 20  # fields named in one response
STORE_AWAY = Unavailable("store_unavailable")
SENTENCE_OF_STATUS = "status_{}"
SENTENCE_OF_TITLE = "title_{}"
SENTENCE_OF_FIELD = "field_{}"


class BodyInvalid(ChatError):
    """The request does not match its schema; `errors` names the fields."""

    status = 422
    code = "invalid"

    def __init__(self, errors: Sequence[dict[str, str]]) -> None:
        super().__init__(sentence="field_wrong", **errors[0])
        self.errors = list(errors)


def refuse_invalid(error: ValidationError) -> NoReturn:
    """Turns pydantic's errors into ours, which never repeat what was sent (it may be a password)."""
    found = error.errors(include_url=False, include_input=False)
    fields = [{"field": ".".join(map(str, each["loc"])) or _whole(), "message": _fault(each)} for each in found]
    raise BodyInvalid(fields[:MAX_ERRORS])


def refuse_repeated_parameter(name: str) -> NoReturn:
    """Refuses a parameter that is there more than once: nobody could know which one counts."""
    raise BodyInvalid([{"field": name, "message": languages.current().say(SENTENCE_OF_FIELD.format("repeated"))}])


def _fault(error: ErrorDetails) -> str:
    """What is wrong with a field: a sentence for each kind of thing that our schemas check, and one for all others."""
    language = languages.current()
    key = SENTENCE_OF_FIELD.format(error["type"])
    values = {name: value for name, value in error.get("ctx", {}).items() if isinstance(value, str | int | float)}
    return language.say(key if key in language.sentences else SENTENCE_OF_FIELD.format("invalid"), **values)


def _whole() -> str:
    return "query" if request.method in ("GET", "HEAD") else "body"


def problem(error: ChatError) -> Response:
    """The response for an error of the domain or of the web layer."""
    response = Response(dumps(document(error, g.get("request_id", ""))), error.status, content_type=MEDIA_TYPE)
    response.content_language.add(languages.current().tag)
    response.vary.add("Accept-Language")
    if isinstance(error, TooMany | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def document(error: ChatError, request_id: str) -> dict[str, Any]:
    """A problem as JSON has it, in the language of the current request; for a socket, that of its handshake."""
    problem = _document(error, languages.current(), request_id)
    if isinstance(error, Invalid):
        problem["errors"] = [{"field": error.field, "message": problem["detail"]}]
    if isinstance(error, BodyInvalid):
        problem["errors"] = error.errors
    return problem


def title_of(status: int, language: Language) -> str:
    """The title of a problem: one per status, wherever the error comes from."""
    key = SENTENCE_OF_TITLE.format(status)
    return language.say(key) if key in language.sentences else HTTPStatus(status).phrase.capitalize()


def code_of(status: int) -> str:
    """The code of a problem that has none of its own."""
    return _CODES.get(status) or HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")


def _document(error: ChatError, language: Language, request_id: str) -> dict[str, Any]:
    detail = language.say(error.sentence, **error.values)
    return {
        "type": "about:blank",
        "title": title_of(error.status, language),
        "status": error.status,
        "detail": detail,
        "message": detail,
        "code": error.code,
        "requestId": request_id,
    }


def _of_status(status: int, sentence: str = "") -> ChatError:
    """The error for a status that is no error of ours. Statuses that nothing here gives have one sentence for all."""
    own = SENTENCE_OF_STATUS.format(status)
    known = own if own in languages.english().sentences else SENTENCE_OF_STATUS.format("other")
    error = ChatError(code_of(status), sentence=sentence or known)
    error.status = status
    return error


def refuse(error: HTTPException) -> Response:
    """The response for what Flask and Werkzeug refuse: unknown paths, wrong methods, bodies that are too large."""
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:  # a redirect
        return Response(*_plain(error))
    response = problem(_of_status(error.code))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


_KINDS: list[type[ChatError]] = [ChatError, *ChatError.__subclasses__()]
_CODES = {kind.status: kind.code for kind in _KINDS}


def _plain(error: HTTPException) -> tuple[Any, int | None, Any]:
    plain = error.get_response()
    return plain.get_data(), error.code, plain.headers


def _store_away(error: Exception) -> Response:
    log.warning("store.away", error=type(error).__name__, path=request.path)
    return problem(STORE_AWAY)


def _unreadable(_: Exception) -> Response:
    return problem(ChatError(sentence="malformed_http"))


def _cut_short(error: ClientDisconnected) -> Response:
    """The response for a body that ended early: it took too long, or the client has disconnected."""
    connection: ClientSocket | None = request.environ.get("gunicorn.socket")
    if connection is not None and connection.late:
        connection.end_with_response()
        return problem(_of_status(HTTPStatus.REQUEST_TIMEOUT))
    return refuse(error)


def _unexpected(error: Exception) -> Response:
    log.error("request.failed", path=request.path, exc_info=error)
    return problem(_of_status(HTTPStatus.INTERNAL_SERVER_ERROR))


def _write_refusal(connection: socket.socket, status: int, reason: str, _: str) -> None:
    """Responds to requests that are not HTTP or whose address is too long: gunicorn refuses them before Flask.

    In English, since such a request states no language that one could read.
    """
    body = dumps(_document(_of_status(status), languages.english(), secrets.token_hex(8)))
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
