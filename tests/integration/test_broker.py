"""A worker's connection to its broker survives the broker's death at any moment."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kombu import Consumer, Exchange, Queue
from structlog.testing import capture_logs

from dev.embedded import RedisServer
from workers.broker import SoonBack

SECONDS = 15


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer("broker", tmp_path / "broker", tmp_path / "broker.log")
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()


def test_a_broker_that_dies_before_a_task_is_acknowledged_does_not_end_the_worker(broker: RedisServer) -> None:
    received: list[object] = []
    connection = SoonBack(broker.url(1))
    tasks = Queue("tasks", channel=connection.default_channel)
    tasks.declare()
    control = Queue("control", Exchange("control", type="fanout"), auto_delete=True)  # Celery's remote control
    Consumer(connection.channel(), [control], callbacks=[print]).consume()
    connection.Producer().publish({}, routing_key="tasks")
    connection.Consumer(tasks, callbacks=[lambda _, message: received.append(message)]).consume()
    with suppress(TimeoutError):  # until it has the task and waits for the next one
        while True:
            connection.drain_events(timeout=0.1 if received else SECONDS)
    assert received
    broker.kill()
    with capture_logs() as logs:
        connection.collect()  # as Celery does, one after the other
        connection.close()
    assert [each["event"] for each in logs] == ["broker.channel_not_closed"]
    broker.restart()
    connection.ensure_connection(max_retries=3)
    connection.close()
