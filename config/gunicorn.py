"""gunicorn's configuration: `gunicorn -c python:config.gunicorn 'web.app:create_app()'`."""

import signal
from types import FrameType
from typing import Any

from config import logging
from config.settings import get_settings

_settings = get_settings()

bind = (
    f"[{_settings.bind_host}]:{_settings.port}"
    if ":" in _settings.bind_host
    else (f"{_settings.bind_host}:{_settings.port}")
)
workers = _settings.web_concurrency
worker_class = "gevent"
# Sockets and requests together; beyond it the next one waits in the kernel.
worker_connections = 12_000
backlog = 2_048
keepalive = 75  # seconds; longer than load balancers keep theirs
timeout = 60  # seconds a worker may be silent, which it is only when something holds its loop
graceful_timeout = _settings.shutdown_grace + 5
control_socket_disable = True
accesslog = None  # sockets carry tokens in their addresses
limit_request_line = 8_190  # bytes; the most it can be set to
limit_request_fields = 60
forwarded_allow_ips = "*" if _settings.trusted_proxies else "127.0.0.1"


def when_ready(server: Any) -> None:
    """Logs go the way of all others."""
    logging.configure(_settings)
    _adopt(server.log)


def post_worker_init(worker: Any) -> None:
    """Start what runs beside requests, and stop it in order: requests are answered, then sockets told to go."""
    import gevent

    logging.configure(_settings)
    _adopt(worker.log)
    application = worker.wsgi
    application.start()
    stop_accepting = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        if callable(stop_accepting):
            stop_accepting(number, frame)
        gevent.spawn(application.stop)

    signal.signal(signal.SIGTERM, stop)


def _adopt(log: Any) -> None:
    log.error_log.handlers = []
    log.error_log.propagate = True
