"""The tasks that run by the clock, see `beat.schedule`: beat sends them, workers of the queue `chat` run them."""

from chat import audio, queues
from chat.messages import log as accepted_log
from chat.people import presence
from chat.store import counters
from chat.upkeep import ageing, erasure, sync
from workers.app import app, stores
from workers.chat import drain
from workers.sending import send
from workers.transcription import nudge_due


@app.task(name=queues.SWEEP)
def sweep() -> None:
    """Pick up what a lost task or a dead process has left."""
    if accepted_log.is_unattended(stores()):
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
    counters.count("messages_aged", by=ageing.age(stores()))


@app.task(name=queues.ERASE)
def erase() -> None:
    """One bounded round of erasing what people have left behind; it goes on at once while there is more."""
    if erasure.run(stores()):
        send(erase)


@app.task(name=queues.UPLOADS)
def sweep_uploads() -> None:
    """Delete uploads that no message claims."""
    audio.sweep_unclaimed(stores())
