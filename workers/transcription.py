"""The tasks of the queue `transcription`, which is separate from `chat` so that speech never delays text."""

from celery import Task

from chat import queues
from chat.voice import attempts, turns
from workers.app import app, recogniser, stores
from workers.sending import Nudge
from workers.stopping import stopping

SWEEP_NUDGES = 20  # each task sends the next while anything is due, so a few are enough


def begin(message_id: str) -> None:
    """Has a voice message transcribed that was just stored, when its turn comes."""
    turns.note_origin(stores(), message_id)
    nudge()


def nudge_due() -> None:
    """Sends tasks if any voice message has an attempt due."""
    for _ in range(min(turns.due_count(stores()), SWEEP_NUDGES)):
        nudge()


@app.task(name=queues.TRANSCRIBE, bind=True)
def transcribe(self: Task, *_: str) -> None:  # during a deploy, the version before this one sends an argument
    """Makes one attempt to transcribe the next voice message in turn, and has the one after it taken."""
    if stopping():  # it may take longer than we have; the sweep will nudge another worker
        return
    taker = turns.Taker(self.request.hostname, self.request.id, app.conf.worker_concurrency)
    if attempts.transcribe_next(stores(), recogniser(), taker) and turns.due_count(stores()):
        nudge()


nudge = Nudge(transcribe)
