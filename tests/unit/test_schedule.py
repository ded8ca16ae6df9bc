"""Beat sends everything when it starts, and keeps nothing on any disk."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery

from beat.schedule import SCHEDULE, TABLE
from beat.scheduler import InMemoryScheduler


@pytest.fixture
def app() -> Iterator[Celery]:
    with Celery(broker="memory://", set_as_current=False) as made:
        made.conf.beat_schedule = SCHEDULE
        yield made


def test_a_beat_that_starts_sends_every_task_at_once_and_again_after_its_period(app: Celery) -> None:
    entries = InMemoryScheduler(app).schedule
    assert entries.keys() == {row.task for row in TABLE}
    for row in TABLE:
        entry = entries[row.task]
        assert entry.is_due().is_due, row
        following = next(entry)
        assert not following.is_due().is_due
        assert following.last_run_at > datetime.now(UTC) - timedelta(seconds=row.period)
        assert following.schedule.run_every.total_seconds() == row.period


def test_nothing_is_written(app: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scheduler = InMemoryScheduler(app)
    scheduler.sync()
    scheduler.close()
    assert list(tmp_path.iterdir()) == []
