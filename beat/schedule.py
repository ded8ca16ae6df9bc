"""The periodic tasks: one table of task, period (in seconds) and reason.

Each task expires when the next one is due, so that nothing piles up while there is no worker.
"""

from typing import Any, NamedTuple

from chat import queues


class Periodic(NamedTuple):
    task: str
    period: float
    reason: str


TABLE = (
    Periodic(queues.SWEEP, 5.0, "restart lost drains and transcriptions; take people of dead processes offline"),
    Periodic(queues.SYNC, 5.0, "copy the outbox to MongoDB, and the hot window back to Redis if Redis was lost"),
    Periodic(queues.AGE, 3_600.0, "remove messages older than the hot window from Redis"),
    Periodic(queues.UPLOADS, 60.0, "delete uploads that no message claimed"),
    Periodic(queues.ERASE, 15.0, "erase the data of deleted accounts"),
)

SCHEDULE: dict[str, dict[str, Any]] = {
    row.task: {"task": row.task, "schedule": row.period, "options": {"expires": row.period}} for row in TABLE
}
