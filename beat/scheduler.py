"""How beat keeps its schedule: in memory.

Celery's default scheduler pickles its last run times into a file, and whoever can write to that file's folder runs code
in beat. Nothing needs to be kept: every periodic task may run at any time and twice, so a beat that starts sends each
of them at once.
"""

from datetime import UTC, datetime

from celery.beat import Scheduler

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class InMemoryScheduler(Scheduler):
    """Celery's scheduler without a store; at its start every entry is due."""

    def setup_schedule(self) -> None:
        self.update_from_dict(
            {name: {**entry, "last_run_at": LONG_AGO} for name, entry in self.app.conf.beat_schedule.items()}
        )
