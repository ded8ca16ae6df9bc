"""What Celery's command line loads: `celery -A workers.launch:app`, `:transcriber` for the queue
`transcription`, `:pusher` for the queue `push`.

Celery would print an error during the import over many lines; here it becomes one event of the log like any other.
"""

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from config import logging
from config.settings import get_settings

# Celery has the current folder on the path only while it imports this module, not while it asks for its attribute.
sys.path.append(str(Path(__file__).resolve().parent.parent))

MODULES = {"app": "workers.app", "transcriber": "workers.transcriber", "pusher": "workers.pusher"}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(name)
    settings = get_settings()
    logging.configure(settings)
    if not settings.monitoring:
        # Only Flower looks at a worker's heartbeats, and they take two connections; Celery has only an option for them.
        os.environ.setdefault("CELERY_WORKER_WITHOUT_HEARTBEAT", "true")
    gc.disable()  # what is loaded stays: looking through it again and again would take a tenth of the time
    try:
        return import_module(MODULES[name]).app
    except Exception as error:  # noqa: BLE001 (it ends the process)
        logging.report(type(error), error, error.__traceback__, "import")
        raise SystemExit(1) from None
    finally:
        gc.freeze()  # likewise later, and so that collections in the pool's processes do not copy these pages
        gc.enable()
