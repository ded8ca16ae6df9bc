"""Celery finds the app from the folder of the code, without PYTHONPATH, as the Procfile runs it."""

import sys
from pathlib import Path

import pytest

from tests.stack import run_configured


@pytest.mark.parametrize("name", ["app", "transcriber", "pusher"])
def test_celery_finds_it_without_pythonpath(name: str) -> None:
    celery = Path(sys.executable).with_name("celery")
    said = run_configured([celery, "-A", f"workers.launch:{name}", "report"])
    assert "chat.drain" in said
