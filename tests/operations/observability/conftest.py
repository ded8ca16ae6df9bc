"""One system that runs as in production and tells all it can: every line of the logs, numbers, and traces."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from chat.spans import trace_id
from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.stack import Stack

TOKEN = "token-of-the-metrics-tests"
DYNO = "web.7"


class Collector:
    """Takes what exporters send, as OpenTelemetry's collector does."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []  # of which service
        self.raw = b""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                outer.take(content)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, content: bytes) -> None:
        self.raw += content
        for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(named["service.name"], span) for span in scope.spans]

    def of(self, request: str) -> dict[str, Any]:
        """The spans of this call's trace, by service and name."""
        wanted = trace_id(request).to_bytes(16, "big")
        return {f"{service} {span.name}": span for service, span in list(self.spans) if span.trace_id == wanted}


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="package")
def deepgram() -> Iterator[DeepgramStandIn]:
    with DeepgramStandIn() as running:
        yield running


@pytest.fixture(scope="package")
def whole_stack(
    tmp_path_factory: pytest.TempPathFactory, deepgram: DeepgramStandIn, collector: Collector
) -> Iterator[Stack]:
    environment = {
        "ENVIRONMENT": "production",
        "LOG_LEVEL": "DEBUG",
        "LIMIT_SIGNUP_ADDRESS": "100 per minute",
        "WEB_CONCURRENCY": "2",
        "DYNO": DYNO,
        "METRICS_TOKEN": TOKEN,
        "OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server.server_port}/v1/traces",
        "OTEL_BSP_SCHEDULE_DELAY": "200",  # milliseconds
        "DEEPGRAM_API_KEY": KEY,
        "DEEPGRAM_BASE_URL": deepgram.url,
    }
    with Stack(tmp_path_factory.mktemp("observability"), environment) as running:
        yield running


@pytest.fixture
def stack(whole_stack: Stack) -> Stack:
    """The system, running: starts what the test before has stopped."""
    if not all(process.running for process in whole_stack.processes.values()):
        whole_stack.start_stopped()
    return whole_stack
