"""Tasks of the queue `chat`."""

from chat import accepted, queues
from workers.app import app, stores
from workers.transcription import nudge


@app.task(name=queues.DRAIN)
def drain() -> None:
    """Store and deliver what has been accepted."""
    if accepted.drain(stores(), nudge):
        drain.delay()
