"""Tasks of the queue `transcription`, apart from `chat` so that speech never delays text."""

import structlog
from kombu.exceptions import OperationalError

from chat import queues, voice
from workers.app import app, recogniser, stores

log = structlog.get_logger(__name__)


@app.task(name=queues.TRANSCRIBE)
def transcribe(message_id: str) -> None:
    """Make an attempt at a voice message."""
    voice.transcribe(stores(), recogniser(), message_id)


def nudge(message_id: str) -> None:
    """Have an attempt made soon. With the broker away the sweep sees to it later."""
    try:
        transcribe.apply_async((message_id,), retry=False)
    except OperationalError as error:
        log.warning("transcription.not_nudged", message_id=message_id, error=str(error))
