"""What the calls of the tus protocol share: its version and extensions, metadata, and bodies that may break off.

tus 1.0.0 with the extensions creation, creation-defer-length, creation-with-upload, termination and expiration; see
https://tus.io/protocols/resumable-upload. `web/api/recordings.py` has the calls.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, get_args

from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import http_date

from chat import audio, ids
from chat.errors import Invalid, PreconditionFailed
from chat.messages import hinting
from chat.voice.recordings import Plan, Recording
from web import schemas
from web.services import services, stores

(VERSION,) = get_args(schemas.TusVersion)
EXTENSIONS = "creation,creation-defer-length,creation-with-upload,termination,expiration"
HEADERS = [
    *("Location", "Tus-Extension", "Tus-Max-Size", "Tus-Resumable", "Tus-Version", "Upload-Defer-Length"),
    *("Upload-Expires", "Upload-Length", "Upload-Metadata", "Upload-Offset"),
]
"""What scripts from other origins may read."""

READ_BYTES = 8 * 1024  # what a connection that breaks may take with it
PIECE_BYTES = 64 * 1024  # what is written at once

MAX_METADATA = 4_096  # characters of the header
MAX_VALUE = 256  # characters of one value
_METADATA = re.compile(r"[!-+\--~]+( [A-Za-z0-9+/]*={0,2})?(, ?[!-+\--~]+( [A-Za-z0-9+/]*={0,2})?)*")


def install(app: Flask) -> None:
    app.wsgi_app = _Overriding(app.wsgi_app)  # type: ignore[method-assign]


def check_version() -> None:
    """Raises PreconditionFailed for another version of the protocol. GET is not part of it."""
    if request.method in ("GET", "OPTIONS"):
        return
    if request.headers.get("Tus-Resumable") != VERSION:
        raise PreconditionFailed("tus_version", version=VERSION)


def introduce(response: Response) -> Response:
    """Says which tus this is."""
    response.headers["Tus-Resumable"] = VERSION
    if request.method == "OPTIONS":
        response.headers["Tus-Extension"] = EXTENSIONS
        response.headers["Tus-Max-Size"] = str(services().settings.upload_max_bytes)
    if request.method == "OPTIONS" or response.status_code == PreconditionFailed.status:
        response.headers["Tus-Version"] = VERSION
    return response


def plan(length: int | None, metadata: str) -> Plan:
    """What the headers of a creation say. Raises Invalid."""
    said = _parse(metadata)
    receiver = said.get("receiverId") or None
    if receiver is not None and not ids.is_id(receiver):
        raise _wrong_metadata()
    (language,) = hinting.clean([said.get("language", "")]) or ("",)
    share = said.get("share") == "true"
    return Plan(length, receiver, said.get("filetype", ""), said.get("filename", ""), language, share, metadata)


def describe(response: Response, recording: Recording) -> Response:
    """Adds the headers that say how far a recording is and when it expires."""
    response.headers["Upload-Offset"] = str(recording.offset)
    response.headers["Upload-Expires"] = http_date(recording.expires)
    return response


def describe_all(response: Response, recording: Recording) -> Response:
    """Adds what a client needs to go on with a recording that somebody else began."""
    if recording.length is None:
        response.headers["Upload-Defer-Length"] = "1"
    else:
        response.headers["Upload-Length"] = str(recording.length)
    if recording.metadata:
        response.headers["Upload-Metadata"] = recording.metadata
    return describe(response, recording)


def pieces() -> Iterator[bytes]:
    """Yields the request's body piece by piece, also what came before its connection broke.

    Raises:
        ClientDisconnected: it broke off, or came too slowly.
        TooLarge: it is larger than an upload may be.
    """
    waiting = bytearray()
    try:
        while data := request.stream.read(READ_BYTES):
            waiting += data
            if len(waiting) >= PIECE_BYTES:
                yield bytes(waiting)
                waiting.clear()
    except ClientDisconnected:
        if waiting:
            yield bytes(waiting)
        raise
    except RequestEntityTooLarge:  # it did not state its length beforehand
        raise audio.too_large(stores()) from None
    if waiting:
        yield bytes(waiting)


class _Overriding:
    """Takes the method from `X-HTTP-Method-Override`, as tus demands, for clients that can send only GET and POST."""

    methods = ("PATCH", "DELETE", "HEAD")

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        wanted = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
        is_ours = environ.get("PATH_INFO", "").startswith("/api/recordings/")
        if is_ours and wanted in self.methods and environ.get("REQUEST_METHOD") == "POST":
            environ["REQUEST_METHOD"] = wanted
        return self._inner(environ, start_response)


def _parse(metadata: str) -> dict[str, str]:
    """The values of `Upload-Metadata` by their keys. Raises Invalid."""
    if not metadata:
        return {}
    if len(metadata) > MAX_METADATA or not _METADATA.fullmatch(metadata):
        raise _wrong_metadata()
    found: dict[str, str] = {}
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        try:
            text = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise _wrong_metadata() from None
        if key in found or len(text) > MAX_VALUE:
            raise _wrong_metadata()
        found[key] = text
    return found


def _wrong_metadata() -> Invalid:
    return Invalid("Upload-Metadata", "metadata_wrong")
