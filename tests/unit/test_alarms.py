"""The alarms for Prometheus are those that the operations page explains, on metrics that there are."""

import re
import shutil
import subprocess

from chat.upkeep.gauges import FIGURES
from tests.stack import ROOT

ALARMS = ROOT / "docs" / "alarms.yml"
METRIC = re.compile(r"chattergram_(\w+)")
ASKED_OF_THE_BROKER = {"broker_up"}  # by the web process itself


def expressions() -> list[str]:
    return re.findall(r"^ +expr: (.+)$", ALARMS.read_text(), re.MULTILINE)


def test_each_alarm_is_on_a_metric_that_there_is() -> None:
    for expression in expressions():
        for name in METRIC.findall(expression.replace("chattergram_(redis|mongodb|broker)_up", "chattergram_redis_up")):
            assert name in {*FIGURES, *ASKED_OF_THE_BROKER}, expression


def test_each_alarm_that_the_page_explains_is_there() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.partition("Set alarms for")[2].partition("\n## ")[0]
    explained = {row.split("`")[1] for row in table.splitlines() if row.startswith("| `")}
    assert len(explained) >= 8
    assert explained <= {name for expression in expressions() for name in METRIC.findall(expression)}


def test_promtool_takes_them() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert ALARMS.read_text().count("- alert: ") == len(expressions()), "each has its expression"
        return
    ran = subprocess.run([promtool, "check", "rules", ALARMS], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
