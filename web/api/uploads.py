"""Uploading recordings for messages to claim."""

from contextlib import ExitStack
from typing import Any

from flask import request
from flask_openapi3.blueprint import APIBlueprint

from chat import audio
from chat.errors import Invalid
from web import forms, schemas
from web.api.responses import AUDIO, PREFIX, SECURITY, responses
from web.auth import me
from web.bodies import takes_files
from web.services import services, stores

api = APIBlueprint("uploads", __name__, url_prefix=PREFIX, abp_tags=[AUDIO], abp_security=SECURITY)

MAX_FILES = 10
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"audio": {"type": "string", "format": "binary"}},
                    "required": ["audio"],
                }
            }
        },
    }
}


@api.post(
    "/upload",
    responses=responses(201, schemas.Uploaded, 400, 401, 413, 415, 507),
    openapi_extensions=_FORM,
)
@takes_files
def upload() -> tuple[dict[str, Any], int]:
    """Upload one or more recordings, under any field name"""
    size = request.content_length or services().settings.upload_max_bytes
    with audio.allowance.upload(stores(), me(), size) as allowed, ExitStack() as closing:
        files = forms.files(closing)
        if not 1 <= len(files) <= MAX_FILES:
            raise Invalid("audio", "file_count", most=MAX_FILES)
        saved = audio.save_all(stores(), me(), [_recording(file, closing) for file in files])
        allowed.stored = [(each.id, each.length) for each in saved]
    return {"files": [described(each) for each in saved]}, 201


def described(upload: audio.Upload) -> dict[str, Any]:
    """An upload as clients get it."""
    return {
        "audioFileUuid": upload.id,
        "audioFileName": upload.name,
        "audioFileMimetype": upload.mimetype,
        "duration": upload.duration,
        "peaks": upload.peaks,
    }


def _recording(part: forms.Part, closing: ExitStack) -> audio.NewRecording:
    target = closing.enter_context(forms.new_file())
    prepared = services().sandbox.prepare(part.file, target, services().settings.audio_max_seconds)
    return audio.NewRecording(target if prepared.converted else part.file, part.name, prepared)
