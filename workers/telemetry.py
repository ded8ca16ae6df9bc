"""Records every task's duration and outcome in `chat.store.counters`, and puts one request id in all its logs.

The id is that of the HTTP call that caused the task, if any, else the task's own.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import structlog
from celery import Task
from celery.signals import before_task_publish, task_postrun, task_prerun
from redis import RedisError

from chat import spans
from chat.audio.heard import Heard
from chat.errors import UnsupportedMedia
from chat.store import counters
from chat.store.connection import Stores
from chat.tracing import REQUEST_ID, request_id
from chat.voice.recognisers import (
    Recogniser,
    Recording,
    Report,
    Stream,
    Transcript,
    TranscriptionRefused,
    TranscriptionUnavailable,
)
from config.settings import Settings

log = structlog.get_logger(__name__)

SUCCEEDED, FAILED = "succeeded", "failed"
_began: dict[str, float] = {}


class Counted:
    """A recogniser that counts and times its attempts."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    def prepare(self) -> None:
        """See `Recogniser`."""
        self._recogniser.prepare()

    def transcribe(self, recording: Recording, on_progress: Report | None = None) -> Transcript:
        """See `Recogniser`."""
        began, outcome = time.monotonic(), "error"
        try:
            transcript = self._recogniser.transcribe(recording, on_progress)
            outcome = "transcribed" if transcript.text else "silent"
            return transcript
        except (TranscriptionRefused, UnsupportedMedia):
            outcome = "refused"
            raise
        except TranscriptionUnavailable:
            outcome = "unavailable"
            raise
        finally:
            counters.count("transcriptions", outcome)
            counters.observe("transcription_seconds", seconds=time.monotonic() - began)

    def listen(self, language: str | None, hints: Sequence[str], begun: Heard) -> AbstractContextManager[Stream]:
        """See `Recogniser`. `chat.voice.following` counts how it ends."""
        return self._recogniser.listen(language, hints, begun)


def record_tasks(stores: Callable[[], Stores]) -> None:
    """Counts, times and traces every task of this process; `stores` is called for the connections when a task ends."""

    def end(task_id: str, task: Task, state: str | None = None, **_: Any) -> None:
        _end(stores(), task_id, task, state)

    before_task_publish.connect(_pass_on)
    task_prerun.connect(_begin)
    task_postrun.connect(end, weak=False)


def trace_tasks(settings: Settings) -> None:
    """Gives every task of this process a span, if traces are wanted. Call it after `record_tasks`."""
    if spans.start(settings, "worker"):
        from opentelemetry.instrumentation.celery import CeleryInstrumentor

        CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]


def _pass_on(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None and request_id():
        headers.setdefault(REQUEST_ID, request_id())


def _begin(task_id: str, task: Task, **_: Any) -> None:
    structlog.contextvars.clear_contextvars()
    origin = getattr(task.request, REQUEST_ID, None)
    structlog.contextvars.bind_contextvars(**{REQUEST_ID: origin or task_id}, task=task.name)
    _began[task_id] = time.monotonic()


def _end(stores: Stores, task_id: str, task: Task, state: str | None) -> None:
    seconds = time.monotonic() - _began.pop(task_id, time.monotonic())
    counters.count("tasks", task.name, SUCCEEDED if state == "SUCCESS" else FAILED)
    counters.observe("task_seconds", task.name, seconds=seconds)
    log.debug("task.ended", state=state, seconds=round(seconds, 3))
    structlog.contextvars.clear_contextvars()
    try:
        counters.flush(stores.redis)
    except RedisError as error:
        log.warning("counters.away", error=type(error).__name__)
