"""The tasks of the queue `transcription`, which is separate from `chat` so that speech never delays text."""

import threading

from celery import Task

from chat import queues
from chat.audio import heard
from chat.voice import attempts, following, leases, turns
from config.settings import get_settings
from workers.app import app, recogniser, stores
from workers.sending import Nudge, send
from workers.stopping import stopping

SWEEP_NUDGES = 20  # each task sends the next while anything is due, so a few are enough

# Each kind has threads of its own, so that people who speak for minutes do not keep messages waiting, nor the other way
# round. What computes is shared: the model takes one piece after another, whoever's it is.
_attempts = threading.BoundedSemaphore(get_settings().recordings_together)
_followers = threading.BoundedSemaphore(get_settings().followed_together)


def begin(message_id: str) -> None:
    """Has a voice message transcribed that was just stored, when its turn comes."""
    turns.note_origin(stores(), message_id)
    nudge()


def nudge_due() -> None:
    """Sends tasks if any voice message has an attempt due, or any recording has no follower."""
    for _ in range(min(turns.due_count(stores()), SWEEP_NUDGES)):
        nudge()
    for recording_id in leases.due(stores()):
        send(follow, recording_id)


@app.task(name=queues.TRANSCRIBE, bind=True)
def transcribe(self: Task, *_: str) -> None:  # during a deploy, the version before this one sends an argument
    """Makes one attempt to transcribe the next voice message in turn, and has the one after it taken."""
    if stopping():  # it may take longer than we have; the sweep will nudge another worker
        return
    if not _attempts.acquire(blocking=False):  # each of those nudges for the next one when it is done
        return
    try:
        taker = turns.Taker(self.request.hostname, self.request.id, get_settings().recordings_together)
        attempted = attempts.transcribe_next(stores(), recogniser(), taker)
    finally:
        _attempts.release()
    if attempted and turns.due_count(stores()):
        nudge()


@app.task(name=queues.FOLLOW)
def follow(recording_id: str) -> None:
    """Listens to a recording while it is made, if nobody does yet and there is room.

    Else the sweep finds somebody, until the recording is whole; then it is transcribed after sending.
    """
    if stopping():
        return
    if not _followers.acquire(blocking=False):
        if following.leave_unheard(stores(), recording_id):
            nudge()
        return
    try:
        outcome = following.follow(stores(), recogniser(), recording_id, stopping)
    finally:
        _followers.release()
    if outcome == leases.PASS:
        send(follow, recording_id)
    elif outcome == heard.LEFT:
        nudge()


nudge = Nudge(transcribe)
