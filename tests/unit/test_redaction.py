"""What gunicorn logs about a request contains nothing that was sent, and logged exceptions contain no values."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from gunicorn.http.errors import InvalidProxyHeader, InvalidRequestLine, NoMoreData, ParseException

from config.redaction import redact
from tests.stack import ROOT, SECRET, clean_environment

SENT = "never-to-be-logged"
GUNICORNS = "Invalid request from ip={ip}: {error}"


@pytest.mark.parametrize("error", [NoMoreData(SENT.encode()), InvalidRequestLine(SENT), InvalidProxyHeader(SENT)])
def test_what_gunicorn_says_of_a_failed_request_has_nothing_that_was_sent(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    log = logging.getLogger("gunicorn.of-a-test")
    log.addFilter(redact)
    try:
        try:
            raise error
        except (OSError, ParseException):
            log.warning(GUNICORNS.format(ip="::1", error=str(error)))
            raise KeyError("a consequence") from error
    except KeyError:
        log.exception("Error handling request %s %s", "GET", f"/api/file/1/content?token={SENT}")
    log.error("Ignored. %s", error)
    assert caplog.messages == [
        f"Invalid request from ip=::1: {type(error).__name__}",
        "Error handling request GET /api/file/1/content: KeyError",
        f"Ignored. {type(error).__name__}",
    ]
    assert SENT not in caplog.text


FAIL = """
import logging, secrets, structlog
from config import logging as ours
from config.settings import get_settings
ours.configure(get_settings())

def fail(password):
    raise KeyError(len(password))

for log in (structlog.get_logger("ours"), logging.getLogger("theirs")):
    try:
        fail(bytes(range(65, 81)).decode())
    except KeyError:
        log.exception("went wrong")
"""


@pytest.mark.parametrize("environment", ["development", "production"])
def test_an_exception_shows_where_but_not_the_values(tmp_path: Path, environment: str) -> None:
    stores = {"REDIS_URL": "redis://redis.example", "MONGODB_URI": "mongodb://mongodb.example/chat"}
    ours = {"PYTHONPATH": str(ROOT), "SECRET_KEY": SECRET, "ENVIRONMENT": environment, **stores}
    ran = subprocess.run(
        [sys.executable, "-c", FAIL],
        env={**clean_environment(), **ours},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    shown = ran.stderr
    assert shown.count("KeyError: 16") == 2, shown
    assert shown.count("in fail") == 2, shown
    assert "Logging error" not in shown
    assert "ABCDEFGHIJKLMNOP" not in shown
