"""The tasks of the queue `push`, which is separate from `chat` so that no push service ever delays text."""

import time
from functools import lru_cache
from typing import TYPE_CHECKING

from chat import queues
from chat.push import waiting
from config.settings import get_settings
from workers.app import app, stores
from workers.sending import send
from workers.stopping import stopping

if TYPE_CHECKING:
    from chat.push.service import PushServices

RUN_SECONDS = 10.0  # bounds how long a stopping worker has to wait for this task
NUDGE_PAUSE = 5.0  # seconds without nudges after one failed; the sweep runs as often


class Nudge:
    """Sends the task. Backs off while the broker is away, since the caller has texts to deliver."""

    def __init__(self) -> None:
        self._again = 0.0

    def __call__(self) -> None:
        if time.monotonic() >= self._again and not send(send_pushes):
            self._again = time.monotonic() + NUDGE_PAUSE


nudge = Nudge()


def nudge_due() -> None:
    """Sends a task if any notification is due and none is on its way; that one calls for help where there are many."""
    if waiting.needs_waking(stores()):
        nudge()


@app.task(name=queues.SEND_PUSHES)
def send_pushes() -> None:
    """Sends notifications until none is due; others help if there are more than one."""
    from chat.push import sending

    if get_settings().vapid_private_key is None:
        return
    waiting.woken(stores())
    if waiting.due_count(stores()) > 1:
        nudge()
    until = time.monotonic() + RUN_SECONDS
    while sending.send_next(stores(), _services()):
        if stopping():
            return  # the sweep will nudge another worker
        if time.monotonic() > until:
            nudge()
            return


@lru_cache(maxsize=1)
def _services() -> "PushServices":
    # Imported here: the other workers send no notification, and what it needs takes 30 MB.
    from chat.push.service import PushServices

    return PushServices(get_settings())
