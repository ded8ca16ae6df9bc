"""Settings refuse to start with a sentence that says what is wrong, and never with a value."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import DEVELOPMENT_SECRET, Settings
from tests.stack import ROOT, clean_environment

SECRET = "0123456789abcdef0123456789abcdef"
STORES = {"REDIS_URL": "redis://redis.example:6379/0", "MONGODB_URI": "mongodb://mongodb.example/chat"}


def start(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """What every process does first, in a folder without `.env`."""
    return subprocess.run(
        [sys.executable, "-c", "from config.settings import get_settings; print(get_settings().celery_broker_url)"],
        env={**clean_environment(), "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (STORES, "SECRET_KEY must be set in production"),
        ({**STORES, "SECRET_KEY": ""}, "SECRET_KEY must be set in production"),
        ({**STORES, "SECRET_KEY": DEVELOPMENT_SECRET}, "SECRET_KEY must be set in production"),
        ({**STORES, "SECRET_KEY": DEVELOPMENT_SECRET, "ENVIRONMENT": "test"}, "SECRET_KEY must be set in test"),
        ({**STORES, "SECRET_KEY": "short-secret"}, "SECRET_KEY must have at least 32 bytes"),
        ({"SECRET_KEY": SECRET}, "REDIS_URL must be set in production"),
        ({"SECRET_KEY": SECRET}, "MONGODB_URI must be set in production"),
        ({**STORES, "SECRET_KEY": SECRET, "PORT": "http"}, "PORT: "),
        ({**STORES, "SECRET_KEY": SECRET, "LIMIT_MESSAGES": "lots"}, "LIMIT_MESSAGES: "),
        ({**STORES, "SECRET_KEY": SECRET, "ENVIRONMENT": "staging"}, "ENVIRONMENT: "),
    ],
)
def test_a_process_that_cannot_run_says_why_and_ends(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    ended = start(tmp_path, **environment)
    assert ended.returncode == 1
    assert said in ended.stderr
    assert ended.stderr.startswith("Chattergram cannot start:\n")
    assert "Traceback" not in ended.stderr
    secret = environment.get("SECRET_KEY")
    assert not secret or secret not in ended.stderr


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    said = start(tmp_path).stderr
    assert all(name in said for name in ("SECRET_KEY", "REDIS_URL", "MONGODB_URI"))


def test_production_starts_with_three_settings(tmp_path: Path) -> None:
    started = start(tmp_path, SECRET_KEY=SECRET, **STORES)
    assert started.stdout == "redis://redis.example:6379/1\n", started.stderr


def test_the_environment_wins_over_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"SECRET_KEY={SECRET}\nCELERY_BROKER_URL=amqp://one.example\n")
    started = start(tmp_path, CELERY_BROKER_URL="amqp://other.example", **STORES)
    assert started.stdout == "amqp://other.example\n"


def test_limits_are_wide_outside_production_unless_they_are_set() -> None:
    assert Settings(_env_file=None, environment="development").limit_messages == "2000 per second"
    narrow = Settings(_env_file=None, environment="development", limit_messages="1 per second")
    assert narrow.limit_messages == "1 per second"
