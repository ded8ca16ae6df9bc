"""Traces for OpenTelemetry, from a call to the frames it causes, where `OTLP_ENDPOINT` is set.

Nothing travels for them. The request id, which goes everywhere already (`chat.tracing`), gives the ids of its trace and
of the trace's first span, so every process puts its spans into the right trace. A client's `traceparent` is ignored.
"""

import hashlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chat import tracing
from config.names import process_name
from config.settings import Settings, unusable
from config.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORT_SECONDS = 5.0
MAX_WAITING = 2_048  # spans for the exporter; beyond it, new ones are dropped
# Of these it is known that they contain nothing of people. All others are removed, and so are events with their texts.
ALLOWED = {
    *("http.method", "http.route", "http.status_code", "db.system", "celery.action", "celery.state"),
    *("celery.task_name", "messaging.destination"),
}
MISSING = (
    "needs packages that are not installed: pip install --require-hashes -r requirements/base.txt -r "
    "requirements/tracing.txt"
)


def trace_id(request: str) -> int:
    """The trace of a call."""
    return int.from_bytes(hashlib.sha256(request.encode()).digest()[:16], "big")


def first_span_id(request: str) -> int:
    """The span of the call itself, which is the parent of what others do for it."""
    return int.from_bytes(hashlib.sha256(request.encode()).digest()[16:24], "big")


def start(settings: Settings, kind: str, exporter: "SpanExporter | None" = None) -> bool:
    """Starts to send spans as `kind`, one of web and worker. Call once a process, after the fork.

    Returns whether they are wanted. Raises SettingsError if they are and their packages are not there.
    """
    if not settings.otlp_endpoint:
        return False
    try:
        _start(settings, kind, exporter)
    except ImportError:
        raise unusable({"otlp_endpoint": MISSING}) from None
    return True


def _start(settings: Settings, kind: str, exporter: "SpanExporter | None") -> None:
    from opentelemetry import propagate, trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.pymongo import PymongoInstrumentor
    from opentelemetry.instrumentation.redis import RedisInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    named = {"service.name": f"chattergram-{kind}", "service.instance.id": process_name(), "service.version": VERSION}
    provider = TracerProvider(
        sampler=TraceIdRatioBased(settings.traces_share),  # by the trace's id, so that all processes agree
        resource=Resource.create(named),
        id_generator=_ids(),
        shutdown_on_exit=True,
    )
    sending = exporter or OTLPSpanExporter(endpoint=settings.otlp_endpoint, timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(_private(sending), max_queue_size=MAX_WAITING))
    trace.set_tracer_provider(provider)
    propagate.set_global_textmap(_propagator())
    RedisInstrumentor().instrument(request_hook=_name_as_asked)
    PymongoInstrumentor().instrument()
    tracer = trace.get_tracer("chattergram")

    def record(name: str, request: str, began: int) -> None:
        tracer.start_span(name, context=_context(request), start_time=began).end()

    tracing.record_with(record)


def _name_as_asked(span: Any, _client: object, arguments: Sequence[Any], _options: object) -> None:
    """Gives a search's span the name of its command.

    By the name it would have, the instrumentation knows it and reads the answer as RESP2's list. Ours is RESP3's map,
    on which it raises KeyError.
    """
    if arguments and arguments[0] == "FT.SEARCH":
        span.update_name("FT.SEARCH")


def _context(request: str) -> Any:
    """What a span done for this call has as its parent."""
    from opentelemetry import trace

    sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    parent = trace.SpanContext(trace_id(request), first_span_id(request), is_remote=True, trace_flags=sampled)
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


def _ids() -> Any:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        """A span without a parent is the first of its call's trace."""

        def __init__(self) -> None:
            self._first = threading.local()

        def generate_trace_id(self) -> int:
            request = tracing.request_id()
            self._first.request = request
            return trace_id(request) if request else super().generate_trace_id()

        def generate_span_id(self) -> int:
            request, self._first.request = getattr(self._first, "request", ""), ""
            return first_span_id(request) if request else super().generate_span_id()

    return Ids()


def _propagator() -> Any:
    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import TextMapPropagator, default_getter

    class ByRequest(TextMapPropagator):
        """Reads the request id of a task; an HTTP request has none yet that could be believed."""

        def extract(self, carrier: Any, context: Any = None, getter: Any = default_getter) -> Any:
            found = () if isinstance(carrier, dict) else getter.get(carrier, tracing.REQUEST_ID)
            return _context(found[0]) if found else (context or Context())

        def inject(self, carrier: Any, context: Any = None, setter: Any = None) -> None:
            """Nothing: the request id is there already."""

        @property
        def fields(self) -> set[str]:
            return set()

    return ByRequest()


def _private(exporter: "SpanExporter") -> "SpanExporter":
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import Status

    def stripped(span: ReadableSpan) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=span.get_span_context(),
            parent=span.parent,
            resource=span.resource,
            attributes={name: value for name, value in (span.attributes or {}).items() if name in ALLOWED},
            links=span.links,
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    class Private(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return exporter.export([stripped(span) for span in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return Private()
