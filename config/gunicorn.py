"""gunicorn's configuration: `gunicorn -c python:config.gunicorn 'web.app:create_app()'`."""

import os
import resource
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from config import logging
from config.discretion import discreet
from config.settings import get_settings

_settings = get_settings()


def _descriptors() -> int:
    """How many files a process may have open, once that is as many as we may set ourselves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 2**20 if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # macOS has a lower one that it does not tell
        return soft
    return most


bind = (
    f"[{_settings.bind_host}]:{_settings.port}"
    if ":" in _settings.bind_host
    else (f"{_settings.bind_host}:{_settings.port}")
)
workers = _settings.web_concurrency
worker_class = "web.worker.Worker"
DESCRIPTORS = 512  # of a process for what is no client: Redis, MongoDB, the broker, files, the reserve
worker_connections = min(_settings.web_connections, max(16, _descriptors() - DESCRIPTORS))
backlog = 2_048
keepalive = 75  # seconds; longer than load balancers keep theirs
timeout = 60  # seconds a worker may be silent, which it is only when something holds its loop
graceful_timeout = _settings.shutdown_grace + 5
control_socket_disable = True
loglevel = _settings.log_level.lower()
accesslog = None  # sockets carry tokens in their addresses
sendfile = False  # it would wait without end for a client that reads nothing
limit_request_line = 8_190  # bytes; the most it can be set to
limit_request_fields = 60
# gunicorn itself believes no header; `web/origin.py` says which are believed.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}


METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus-client's processes add up their numbers
METRICS_FOLDER = "chattergram-metrics-"


class OurLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Logs go the way of all others, from the first line on, and repeat nothing that was sent."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logging.configure(_settings)
        self.error_log.handlers = []
        self.error_log.propagate = True
        self.error_log.filters = [discreet]  # once, however often this is called


logger_class = OurLogger


def on_starting(server: Any) -> None:  # noqa: ARG001 (gunicorn's signature)
    """A fresh folder for the metrics of this run: what is left of another would count twice.

    It must be named before prometheus-client is first imported, which the workers do after their fork.
    """
    parent = Path(os.environ.get(METRICS_DIR) or tempfile.gettempdir())
    for left in parent.glob(f"{METRICS_FOLDER}*"):
        if not _runs(left.name.removeprefix(METRICS_FOLDER).partition("-")[0]):  # it was killed
            shutil.rmtree(left, ignore_errors=True)
    os.environ[METRICS_DIR] = tempfile.mkdtemp(prefix=f"{METRICS_FOLDER}{os.getpid()}-", dir=parent)


def on_exit(server: Any) -> None:  # noqa: ARG001
    """Leave nothing behind."""
    shutil.rmtree(os.environ[METRICS_DIR], ignore_errors=True)


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001
    """A worker that has gone has no sockets."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _runs(pid: str) -> bool:
    """Whether there is such a process, as far as we may know."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):  # none of ours, or somebody else's
        return True
    return True
