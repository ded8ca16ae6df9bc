"""Stops a worker on SIGTERM: running tasks get `SHUTDOWN_GRACE`, then unfinished transcriptions are given back.

Celery alone would wait for its tasks however long they take. But platforms kill a process after half a minute, and then
a transcription attempt in progress would count as one that killed its worker.
"""

import mmap
import os
import signal
import threading
from contextlib import suppress
from typing import Any

import structlog
from billiard.process import active_children
from celery.signals import worker_shutting_down
from celery.worker import state
from redis import RedisError

from chat import queues
from chat.store import counters
from chat.voice import attempts, turns
from config.settings import get_settings
from workers.app import stores

log = structlog.get_logger(__name__)

_flag = mmap.mmap(-1, 1)  # shared with the pool's child processes, which get no signal


def stopping() -> bool:
    """Whether this worker has been told to stop."""
    return bool(_flag[0])


@worker_shutting_down.connect
def _begin_stopping(**_: Any) -> None:
    if not stopping():
        _flag[0] = 1
        timer = threading.Timer(get_settings().shutdown_grace, _stop_now)
        timer.daemon = True  # a worker with nothing to wait for exits before it fires
        timer.start()


def _stop_now() -> None:
    """Exits without waiting any longer. Every task except a transcription attempt may simply be cut off."""
    try:
        active = state.active_requests.copy()  # other threads are still changing it
        unfinished = {request.id for request in active if request.name == queues.TRANSCRIBE}
        for child in active_children():
            with suppress(ProcessLookupError):  # it has just exited by itself
                os.kill(child.pid, signal.SIGKILL)
        log.warning("worker.cut_off", transcriptions=len(unfinished))
        _give_back(unfinished)
        counters.flush(stores().redis)
    except Exception:
        log.exception("worker.not_given_back")
    finally:
        os._exit(0)  # a normal exit would wait for busy threads


def _give_back(tasks: set[str]) -> None:
    try:
        for message_id in turns.held_by(stores(), tasks):
            attempts.give_back(stores(), message_id)
    except RedisError as error:
        log.warning("transcription.not_given_back", error=type(error).__name__)
