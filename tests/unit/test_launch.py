"""Celery finds the app from the folder of the code, without PYTHONPATH, as the Procfile runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT, SECRET, clean_environment


@pytest.mark.parametrize("name", ["app", "transcriber"])
def test_celery_finds_it_without_pythonpath(name: str) -> None:
    celery = Path(sys.executable).with_name("celery")
    settings = {"SECRET_KEY": SECRET, "REDIS_URL": "redis://nowhere", "MONGODB_URI": "mongodb://nowhere/chat"}
    environment = {key: value for key, value in clean_environment().items() if key != "PYTHONPATH"}
    ran = subprocess.run(
        [celery, "-A", f"workers.launch:{name}", "report"],
        env={**environment, **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "chat.drain" in ran.stdout
