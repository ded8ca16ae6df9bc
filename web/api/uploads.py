"""Uploading recordings for messages to claim."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flask import request
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.datastructures import FileStorage

from chat import audio
from chat.errors import Invalid
from web import schemas
from web.api.responses import AUDIO, PREFIX, SECURITY, responses
from web.auth import me
from web.bodies import takes_files
from web.services import off_loop, services, stores

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
    responses=responses(201, schemas.Uploaded, 400, 401, 413, 415),
    openapi_extensions=_FORM,
)
@takes_files
def upload() -> tuple[dict[str, Any], int]:
    """Upload one or more recordings, under any field name"""
    with ExitStack() as closing:
        files = [file for _, file in request.files.items(multi=True)]
        for file in files:
            closing.callback(file.close)
        if not 1 <= len(files) <= MAX_FILES:
            raise Invalid("audio", f"Send 1 to {MAX_FILES} files.")
        saved = audio.save_all(stores(), me(), [_recording(file) for file in files])
    return {"files": [described(each) for each in saved]}, 201


def described(upload: audio.Upload) -> dict[str, Any]:
    """An upload as clients get it."""
    return {
        "audioFileUuid": upload.id,
        "audioFileName": upload.name,
        "audioFileMimetype": upload.mimetype,
        "duration": upload.duration,
    }


def _recording(file: FileStorage) -> audio.NewRecording:
    stream: Any = file.stream
    stream.flush()
    probed = off_loop(audio.probe, Path(stream.name), services().settings.audio_max_seconds)
    stream.seek(0)
    return audio.NewRecording(stream, file.filename, probed)
