"""The periodic tasks: one table of task, period (in seconds) and reason.

Each task expires after an hour, so that little piles up while there is no worker: 720 of those that come most often.
It expires by the worker's clock, which may differ from beat's, so it must not expire sooner.
"""

from typing import Any, NamedTuple

from chat import queues

EXPIRY_SECONDS = 3_600.0


class Periodic(NamedTuple):
    task: str
    period: float
    reason: str


TABLE = (
    Periodic(
        queues.SWEEP,
        5.0,
        "restart lost drains, transcriptions and notifications; take people of dead processes offline",
    ),
    Periodic(queues.SYNC, 5.0, "copy the outbox to MongoDB, and the hot window back to Redis if Redis was lost"),
    Periodic(queues.AGE, 3_600.0, "remove messages older than the hot window from Redis"),
    Periodic(queues.UPLOADS, 60.0, "delete uploads that no message claimed"),
    Periodic(queues.ERASE, 15.0, "erase the data of deleted accounts"),
)

SCHEDULE: dict[str, dict[str, Any]] = {
    row.task: {"task": row.task, "schedule": row.period, "options": {"expires": EXPIRY_SECONDS}} for row in TABLE
}
