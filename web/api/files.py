"""Downloading recordings: whole as base64, as bytes with ranges, or by a signed link."""

import base64
import time
from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain
from typing import Any
from urllib.parse import quote

from flask import Response, request, url_for
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import is_resource_modified, quote_etag

from chat import audio, ids, wire
from chat.people import sessions
from web import rates, schemas
from web.api.responses import AUDIO, PREFIX, SECURITY, responses
from web.api.uploads import described
from web.auth import authenticate_now, me, session
from web.services import services, stores

api = APIBlueprint("files", __name__, url_prefix=PREFIX, abp_tags=[AUDIO], abp_security=SECURITY)

CACHED = "private, no-cache"  # kept, but asked for each time: a recording never changes, and may be deleted


@api.get("/file/<uuid>", responses=responses(200, schemas.File, 401, 404))
def get(path: schemas.FilePath) -> Response:
    """A recording as base64"""
    upload = audio.find(stores(), path.uuid, me())
    about = described(upload)
    del about["duration"], about["peaks"]
    head, tail = b'{"audioFile":"', b'",' + wire.dumps(about)[1:]
    encoded = map(base64.b64encode, prefetch(audio.stream(stores(), upload)))
    response = Response(chain([head], encoded, [tail]), content_type="application/json")
    response.content_length = len(head) + (upload.length + 2) // 3 * 4 + len(tail)
    response.headers["Cache-Control"] = "private, no-store"
    return response


_BYTES: dict[str, Any] = {"content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}}}


@api.get(
    "/file/<uuid>/content",
    responses=responses(200, _BYTES, 401, 404, 416) | {206: dict(_BYTES), 304: {"description": "Not modified"}},
    security=[*SECURITY, {}],  # none with a signed link
)
def content(
    path: schemas.FilePath,
    query: schemas.ContentQuery,
    header: schemas.ContentHeaders,  # noqa: ARG001 (for the OpenAPI document; Werkzeug reads them)
) -> Response:
    """A recording's bytes, or a range of them, by token or by signed link"""
    maker = audio.read_link(services().settings, path.uuid, query.token or "", time.time())
    if maker is not None and sessions.is_valid(stores(), *maker, rates.counted(maker.user_id)):
        return _ranged(audio.find(stores(), path.uuid, maker.user_id))
    authenticate_now()
    return _ranged(audio.find(stores(), path.uuid, me()))


@api.post("/file/<uuid>/link", responses=responses(200, schemas.Link, 400, 401, 404, 413, 415))
def link(path: schemas.FilePath) -> dict[str, Any]:
    """A temporary link from which an <audio> element can play"""
    upload = audio.find(stores(), path.uuid, me())
    own = session()
    maker = audio.Maker(own.user_id, own.token_id, own.issued_ms)
    token, expires = audio.sign(services().settings, upload.id, maker, own.expires, time.time())
    return {"url": url_for("files.content", uuid=upload.id, token=token), "expires": ids.timestamp(expires * 1_000)}


def _ranged(upload: audio.Upload) -> Response:
    response = Response(content_type=upload.mimetype)
    name = audio.download_name(upload.name, upload.mimetype)
    response.headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(name, safe='')}"
    response.headers["Cache-Control"] = CACHED
    response.headers["Accept-Ranges"] = "bytes"
    response.set_etag(upload.id)
    if not is_resource_modified(request.environ, etag=quote_etag(upload.id)):
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    part = _range(upload)
    start, stop = part or (0, upload.length)
    if part is not None:  # even for the whole file from byte 0: browsers conclude from a 206 that they can seek
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{upload.length}"
    response.response = prefetch(audio.stream(stores(), upload, start, stop))
    response.content_length = stop - start
    return response


def prefetch(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Fetches the first piece now, while a missing recording or MongoDB can still become an error response."""
    return chain([next(pieces, b"")], pieces)


def _range(upload: audio.Upload) -> tuple[int, int] | None:
    """The requested bytes, or None for all of them. Several ranges at once get the whole, as RFC 9110 allows."""
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or not _unchanged(upload):
        return None
    start, stop = asked.ranges[0]
    start = max(0, upload.length + start) if start < 0 else start  # a suffix range: the last n bytes, or all of them
    stop = upload.length if stop is None else min(stop, upload.length)
    if start >= stop:
        raise RequestedRangeNotSatisfiable(upload.length)
    return start, stop


def _unchanged(upload: audio.Upload) -> bool:
    if_range = request.if_range
    return if_range.date is None and if_range.etag in (None, upload.id)
