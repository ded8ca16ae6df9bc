"""Tasks of the queue `transcription`, apart from `chat` so that speech never delays text."""

import time

from celery import Task

from chat import queues
from chat.voice import attempts, turns
from workers.app import app, recogniser, stores
from workers.sending import send
from workers.stopping import stopping

NUDGE_PAUSE = 5.0  # seconds without nudges after one failed; the sweep comes as often
SWEEP_NUDGES = 20  # each goes on until nothing is due any more, so a few are enough


class Nudge:
    """Has attempts made soon. While the broker is away it is hardly asked: whoever drains has texts to deliver."""

    def __init__(self) -> None:
        self._again = 0.0

    def __call__(self) -> None:
        """What gets no nudge now gets one from the sweep."""
        if time.monotonic() >= self._again and not send(transcribe):
            self._again = time.monotonic() + NUDGE_PAUSE


nudge = Nudge()


def begin(message_id: str) -> None:
    """Have a voice message transcribed that has just been stored, when its turn comes."""
    turns.note_origin(stores(), message_id)
    nudge()


def nudge_due() -> None:
    """Have attempts made at whatever is due."""
    for _ in range(min(turns.due_count(stores()), SWEEP_NUDGES)):
        nudge()


@app.task(name=queues.TRANSCRIBE, bind=True)
def transcribe(self: Task, *_: str) -> None:  # a version that is being replaced may still send an argument
    """Make an attempt at the next voice message in turn, and have the one after it taken."""
    if stopping():  # it may take longer than we have; the sweep nudges those who stay
        return
    taker = turns.Taker(self.request.hostname, self.request.id, app.conf.worker_concurrency)
    if attempts.transcribe_next(stores(), recogniser(), taker) and turns.due_count(stores()):
        nudge()
