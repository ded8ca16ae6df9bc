"""What runs when: one table of task, period and reason. Times are in seconds.

Each entry expires when the next is due, so that nothing piles up while no worker is there.
"""

from typing import Any, NamedTuple

from chat import queues


class Periodic(NamedTuple):
    task: str
    period: float
    reason: str


TABLE = (
    Periodic(queues.SWEEP, 5.0, "start a drain or a transcription whose nudge was lost; time out dead presences"),
    Periodic(queues.SYNC, 5.0, "outbox to MongoDB; window of MongoDB to Redis where Redis was lost"),
    Periodic(queues.AGE, 3_600.0, "take out of Redis what has left the hot window"),
    Periodic(queues.UPLOADS, 60.0, "delete uploads that no message claims"),
    Periodic(queues.ERASE, 15.0, "erase what people who have left have left behind"),
)

SCHEDULE: dict[str, dict[str, Any]] = {
    row.task: {"task": row.task, "schedule": row.period, "options": {"expires": row.period}} for row in TABLE
}
