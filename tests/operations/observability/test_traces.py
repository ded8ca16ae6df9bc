"""A call's trace reaches from the call to the frame, over all processes, with nothing of people in it."""

import secrets
import sys
from pathlib import Path

from chat.spans import first_span_id
from chat.store import keys
from dev.processes import wait_until
from tests.client import Client
from tests.operations.observability.conftest import Collector
from tests.people import partition_of
from tests.recordings import spoken
from tests.stack import ROOT, SECRET, Stack, run_alone
from tests.stores import open_stores


def test_a_trace_reaches_from_the_call_to_the_frame(stack: Stack, client: Client, collector: Collector) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    with open_stores(stack.settings()) as stores:
        awake = keys.waking_key(partition_of(stores, (ada.id, ben.id)))
        wait_until(lambda: not stores.redis.exists(awake), 30, "nobody to drain that partition")
    request, said = secrets.token_hex(8), f"secret-{secrets.token_hex(8)}"
    headers = {"X-Request-Id": request, "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    ada.call("POST", "/chat", 202, json={"receiverId": ben.id, "text": said}, headers=headers)
    socket.wait_for_frame("application:messages", lambda each: each["text"] == said)
    wanted = {"chattergram-web POST /api/chat", "chattergram-worker message.delivered", "chattergram-web frame"}
    wanted.add("chattergram-worker run/chat.drain")  # which this call woke
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
    """That nobody needs them otherwise, `tests/unit/test_requirements.py` shows."""
    script = "import sys; sys.modules['opentelemetry'] = None\nfrom web.app import create_app; create_app()"
    own = {"ENVIRONMENT": "test", "SECRET_KEY": SECRET, "OTLP_ENDPOINT": "http://127.0.0.1:1/v1/traces"}
    ran = run_alone([sys.executable, "-c", script], {"PYTHONPATH": str(ROOT), **own}, tmp_path)
    assert ran.returncode == 1
    assert "OTLP_ENDPOINT: needs packages" in ran.stderr
    assert "requirements/tracing.txt" in ran.stderr
    assert "Traceback" not in ran.stderr
