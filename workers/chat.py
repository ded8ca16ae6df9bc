"""The tasks of the queue `chat`."""

from chat import queues
from chat.messages import draining
from workers import push
from workers.app import app, stores
from workers.sending import send
from workers.stopping import stopping
from workers.transcription import begin

DRAIN_SECONDS = 86_400  # a broker may be away that long; a drain that hangs loses its lease within seconds anyway


HELPS = "helps"


@app.task(name=queues.DRAIN, time_limit=DRAIN_SECONDS)
def drain(helps: str = "") -> None:
    """Stores and delivers accepted messages, as the only one or beside others that have too much to do."""
    while draining.drain(stores(), begin, push.nudge, _call_helper, helps=bool(helps)):
        # While the broker is away no other task would follow this one, yet the web still accepts messages: carry on.
        if send(drain) or stopping():
            return


def _call_helper() -> None:
    send(drain, HELPS)  # if the broker is away, the busy one goes on alone
