"""Sends tasks from the web. If the broker is down, a request waits half a second and gets a clear error."""

from celery import Celery
from kombu.exceptions import OperationalError

from chat import queues
from chat.errors import Unavailable
from chat.tracing import REQUEST_ID, request_id
from config.addresses import BROKER_SECONDS, fail_fast, for_kombu, is_redis
from config.settings import Settings, made_of

PROBE_KEY, PROBE_MS = "chattergram:broker:probe", 60_000  # tells whether the broker takes writes


class Queue:
    """A Celery client that only sends tasks."""

    def __init__(self, settings: Settings) -> None:
        broker = for_kombu(settings.celery_broker_url)
        self._is_redis = is_redis(settings.celery_broker_url)
        self._celery = Celery("chattergram-web", broker=broker.url, set_as_current=False)
        self._celery.conf.update(
            task_serializer="json",
            task_ignore_result=True,
            task_routes={task: {"queue": queue} for task, queue in queues.QUEUE_OF.items()},
            broker_use_ssl=broker.tls,
            broker_pool_limit=settings.broker_connections,
            broker_connection_timeout=BROKER_SECONDS,
            broker_connection_retry=False,
            broker_connection_max_retries=0,
            broker_transport_options={**fail_fast(settings.celery_broker_url), **broker.options},
        )

        made_of("celery_broker_url", self._celery.connection_for_write).release()

    def wake_drainer(self) -> None:
        """Sends the task that drains the accepted log.

        Raises:
            Unavailable: the broker cannot take it.
        """
        self._send(queues.DRAIN)

    def transcribe(self) -> None:
        """Sends the task that transcribes the next voice message in turn. Raises Unavailable like `wake_drainer`."""
        self._send(queues.TRANSCRIBE)

    def follow(self, recording_id: str) -> None:
        """Sends the task that follows a recording while it is made. Raises Unavailable like `wake_drainer`."""
        self._send(queues.FOLLOW, recording_id)

    def ping(self) -> bool:
        """Returns whether the broker answers and takes tasks. Raises OperationalError or RedisError if not."""
        with self._celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
            if self._is_redis:  # another may refuse writes only when there are some
                connection.default_channel.client.set(PROBE_KEY, 1, px=PROBE_MS)
        return True

    def depths(self) -> dict[str, int]:
        """Returns the number of waiting tasks by queue.

        Raises:
            OperationalError, OSError: the broker is away.
        """
        found = {}
        with self._celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
            for queue in sorted(set(queues.QUEUE_OF.values())):
                channel = connection.channel()  # one per queue: RabbitMQ closes it if the queue does not exist yet
                try:
                    found[queue] = int(channel.queue_declare(queue, passive=True).message_count)
                except connection.channel_errors:
                    found[queue] = 0
                else:
                    channel.close()
        return found

    def _send(self, task: str, *arguments: str) -> None:
        try:
            self._celery.send_task(task, arguments, retry=False, headers={REQUEST_ID: request_id()})
        except (OperationalError, OSError) as error:
            raise Unavailable("queue_unavailable") from error
