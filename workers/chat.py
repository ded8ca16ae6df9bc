"""Tasks of the queue `chat`."""

from chat import queues
from chat.messages import draining
from workers.app import app, stores
from workers.sending import send
from workers.stopping import stopping
from workers.transcription import begin

DRAIN_SECONDS = 86_400  # as long as a broker may be away; one that hangs loses its lease in seconds, whatever this is


@app.task(name=queues.DRAIN, time_limit=DRAIN_SECONDS)
def drain() -> None:
    """Store and deliver what has been accepted."""
    while draining.drain(stores(), begin):
        # With the broker away nobody would come after us, while the web goes on accepting: so we stay.
        if send(drain) or stopping():
            return
