"""A call's trace reaches from the call to the frame, over all processes, with nothing of people in it."""

import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from chat.spans import first_span_id, trace_id
from dev.processes import wait_until
from tests.client import Client
from tests.recordings import spoken
from tests.stack import ROOT, SECRET, Stack, clean_environment


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


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    endpoint = f"http://127.0.0.1:{collector.server.server_port}/v1/traces"
    own = {"OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    with Stack(tmp_path_factory.mktemp("traces"), own, {"beat": "", "pusher": ""}) as running:
        yield running


def test_a_trace_reaches_from_the_call_to_the_frame(stack: Stack, client: Client, collector: Collector) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    request, said = secrets.token_hex(8), f"secret-{secrets.token_hex(8)}"
    headers = {"X-Request-Id": request, "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    ada.call("POST", "/chat", 202, json={"receiverId": ben.id, "text": said}, headers=headers)
    socket.wait_for_frame("application:messages", lambda each: each["text"] == said)
    wanted = {"chattergram-web POST /api/chat", "chattergram-worker message.delivered", "chattergram-web frame"}
    wanted.add("chattergram-worker run/chat.drain")  # the first call here, so it woke the drainer
    wait_until(lambda: wanted <= set(collector.of(request)), 20, "the spans of the call")
    spans = collector.of(request)
    call, own = spans.pop("chattergram-web POST /api/chat"), first_span_id(request).to_bytes(8, "big")
    assert (call.span_id, call.parent_span_id) == (own, b"")
    assert all(spans[name].parent_span_id == own for name in wanted if name in spans)
    assert any("EVALSHA" in name for name in spans), "what the call asked of Redis"
    for private in (said, ada.token, ada.user["username"], ben.id):
        assert private.encode() not in collector.raw


def test_the_trace_of_a_voice_message_reaches_through_the_transcriber(
    stack: Stack, client: Client, collector: Collector
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    request, audio = secrets.token_hex(8), ada.upload(spoken("amiable.webm"))["audioFileUuid"]
    called = {"json": {"receiverId": ben.id, "audioFileId": audio}, "headers": {"X-Request-Id": request}}
    ada.call("POST", "/chat", 202, **called)
    own = first_span_id(request).to_bytes(8, "big")
    wanted = {"chattergram-worker transcription", "chattergram-worker run/transcription.transcribe"}
    wait_until(lambda: wanted <= set(collector.of(request)), 40, "the spans of the transcription")
    spans = collector.of(request)
    assert all(spans[name].parent_span_id == own for name in wanted)
    task, attempt = (spans[name] for name in sorted(wanted))
    assert task.start_time_unix_nano <= attempt.start_time_unix_nano <= attempt.end_time_unix_nano
    assert {each.key: each.value.string_value for each in task.attributes}["celery.state"] == "SUCCESS"
    (message,) = ben.history(ada)
    for private in (audio, message["text"], message["_id"], ada.token):
        assert private.encode() not in collector.raw


def test_without_its_packages_the_setting_is_refused_in_a_sentence(tmp_path: Path) -> None:
    script = "import sys; sys.modules['opentelemetry'] = None\nfrom web.app import create_app; create_app()"
    environment = {**clean_environment(), "ENVIRONMENT": "test", "SECRET_KEY": SECRET, "PYTHONPATH": str(ROOT)}
    ran = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**environment, **others},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for others in ({"OTLP_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, {})
    ]
    assert ran[0].returncode == 1
    assert "OTLP_ENDPOINT: needs packages" in ran[0].stderr
    assert "requirements/tracing.txt" in ran[0].stderr
    assert "Traceback" not in ran[0].stderr
    assert ran[1].returncode == 0, "nobody needs them otherwise"
