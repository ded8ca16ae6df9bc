"""Tasks of the queue `transcription`, apart from `chat` so that speech never delays text."""

import time

from chat import queues
from chat.voice import attempts
from workers.app import app, recogniser, stores
from workers.sending import send
from workers.stopping import stopping

NUDGE_PAUSE = 5.0  # seconds without nudges after one failed; the sweep comes as often


class Nudge:
    """Has attempts made soon. While the broker is away it is hardly asked: whoever drains has texts to deliver."""

    def __init__(self) -> None:
        self._again = 0.0

    def __call__(self, message_id: str) -> None:
        """What gets no nudge now gets one from the sweep."""
        if time.monotonic() >= self._again and not send(transcribe, message_id):
            self._again = time.monotonic() + NUDGE_PAUSE


nudge = Nudge()


def nudge_due() -> None:
    """Have attempts made at whatever is due."""
    for message_id in attempts.due(stores()):
        nudge(message_id)


@app.task(name=queues.TRANSCRIBE)
def transcribe(message_id: str) -> None:
    """Make an attempt at a voice message."""
    if stopping():  # it may take longer than we have; the sweep nudges those who stay
        return
    if attempts.transcribe(stores(), recogniser(), message_id):
        nudge_due()
