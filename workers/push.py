"""The tasks of the queue `push`, which is separate from `chat` so that no push service ever delays text."""

import time
from functools import lru_cache
from typing import TYPE_CHECKING

from chat import queues
from chat.push import waiting
from config.settings import get_settings
from workers.app import app, stores
from workers.sending import Nudge
from workers.stopping import stopping

if TYPE_CHECKING:
    from chat.push.service import PushServices

RUN_SECONDS = 10.0  # bounds how long a stopping worker has to wait for this task


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


nudge = Nudge(send_pushes)


@lru_cache(maxsize=1)
def _services() -> "PushServices":
    # Imported here: the other workers send no notification, and what it needs takes 30 MB.
    from chat.push.service import PushServices

    return PushServices(get_settings())
