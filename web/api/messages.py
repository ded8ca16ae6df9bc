"""Sending messages, and editing, deleting and transcribing again one's own."""

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from chat.errors import Invalid
from chat.messages import editing, hinting, sending
from chat.messages.log import Draft
from chat.voice import requests
from web import schemas
from web.api.responses import CHAT, PREFIX, SECURITY, responses
from web.auth import checks_session, me, session
from web.bodies import takes_transcripts
from web.services import services, stores

api = APIBlueprint("messages", __name__, url_prefix=PREFIX, abp_tags=[CHAT], abp_security=SECURITY)


@api.post("/chat", responses=responses(202, schemas.Message, 400, 401, 403, 404, 413, 415))
@checks_session
@takes_transcripts
def send(body: schemas.NewMessage) -> tuple[Response, int]:
    """Send a text, or an upload as a voice message"""
    return jsonify(sending.accept(stores(), draft_of(body, me()), services().queue.wake_drainer, session())), 202


def draft_of(body: schemas.NewMessage, sender_id: str) -> Draft:
    """What somebody wants to send, over HTTP or a socket. Raises Invalid if it says it is from somebody else."""
    if body.sender_id is not None and body.sender_id != sender_id:
        raise Invalid("senderId", "sender_is_not_caller")
    languages = _languages(body.language) if body.audio_file_id else ()
    return Draft(sender_id, body.receiver_id, body.text or "", body.audio_file_id, body.client_id, languages=languages)


@api.patch("/chat/message/<messageId>", responses=responses(200, schemas.Message, 400, 401, 404, 413, 415))
@takes_transcripts
def edit(path: schemas.MessagePath, body: schemas.Correction) -> Response:
    """Correct a message's text, or a voice message's transcript"""
    return jsonify(editing.edit(stores(), me(), path.message_id, body.text))


@api.delete("/chat/message/<messageId>", responses=responses(204, None, 400, 401, 404, 413, 415))
def delete(path: schemas.MessagePath) -> Response:
    """Delete a message"""
    editing.delete(stores(), me(), path.message_id)
    return Response(status=204)


@api.post(
    "/chat/message/<messageId>/transcribe",
    responses=responses(202, schemas.Message, 400, 401, 404, 409, 413, 415),
)
def transcribe(path: schemas.MessagePath, body: schemas.TranscriptionRequest) -> tuple[Response, int]:
    """Have a voice message transcribed again; either of its two people may"""
    message = requests.transcribe_again(
        stores(),
        me(),
        path.message_id,
        body.language,
        services().queue.transcribe,
        overwrite=body.overwrite,
        hints=_languages(),
    )
    return jsonify(message), 202


def _languages(named: str | None = None) -> tuple[str, ...]:
    """What the caller probably speaks: what they name, then what their browser is set to."""
    return hinting.clean([*([named] if named else []), *request.accept_languages.values()])
