"""The periodic tasks: beat sends them (see `beat.schedule`), workers of the queue `chat` run them."""

from chat import audio, queues
from chat.messages import log as accepted_log
from chat.people import presence
from chat.store import counters
from chat.upkeep import ageing, erasure, runs, sync
from chat.voice import recordings
from workers import push
from workers.app import app, stores
from workers.chat import drain
from workers.sending import send
from workers.transcription import nudge_due


@app.task(name=queues.SWEEP)
def sweep() -> None:
    """Picks up the work of lost tasks and dead processes."""
    if accepted_log.is_unattended(stores()):
        send(drain)
    nudge_due()
    push.nudge_due()
    presence.sweep(stores())
    runs.record(stores().redis, runs.SWEEP)


@app.task(name=queues.SYNC)
def synchronise() -> None:
    """Runs one bounded round of the sync, and queues another at once while there is more to do."""
    if sync.run(stores()):
        send(synchronise)


@app.task(name=queues.AGE)
def age() -> None:
    """Removes messages older than the hot window from Redis."""
    counters.count("messages_aged", by=ageing.age(stores()))


@app.task(name=queues.ERASE)
def erase() -> None:
    """Runs one bounded round of erasures, and queues another at once while there is more to do."""
    if erasure.run(stores()):
        send(erase)


@app.task(name=queues.UPLOADS)
def sweep_uploads() -> None:
    """Deletes uploads that no message claimed, and forgets recordings that nobody continued."""
    audio.sweep_unclaimed(stores())
    recordings.forget_expired(stores())
