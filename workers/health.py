"""Tells a supervisor whether a worker or beat works: `python -m workers.health chat|transcription|beat`.

Exits with 0 if it does, else with 1 and a sentence. A worker is pinged over the broker, the way its tasks arrive, and
replies even while it is busy. Beat records in Redis when it last sent a task, which it does every few seconds.
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

REPLY_SECONDS = 5.0
BEAT_SILENCE_SECONDS = 60.0  # it sends something every 5
BEAT_KEPT_SECONDS = 86_400  # how long to keep the record of a beat that has gone
BEAT = "beat"


def record_beat(redis: Redis) -> None:
    """Records that this host's beat has sent a task. Raises RedisError."""
    now = time.time()
    with redis.pipeline() as pipe:
        pipe.zadd(keys.BEATS, {socket.gethostname(): now})
        pipe.zremrangebyscore(keys.BEATS, "-inf", now - BEAT_KEPT_SECONDS)
        pipe.execute()


def find_problem(settings: Settings, name: str) -> str:
    """Says what is wrong with this host's worker of that queue, or with its beat; '' if nothing is."""
    try:
        return _beat_problem(settings) if name == BEAT else _worker_problem(settings, name)
    except (RedisError, OperationalError, OSError) as error:
        return f"cannot tell: {type(error).__name__}"


def _beat_problem(settings: Settings) -> str:
    redis = connect_redis(settings, timeout=REPLY_SECONDS)
    try:
        last_sent = redis.zscore(keys.BEATS, socket.gethostname())
    finally:
        redis.close()
    if last_sent is None:
        return "it has never sent a task"
    silent = time.time() - last_sent
    return f"it has sent no task for {silent:.0f} s" if silent > BEAT_SILENCE_SECONDS else ""


def _worker_problem(settings: Settings, queue: str) -> str:
    worker = f"{queue}@{socket.gethostname()}"
    with Celery(broker=settings.celery_broker_url, set_as_current=False) as celery:
        celery.conf.broker_connection_timeout = REPLY_SECONDS
        replies = celery.control.ping(destination=[worker], timeout=REPLY_SECONDS, limit=1)
    return "" if replies else f"{worker} does not answer"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workers.health")
    parser.add_argument("name", choices=[queues.CHAT, queues.TRANSCRIPTION, BEAT])
    name = parser.parse_args().name
    problem = find_problem(get_settings(), name)
    if problem:
        print(f"{name}: {problem}", file=sys.stderr)  # noqa: T201 (the command's output)
    return int(bool(problem))


if __name__ == "__main__":
    sys.exit(main())
