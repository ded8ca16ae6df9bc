"""What a request may carry: how much, of which type, and what becomes of a body nobody reads.

A limit holds before anything is read where the length is told, and while it is read where it is not.
"""

import contextlib
import socket
import time
from typing import Any

import orjson
from flask import Flask, Response, current_app, request
from flask.json.provider import JSONProvider
from werkzeug.exceptions import BadRequest, ClientDisconnected

from chat import audio, wire
from chat.errors import ChatError, Invalid, TooLarge, UnsupportedMedia
from chat.messages import sending
from web.client_socket import ClientSocket
from web.errors import refuse_repeated_parameter
from web.services import services, stores

MAX_JSON_BYTES = 128 * 1024  # a text of 4,000 characters, each written as two \uXXXX, and room to spare
CHARACTER_BYTES = 12  # at most: written as two \uXXXX
MULTIPART_ROOM = 64 * 1024  # for the boundaries and headers around the files
PIECE_TYPE = "application/offset+octet-stream"  # as tus names it
MAX_DRAINED_BYTES = 64 * 2**20
MAX_DRAIN_SECONDS = 5.0
DRAIN_PIECE = 64 * 1024
API = "/api/"
MAX_NAME = 64  # characters of a parameter's name that an error repeats
WITH_BODY = ("POST", "PATCH", "PUT", "DELETE")


class Json(JSONProvider):
    """orjson: fast, bounded in depth, and strict about Unicode."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return wire.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(wire.dumps(self._prepare_response_obj(args, kwargs)), content_type="application/json")


def takes_files(view: Any) -> Any:
    """Marks a view that reads a multipart form instead of JSON."""
    view.takes_files = True
    return view


def takes_pieces(view: Any) -> Any:
    """Marks a view that takes a piece of a recording, as tus sends it, instead of JSON."""
    view.takes_pieces = True
    return view


def takes_transcripts(view: Any) -> Any:
    """Marks a view that takes a text as long as a recording is."""
    view.takes_transcripts = True
    return view


def _max_json_bytes(view: Any) -> int:
    if not getattr(view, "takes_transcripts", False):
        return MAX_JSON_BYTES
    said = services().settings.audio_max_seconds * sending.CHARACTERS_A_SECOND
    return MAX_JSON_BYTES + CHARACTER_BYTES * int(said)


def bound() -> None:
    """Set the limit of this request. Raises TooLarge when it tells beforehand that it is larger."""
    view = current_app.view_functions.get(request.endpoint or "")
    files, pieces = getattr(view, "takes_files", False), getattr(view, "takes_pieces", False)
    most = services().settings.upload_max_bytes
    limit = most + MULTIPART_ROOM if files else most if pieces else _max_json_bytes(view)
    request.max_content_length = limit
    if (request.content_length or 0) > limit:
        raise audio.too_large(stores()) if files or pieces else _too_large(limit)


def _too_large(limit: int) -> TooLarge:
    return TooLarge("request_too_large", limit=limit)


def check() -> None:
    """Refuse a body of another type than the view takes, and what is no JSON object. Called once it is known who asks.

    Raises:
        ChatError: it is malformed.
        Invalid: it is JSON, but no object.
        TooLarge: it came in pieces that are too much together.
        UnsupportedMedia: it is something else.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method not in WITH_BODY or view is None or not request.path.startswith(API):
        return
    has_body = bool(request.content_length) or _is_chunked()
    if getattr(view, "takes_files", False):
        if request.mimetype != "multipart/form-data":
            raise UnsupportedMedia(sentence="send_multipart")
        return
    if getattr(view, "takes_pieces", False):
        if (has_body or request.method == "PATCH") and request.mimetype != PIECE_TYPE:
            raise UnsupportedMedia(sentence="send_pieces", type=PIECE_TYPE)
        return
    if has_body:
        _check_json()


def _check_json() -> None:
    """Raises what `check` raises."""
    if not request.is_json:
        raise UnsupportedMedia(sentence="send_json")
    # Werkzeug reads a body that does not tell its length up to the limit, and says nothing of what it leaves.
    limit = request.max_content_length or MAX_JSON_BYTES
    if _is_chunked() and len(request.get_data()) >= limit:
        raise _too_large(limit)
    try:
        body = request.get_json()
    except ClientDisconnected:
        raise
    except BadRequest:
        raise ChatError(sentence="malformed_json") from None
    if not isinstance(body, dict):  # flask-openapi3 would parse a text as JSON once more
        raise Invalid("body", "not_an_object")


def leave_no_rest(response: Response) -> Response:
    """End a connection whose large body nobody reads; the server would otherwise read all of it.

    Some of it is taken first, for a client that only looks for the answer after it has sent everything.
    """
    unread = response.status_code >= 400 or request.method not in WITH_BODY
    if unread and (_is_chunked() or (request.content_length or 0) > MAX_JSON_BYTES):
        connection: ClientSocket | None = request.environ.get("gunicorn.socket")
        if connection is not None:
            connection.end_with_response()
            response.call_on_close(lambda: _drain_and_end(connection))
    return response


def _is_chunked() -> bool:
    return "chunked" in request.headers.get("Transfer-Encoding", "").lower()


def _drain_and_end(connection: ClientSocket) -> None:
    with contextlib.suppress(OSError, EOFError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(MAX_DRAIN_SECONDS)
        until, taken = time.monotonic() + MAX_DRAIN_SECONDS, 0
        while taken < MAX_DRAINED_BYTES and time.monotonic() < until:
            piece = connection.recv(DRAIN_PIECE)
            if not piece:
                break
            taken += len(piece)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def refuse_repeated() -> None:
    """No call takes a list in its address. Raises BodyInvalid for a parameter that is there more than once."""
    if request.query_string and request.path.startswith(API):
        for name, values in request.args.lists():
            if len(values) > 1:
                refuse_repeated_parameter(name[:MAX_NAME])


def install(app: Flask) -> None:
    app.before_request(refuse_repeated)
    app.before_request(bound)
    app.after_request(leave_no_rest)
