"""Structured logs: JSON lines in production, readable ones elsewhere. Call `configure` once per process.

Uncaught errors are logged as events too. Python's own hooks would print them on many lines, which a log collector would
take for as many events.
"""

import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import structlog

from config.settings import Settings

# Below the level WARNING these log what they send: keys, texts, addresses with tokens.
REVEALING = ("httpx", "httpcore", "pymongo", "amqp", "urllib3")
# These log two lines per task, and there is a task every few seconds; the metrics say more.
ROUTINE = ("celery.beat", "celery.worker.strategy", "celery.app.trace")
# Flower warns about every worker that does not answer, which at its start is each one that is not up yet.
FLOWER = "flower.inspector"


def configure(settings: Settings) -> None:
    """Sends structlog's and the standard library's records to standard error in one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    production = settings.environment == "production"
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if production
        # The plain traceback, because structlog's default shows the values of variables: passwords, texts.
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([structlog.processors.format_exc_info] if production else []),
            renderer,
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    logging.captureWarnings(True)
    for name in (*REVEALING, *(ROUTINE if settings.log_level != "DEBUG" else ())):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(FLOWER).setLevel(logging.ERROR)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
        cache_logger_on_first_use=production,  # elsewhere a command in a shell or a test may configure it again
    )
    _catch_uncaught()


def report(
    kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, where: str
) -> None:
    """Logs an uncaught error as one event."""
    if kind is None or error is None:
        return
    structlog.get_logger("uncaught").error("uncaught", where=where, exc_info=(kind, error, traceback))


def say(text: str, stream: Any = None) -> None:  # noqa: ARG001 (it replaces Celery's `safe_say`)
    """Writes one event from a signal handler, bypassing the logging module, whose lock may be held."""
    record = {"event": text, "level": "info", "logger": "signal", "timestamp": datetime.now(UTC).isoformat()}
    os.write(2, f"{json.dumps(record)}\n".encode())


def _catch_uncaught() -> None:
    def in_process(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, traceback)
        else:
            report(kind, error, traceback, "process")

    def in_thread(failed: threading.ExceptHookArgs) -> None:
        if not issubclass(failed.exc_type, SystemExit):
            report(failed.exc_type, failed.exc_value, failed.exc_traceback, "thread")

    def unraisable(failed: "sys.UnraisableHookArgs") -> None:
        report(failed.exc_type, failed.exc_value, failed.exc_traceback, "unraisable")

    sys.excepthook = in_process
    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
