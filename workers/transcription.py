"""The tasks of the queue `transcription`, which is separate from `chat` so that speech never delays text."""

import time

from chat import queues
from chat.voice import attempts
from workers.app import app, recogniser, stores
from workers.sending import send
from workers.stopping import stopping

NUDGE_PAUSE = 5.0  # seconds without nudges after one failed; the sweep runs as often


class Nudge:
    """Sends transcription tasks. Backs off while the broker is away, since the caller has texts to deliver."""

    def __init__(self) -> None:
        self._again = 0.0

    def __call__(self, message_id: str) -> None:
        """Sends the task for a message, unless backing off; then the sweep will send it."""
        if time.monotonic() >= self._again and not send(transcribe, message_id):
            self._again = time.monotonic() + NUDGE_PAUSE


nudge = Nudge()


def nudge_due() -> None:
    """Sends tasks for all voice messages with an attempt due."""
    for message_id in attempts.due(stores()):
        nudge(message_id)


@app.task(name=queues.TRANSCRIBE)
def transcribe(message_id: str) -> None:
    """Makes one attempt to transcribe a voice message."""
    if stopping():  # it may take longer than we have; the sweep will nudge another worker
        return
    if attempts.transcribe(stores(), recogniser(), message_id):
        nudge_due()
