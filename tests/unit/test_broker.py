"""Workers and beat find their broker soon after an outage, however long it was."""

import sys

from dev.processes import LOOPBACK, free_port
from tests.stack import ROOT, run_configured

SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from kombu.utils import functional
from workers.app import app
functional.sleep = lambda seconds: None
pauses = []

def failed(error, pause):
    pauses.append(pause)
    if len(pauses) == 40:
        print(pauses[0], max(pauses))
        sys.exit()

app.connection_for_read("redis://{LOOPBACK}:{{port}}/1").ensure_connection(failed)
"""


def test_a_broker_that_was_away_for_long_is_tried_every_few_seconds() -> None:
    assert run_configured([sys.executable, "-c", SCRIPT.format(port=free_port())]).split() == ["1.0", "5.0"]
