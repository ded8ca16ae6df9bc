"""The periodic tasks. They run in the workers of the queue `chat`; beat only sends them."""

from chat import audio, queues
from chat.messages import draining
from chat.people import presence
from chat.store import counters
from chat.upkeep import erasure, sync
from workers.app import app, stores
from workers.messages import drain
from workers.sending import send
from workers.transcription import nudge_due


@app.task(name=queues.SWEEP)
def sweep() -> None:
    """Pick up what a lost task or a dead process has left."""
    if draining.waiting(stores()):
        send(drain)
    nudge_due()
    presence.sweep(stores())


@app.task(name=queues.SYNC)
def synchronise() -> None:
    """One bounded round of the sync; it goes on at once while there is more."""
    if sync.run(stores()):
        send(synchronise)


@app.task(name=queues.AGE)
def age() -> None:
    """Take what has left the hot window out of Redis."""
    counters.count("messages_aged", by=sync.age(stores()))


@app.task(name=queues.ERASE)
def erase() -> None:
    """One bounded round of erasing what people have left behind; it goes on at once while there is more."""
    if erasure.run(stores()):
        send(erase)


@app.task(name=queues.UPLOADS)
def sweep_uploads() -> None:
    """Delete uploads that no message claims."""
    audio.sweep_unclaimed(stores())
