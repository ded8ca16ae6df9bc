"""Celery finds the app from the folder of the code, without PYTHONPATH, as the Procfile runs it."""

import sys
from pathlib import Path

from tests.stack import run_configured


def test_celery_finds_it_without_pythonpath() -> None:
    """The other two run like this in `tests/operations/test_many.py`."""
    celery = Path(sys.executable).with_name("celery")
    assert "chat.drain" in run_configured([celery, "-A", "workers.launch:pusher", "report"])
