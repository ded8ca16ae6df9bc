"""Configures the worker of the queue `transcription`: `celery -A workers.launch:transcriber worker -Q transcription`.

One process handles many recordings at once, one per thread: those that were sent, and those it follows while they are
made. Calls to Deepgram mostly wait. Whisper computes without the interpreter lock, and all threads share its one model.
Either way it runs at a low priority, so that text goes first on a shared machine.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery.signals import worker_init, worker_shutdown

from chat.voice.recognisers import TranscriptionUnavailable
from config.settings import get_settings
from workers.app import app, recogniser

AUTOGROUP = Path("/proc/self/autogroup")
NICENESS = 10  # of 19; the kernel gives a process of 0 about nine times as much where both want a core

_settings = get_settings()
app.conf.worker_pool = "threads"
app.conf.worker_concurrency = _settings.recordings_together + _settings.followed_together


@worker_init.connect
def _give_way(**_: Any) -> None:
    os.nice(NICENESS)
    # Kernels with this file share the cores among sessions first, and niceness counts within one of them alone (see
    # sched(7), "The autogroup feature"). In a session that is not ours alone is the web process too, and it does count.
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            AUTOGROUP.write_text(str(NICENESS))


@worker_init.connect
def _prepare_recogniser(**_: Any) -> None:
    """Loads the model, or fetches it, before anybody waits for it. A recording that comes meanwhile waits for that."""
    own = recogniser()  # created here, before several threads could each create one

    def prepare() -> None:
        with suppress(TranscriptionUnavailable):  # already logged, and every attempt reports it
            own.prepare()

    thread = threading.Thread(target=prepare, name="prepare", daemon=True)
    thread.start()

    def end_at_once(**_: Any) -> None:
        if thread.is_alive():  # inside the library, which aborts when the interpreter ends
            os._exit(0)

    worker_shutdown.connect(end_at_once, weak=False)
