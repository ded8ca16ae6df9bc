"""How a worker ends that is told to, by SIGTERM: what it has begun gets `STOP_SECONDS`, the rest is given back.

Celery would wait for its tasks for as long as they take. A platform kills after half a minute, and then an attempt at
a transcript that was under way would count as one that killed its worker.
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
from workers.app import stores

log = structlog.get_logger(__name__)

STOP_SECONDS = 20.0  # platforms kill after 30

_told = mmap.mmap(-1, 1)  # shared with a pool's processes, which nobody tells


def stopping() -> bool:
    """Whether this worker has been told to end."""
    return bool(_told[0])


@worker_shutting_down.connect
def _begin_to_end(**_: Any) -> None:
    if not stopping():
        _told[0] = 1
        timer = threading.Timer(STOP_SECONDS, _end)
        timer.daemon = True  # a worker that has nothing to wait for ends without it
        timer.start()


def _end() -> None:
    """End without waiting any longer. Every task but an attempt at a transcript may simply be cut off."""
    try:
        active = state.active_requests.copy()  # others still add to it and take from it
        unended = {request.id for request in active if request.name == queues.TRANSCRIBE}
        for child in active_children():
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(child.pid, signal.SIGKILL)
        log.warning("worker.cut_off", transcriptions=len(unended))
        _give_back(unended)
        counters.flush(stores().redis)
    except Exception:
        log.exception("worker.not_given_back")
    finally:
        os._exit(0)  # threads that are in the middle of something would be waited for


def _give_back(tasks: set[str]) -> None:
    try:
        for message_id in turns.held_by(stores(), tasks):
            attempts.give_back(stores(), message_id)
    except RedisError as error:
        log.warning("transcription.not_given_back", error=type(error).__name__)
