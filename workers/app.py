"""The Celery app: constructs everything tasks use, and sets Celery's options with their reasons.

Tasks are only nudges. The work itself is recorded in Redis (the accepted log, the transcriptions), so if a task is lost
or runs twice, a message may be delayed for a moment but is never lost. Therefore a task is acknowledged when it begins,
and nothing has to wait until the broker notices that a worker died.
"""

import signal
import warnings
from functools import lru_cache
from typing import Any

import structlog
from celery import Celery
from celery.apps import worker as celery_worker
from celery.exceptions import SecurityWarning
from celery.signals import after_task_publish, beat_init, setup_logging, worker_init, worker_process_init

from beat.schedule import SCHEDULE
from chat import queues
from chat.store.connection import Stores, connect, connect_redis
from chat.store.prepare import prepare_when_up
from chat.voice.recognisers import Recogniser, choose
from config import logging
from config.addresses import for_kombu, is_redis
from config.settings import Settings, get_settings, made_of
from workers.broker import Broker
from workers.heartbeat import BeatHeartbeat, Heartbeat
from workers.telemetry import Counted, record_tasks, trace_tasks

log = structlog.get_logger(__name__)

START_TIMEOUT = 60.0  # seconds a worker waits for its stores
# Only a drain without a broker takes longer: Whisper needs a third of this for the longest recording.
TASK_SECONDS = 900


def create_app(settings: Settings) -> Celery:
    broker = for_kombu(settings.celery_broker_url)
    app = Celery("chattergram", broker=broker.url, amqp=Broker)
    app.conf.update(
        include=["workers.chat", "workers.transcription", "workers.push", "workers.periodic"],
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_default_queue=queues.CHAT,
        task_routes={task: {"queue": queue} for task, queue in queues.QUEUE_OF.items()},
        task_time_limit=TASK_SECONDS,
        worker_prefetch_multiplier=1,  # tasks must not wait behind one worker's slow transcription
        worker_hijack_root_logger=False,
        worker_send_task_events=settings.monitoring,  # for Flower
        worker_max_tasks_per_child=10_000,
        broker_use_ssl=broker.tls,
        broker_pool_limit=settings.broker_connections,
        broker_connection_retry_on_startup=True,
        broker_channel_error_retry=True,  # nor does it end when its broker refuses to write: a full disk, a failover
        broker_connection_max_retries=None,  # a worker outlasts any outage of its broker
        broker_transport_options={
            "visibility_timeout": TASK_SECONDS + 60,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            **broker.options,
        }
        if is_redis(settings.celery_broker_url)
        else {},
        beat_schedule=SCHEDULE,
        worker_enable_remote_control=settings.monitoring,
        beat_scheduler="beat.scheduler:InMemoryScheduler",
        timezone="UTC",
    )
    made_of("celery_broker_url", app.connection_for_write).release()
    app.steps["consumer"].add(Heartbeat)
    return app


app = create_app(get_settings())
logging.configure(get_settings())  # now, for what Celery and Flower log before `setup_logging`
if get_settings().environment != "production":
    # Celery warns about running as root, which is usual in containers and CI. In production the warning is useful.
    warnings.simplefilter("ignore", SecurityWarning)
else:
    celery_worker.safe_say = logging.say  # it would print what it says as it stops


@lru_cache(maxsize=1)
def stores() -> Stores:
    """This process's connections, opened after the fork."""
    return connect(get_settings())


record_tasks(stores)


@lru_cache(maxsize=1)
def recogniser() -> Recogniser:
    return Counted(choose(get_settings()))


@setup_logging.connect
def _configure_logging(**_: Any) -> None:
    logging.configure(get_settings())


@worker_init.connect
def _prepare(**_: Any) -> None:
    own = connect(get_settings())
    try:
        if not prepare_when_up(own, START_TIMEOUT):
            raise SystemExit("The stores were not up within a minute; see the log for which.")
    finally:
        own.close()
    if app.conf.worker_pool == "threads":  # then no child begins, and tasks run in this process
        trace_tasks(get_settings())


@beat_init.connect
def _note_beats(**_: Any) -> None:
    heartbeat = BeatHeartbeat(connect_redis(get_settings(), connections=1))

    def note(**_: Any) -> None:
        heartbeat.note()

    after_task_publish.connect(note, weak=False)


@worker_process_init.connect
def _begin_child(**_: Any) -> None:
    # Platforms send SIGTERM to every process at once; the parent lets each child finish its task.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stores.cache_clear()
    trace_tasks(get_settings())
