"""Keeps beat's schedule in memory.

Celery's default scheduler pickles the last run times into a file, so anybody who can write to that file can run code in
beat. Nothing needs to be stored: every periodic task may run at any time and more than once, so a beat that starts
sends all of them at once.
"""

from datetime import UTC, datetime

from celery.beat import Scheduler

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class InMemoryScheduler(Scheduler):
    """Celery's scheduler without a file; every entry is due at the start."""

    def setup_schedule(self) -> None:
        self.update_from_dict(
            {name: {**entry, "last_run_at": LONG_AGO} for name, entry in self.app.conf.beat_schedule.items()}
        )
