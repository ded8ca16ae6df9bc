"""Recordings that travel while they are made, by tus 1.0; complete, they are uploads for messages to claim."""

from collections.abc import Iterator
from typing import Any

from flask import Response, jsonify, request, url_for
from flask_openapi3.blueprint import APIBlueprint

from chat import audio, ids
from chat.audio import heard
from chat.audio.heard import Heard
from chat.errors import Conflict
from chat.voice import recordings
from chat.voice.recordings import Piece, Recording
from web import forms, schemas, tus
from web.api.files import prefetch
from web.api.responses import AUDIO, PREFIX, SECURITY, responses
from web.auth import me, read, reads
from web.bodies import PIECE_TYPE, takes_pieces
from web.services import services, stores

api = APIBlueprint("recordings", __name__, url_prefix=PREFIX, abp_tags=[AUDIO], abp_security=SECURITY)
api.before_request(tus.check_version)
api.after_request(tus.introduce)

_OCTETS: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_PIECE = {"requestBody": {"content": {PIECE_TYPE: _OCTETS}}}
_CREATED: dict[str, Any] = {"headers": {"Location": {"schema": {"type": "string"}, "description": "its address"}}}
_GROWN: dict[str, Any] = {
    "headers": {
        "Upload-Offset": {"schema": {"type": "integer"}, "description": "bytes that have come"},
        "Upload-Expires": {"schema": {"type": "string"}, "description": "when it is deleted if nobody goes on"},
    }
}


def _own(path: schemas.RecordingPath) -> Recording:
    """The recording of this call, which its view `reads` by `recordings.ask`. Raises NotFound and Gone."""
    return recordings.own(path.uuid, me(), read())


@api.get("/recordings", responses=responses(200, schemas.Recordings, 401))
def list_unfinished() -> Response:
    """Your recordings that were neither sent nor discarded, oldest first"""
    own = recordings.of_owner(stores(), me())
    found = heard.read_all(stores(), [recording.id for recording in own])
    return jsonify([_described(*each) for each in zip(own, found, strict=True)])


@api.post(
    "/recordings",
    responses=responses(201, _CREATED, 400, 401, 404, 412, 413, 415, 507),
    openapi_extensions=_PIECE,
)
@takes_pieces
def create(header: schemas.CreationHeaders) -> Response:
    """Begin a recording (tus); its first piece may come along"""
    plan = tus.plan(header.upload_length, header.upload_metadata or "")
    recording = recordings.create(stores(), me(), plan)
    response = Response(status=201)
    response.headers["Location"] = url_for("recordings.get", uuid=recording.id)
    return tus.describe(response, _grown(recording, Piece(0)))


@api.get(
    "/recordings/<uuid>",
    responses=responses(200, {"content": {"application/octet-stream": _OCTETS}}, 401, 404, 410, 412),
)
@reads(recordings.ask)
def get(path: schemas.RecordingPath) -> Response:
    """What has come of a recording; HEAD tells how much (tus)"""
    recording = _own(path)
    if request.method == "HEAD":
        return tus.describe_all(Response(), _completed(recording))
    response = Response(prefetch(_content(recording)), content_type="application/octet-stream")
    return tus.describe_all(response, recording)


@api.patch(
    "/recordings/<uuid>",
    responses=responses(204, _GROWN, 400, 401, 404, 409, 410, 412, 413, 415, 507),
    openapi_extensions=_PIECE,
)
@takes_pieces
@reads(recordings.ask)
def append(path: schemas.RecordingPath, header: schemas.PieceHeaders) -> Response:
    """Append a piece to a recording (tus); with the last one goes `Upload-Length`, if it was not known before"""
    recording = _own(path)
    last = Piece(header.upload_offset, b"", header.upload_length, header.pause == "true", header.cut_at)
    return tus.describe(Response(status=204), _grown(recording, last))


@api.delete("/recordings/<uuid>", responses=responses(204, None, 400, 401, 404, 410, 412, 413, 415))
@reads(recordings.ask)
def discard(path: schemas.RecordingPath) -> Response:
    """Discard a recording (tus), whether it is complete or not; a message that has it keeps it"""
    recordings.discard(stores(), _own(path))
    return Response(status=204)


def _grown(recording: Recording, last: Piece) -> Recording:
    """Appends the request's body, and what `last` says of its end.

    Raises what `recordings.append` and `recordings.complete` raise.
    """
    if last.offset != recording.offset:  # before anything is read
        raise Conflict("wrong_offset", offset=recording.offset)
    if last.offset + (request.content_length or 0) > services().settings.upload_max_bytes:
        raise audio.too_large(stores())
    follow = services().queue.follow
    for content in tus.pieces():
        recording = recordings.append(stores(), recording, Piece(recording.offset, content), follow)
    if last != Piece(last.offset):
        recording = recordings.append(stores(), recording, last._replace(offset=recording.offset), follow)
    return _completed(recording)


def _completed(recording: Recording) -> Recording:
    """Stores a recording that is whole, whether its last piece has just come or a process died before it was stored."""
    with forms.disk():
        return recordings.complete(stores(), services().sandbox, recording, forms.new_file)


def _content(recording: Recording) -> Iterator[bytes]:
    if recording.stored:
        return audio.stream(stores(), audio.find(stores(), recording.id, recording.owner))
    return recordings.stream(stores(), recording)


def _described(recording: Recording, found: Heard | None) -> dict[str, Any]:
    """A recording as clients get it, with the words that were heard of it."""
    words = found or Heard()
    return {
        "_id": recording.id,
        "receiverId": recording.receiver,
        "type": recording.type,
        "offset": recording.offset,
        "complete": recording.stored,
        "started": ids.timestamp(recording.started),
        "seconds": words.seconds,
        "text": words.text,
        "words": words.words,
        "settled": words.settled,
    }
