"""`/metrics` for Prometheus: requests and sockets of this gunicorn, numbers of the workers, state of the stores.

prometheus-client adds the gunicorn workers' numbers up in the folder that `config/gunicorn.py` makes. What the Celery
workers did comes from Redis (`chat.store.counters`), what waits from both stores (`chat.upkeep.gauges`): those two are
the same on every web process, so take their maximum over instances, not their sum.
"""

import hmac
import os
import threading
import time
from collections.abc import Iterator

import gevent
import structlog
from flask import Blueprint, Flask, Response, current_app, g, request
from kombu.exceptions import OperationalError
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from redis import RedisError

from chat.errors import Forbidden, Unauthorized
from chat.store import counters
from chat.upkeep import gauges
from config import names
from web.services import Services, services
from web.sockets.runtime import Sockets

log = structlog.get_logger(__name__)

PREFIX = "chattergram_"
NAME = "chattergram-metrics"
CACHED_SECONDS = 5.0  # many may scrape; the stores are asked once
SAMPLE_SECONDS = 1.0
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")  # anything else is `other`: clients choose it
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds

REQUESTS = Counter(f"{PREFIX}http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    f"{PREFIX}http_request_seconds", "From a request until its answer begins.", ["method", "route"], buckets=BOUNDS
)
SOCKETS = Gauge(f"{PREFIX}sockets", "WebSockets open.", multiprocess_mode="livesum")
FRAMES = Counter(f"{PREFIX}frames", "Frames queued for sockets.")
IGNORED = Counter(f"{PREFIX}texts_ignored", "Texts from sockets that nobody understood.")

metrics = Blueprint("metrics", __name__)


def install(app: Flask, own: Services) -> None:
    """Before anything else that looks at a request, so that all of it is measured."""
    app.extensions[NAME] = Shared(own)
    app.before_request(_begin)
    app.after_request(_end)
    app.register_blueprint(metrics)


def watch(sockets: Sockets) -> None:
    """Note how many sockets there are and what they got; never returns."""
    frames = ignored = 0
    while True:
        SOCKETS.set(len(sockets.hub))
        FRAMES.inc(sockets.hub.frames - frames)
        IGNORED.inc(sockets.ignored - ignored)
        frames, ignored = sockets.hub.frames, sockets.ignored
        gevent.sleep(SAMPLE_SECONDS)


@metrics.get("/metrics")
def show() -> Response:
    """Everything, in Prometheus's text format.

    Raises:
        Forbidden: this is production and there is no token that could be shown.
        Unauthorized: it was not shown.
    """
    settings = services().settings
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(token.encode(), given.encode()):
            raise Unauthorized("metrics_token_wrong")
    elif settings.environment == "production":
        raise Forbidden("metrics_closed")
    return Response(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


def _begin() -> None:
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    if not request.headers.get("Upgrade"):  # a socket is no request that takes hours
        method = request.method if request.method in METHODS else "other"
        route = request.url_rule.rule if request.url_rule else "none"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        SECONDS.labels(method, route).observe(time.perf_counter() - g.began)
    return response


def _registry() -> CollectorRegistry:
    own = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(own)  # type: ignore[no-untyped-call]
    else:
        for each in (REQUESTS, SECONDS, SOCKETS, FRAMES, IGNORED):
            own.register(each)
    registry = CollectorRegistry()
    registry.register(OfThisProcess(own))
    registry.register(current_app.extensions[NAME])
    return registry


class OfThisProcess(Collector):
    """The numbers of this web process, with its name: behind a router each scrape may reach another one."""

    def __init__(self, own: CollectorRegistry) -> None:
        self._own = own
        self._label = {"process": names.process_name()}

    def describe(self) -> list[Metric]:
        """Nothing, as in `Shared`."""
        return []

    def collect(self) -> Iterator[Metric]:
        for metric in self._own.collect():
            metric.samples = [each._replace(labels=each.labels | self._label) for each in metric.samples]
            yield metric


class Shared(Collector):
    """What is the same on every web process. A store that is away leaves its numbers out."""

    def __init__(self, own: Services) -> None:
        self._own = own
        self._lock = threading.Lock()
        self._until = 0.0
        self._found: list[Metric] = []

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the stores."""
        return []

    def collect(self) -> list[Metric]:
        """As of a few seconds ago at most."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._found = [*_state(self._own), *_queues(self._own), *_counted(self._own)]
                self._until = time.monotonic() + CACHED_SECONDS
            return self._found


def _state(own: Services) -> Iterator[Metric]:
    for name, value in gauges.figures(own.stores).items():
        yield GaugeMetricFamily(f"{PREFIX}{name}", gauges.FIGURES[name], value)


def _queues(own: Services) -> Iterator[Metric]:
    depth = GaugeMetricFamily(f"{PREFIX}queue_tasks", "Tasks waiting in a queue of the broker.", labels=["queue"])
    up = 1
    try:
        for queue, waiting in own.queue.depths().items():
            depth.add_metric([queue], waiting)
    except (OperationalError, OSError) as error:
        log.warning("metrics.broker_away", error=type(error).__name__)
        up = 0
    yield depth
    yield GaugeMetricFamily(f"{PREFIX}broker_up", "Whether the broker answers.", up)


def _counted(own: Services) -> Iterator[Metric]:
    try:
        found = counters.read(own.stores.redis)
    except RedisError:
        return
    for name, family in counters.FAMILIES.items():
        if family.bounds:
            histogram = HistogramMetricFamily(f"{PREFIX}{name}", family.help, labels=family.labels)
            for labels, value in found[name].items():
                if isinstance(value, counters.Histogram):
                    bounds = [(_bound(bound), counted) for bound, counted in value.counts]
                    histogram.add_metric(labels, bounds, value.sum)
            yield histogram
        else:
            counter = CounterMetricFamily(f"{PREFIX}{name}", family.help, labels=family.labels)
            for labels, value in found[name].items():
                if isinstance(value, float):
                    counter.add_metric(labels, value)
            yield counter


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(bound)
