"""Logs up to the end of a process. These tests come last, since they stop everything."""

import json

from tests.operations.observability.test_logs import OURS, SECONDS, lines
from tests.stack import Stack


def test_what_a_process_says_as_it_stops_is_json_too(stack: Stack) -> None:
    processes = [stack.processes[name] for name in OURS]
    for process in processes:
        process.signal(15)
    for process in processes:
        process.wait(SECONDS)
        for line in lines(process):
            assert {"event", "level", "timestamp", "logger"} <= json.loads(line).keys(), f"{process.name}: {line}"
