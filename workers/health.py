"""Whether a worker or beat works, for a supervisor: `python -m workers.health chat|transcription|beat`.

Ends with 0 when it does, with 1 and a sentence when it does not. A worker is asked over the broker, as its tasks
come, and answers also while it is busy. Beat notes in Redis when it last sent a task, which it does every few seconds.
"""

import argparse
import socket
import sys
import time

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from chat import queues
from chat.store import keys
from chat.store.connection import connect_redis
from config.settings import Settings, get_settings

ANSWER_SECONDS = 5.0
BEAT_SILENCE_SECONDS = 60.0  # it sends something every 5
BEAT_KEPT_SECONDS = 86_400  # the note of a beat that has gone
BEAT = "beat"


def note_beat(redis: Redis) -> None:
    """Note that this host's beat has sent a task. Raises RedisError."""
    now = time.time()
    with redis.pipeline() as pipe:
        pipe.zadd(keys.BEATS, {socket.gethostname(): now})
        pipe.zremrangebyscore(keys.BEATS, "-inf", now - BEAT_KEPT_SECONDS)
        pipe.execute()


def trouble(settings: Settings, name: str) -> str:
    """What is wrong with this host's worker of that queue, or with its beat; '' when nothing is."""
    try:
        return _beat_trouble(settings) if name == BEAT else _worker_trouble(settings, name)
    except (RedisError, OperationalError, OSError) as error:
        return f"cannot tell: {type(error).__name__}"


def _beat_trouble(settings: Settings) -> str:
    redis = connect_redis(settings, timeout=ANSWER_SECONDS)
    try:
        noted = redis.zscore(keys.BEATS, socket.gethostname())
    finally:
        redis.close()
    if noted is None:
        return "it has never sent a task"
    silent = time.time() - noted
    return f"it has sent no task for {silent:.0f} s" if silent > BEAT_SILENCE_SECONDS else ""


def _worker_trouble(settings: Settings, queue: str) -> str:
    worker = f"{queue}@{socket.gethostname()}"
    with Celery(broker=settings.celery_broker_url, set_as_current=False) as celery:
        celery.conf.broker_connection_timeout = ANSWER_SECONDS
        answers = celery.control.ping(destination=[worker], timeout=ANSWER_SECONDS, limit=1)
    return "" if answers else f"{worker} does not answer"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workers.health")
    parser.add_argument("name", choices=[queues.CHAT, queues.TRANSCRIPTION, BEAT])
    name = parser.parse_args().name
    found = trouble(get_settings(), name)
    if found:
        print(f"{name}: {found}", file=sys.stderr)  # noqa: T201 (a command's own words)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
