"""gunicorn's configuration: `gunicorn -c python:config.gunicorn 'web.app:create_app()'`."""

import os
import resource
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from config import logging
from config.redaction import redact
from config.settings import get_settings

_settings = get_settings()


def _descriptors() -> int:
    """Raises the limit on open files as far as allowed, and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = 2**20 if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    except (OSError, ValueError):  # macOS enforces a lower limit than it reports
        return soft
    return highest


bind = (
    f"[{_settings.bind_host}]:{_settings.port}"
    if ":" in _settings.bind_host
    else (f"{_settings.bind_host}:{_settings.port}")
)
workers = _settings.web_concurrency
worker_class = "web.worker.Worker"
DESCRIPTORS = 512  # a process's open files apart from clients: Redis, MongoDB, the broker, files, the reserve
worker_connections = min(_settings.web_connections, max(16, _descriptors() - DESCRIPTORS))
backlog = 2_048
keepalive = 75  # seconds; longer than load balancers keep idle connections
timeout = 60  # seconds a worker may be silent, which happens only if something blocks its event loop
graceful_timeout = _settings.shutdown_grace + 5
control_socket_disable = True
loglevel = _settings.log_level.lower()
accesslog = None  # sockets carry tokens in their addresses
sendfile = False  # sendfile would wait forever for a client that reads nothing
limit_request_line = 8_190  # bytes; gunicorn's maximum
limit_request_fields = 60
# gunicorn itself trusts no header; `web/origin.py` says which are trusted.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}


METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"  # where the processes of prometheus-client share their numbers
METRICS_FOLDER = "chattergram-metrics-"


class OurLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Logs like the rest of the application from the first line on, and quotes nothing that clients sent."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logging.configure(_settings)
        self.error_log.handlers = []
        self.error_log.propagate = True
        self.error_log.filters = [redact]  # replaced, not appended: gunicorn may call this repeatedly


logger_class = OurLogger


def on_starting(server: Any) -> None:  # noqa: ARG001 (gunicorn's signature)
    """Creates a fresh folder for this run's metrics, since files left over from another run would count twice.

    The variable must be set before prometheus-client is first imported; the workers import it after their fork.
    """
    parent = Path(os.environ.get(METRICS_DIR) or tempfile.gettempdir())
    for left in parent.glob(f"{METRICS_FOLDER}*"):
        if not _runs(left.name.removeprefix(METRICS_FOLDER).partition("-")[0]):  # its run was killed
            shutil.rmtree(left, ignore_errors=True)
    os.environ[METRICS_DIR] = tempfile.mkdtemp(prefix=f"{METRICS_FOLDER}{os.getpid()}-", dir=parent)


def on_exit(server: Any) -> None:  # noqa: ARG001
    """Removes the metrics folder."""
    shutil.rmtree(os.environ[METRICS_DIR], ignore_errors=True)


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001
    """Removes a dead worker's gauges: it has no sockets any more."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _runs(pid: str) -> bool:
    """Whether this process exists, as far as we can tell."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):  # not a folder of ours, or another user's process
        return True
    return True
