"""`/metrics` reports what happened in all gunicorn workers and in Celery workers, which have no port."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from dev.processes import wait_until
from tests.client import Client
from tests.operations.observability.conftest import DYNO, TOKEN
from tests.recordings import spoken
from tests.stack import ROOT, Stack

SECONDS = 20
OF_PROCESS = ("http_", "sockets", "frames", "texts_ignored")
DASHBOARD = ROOT / "docs" / "grafana.json"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(stack: Stack) -> Samples:
    answer = requests.get(f"{stack.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    assert answer.status_code == 200, answer.text
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            name, labels = sample.name.removeprefix("chattergram_"), dict(sample.labels)
            assert labels.pop("process", None) == (DYNO if name.startswith(OF_PROCESS) else None), name
            found[name, frozenset(labels.items())] = sample.value
    return found


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0)


def wait_for(stack: Stack, name: str, wanted: float, **labels: str) -> None:
    wait_until(lambda: value(scrape(stack), name, **labels) == wanted, SECONDS, f"{name} to be {wanted}")


def test_without_its_token_nothing_is_told(stack: Stack) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN[:-1]}):
        assert requests.get(f"{stack.url}/metrics", headers=headers, timeout=10).status_code == 401


def test_requests_are_counted_by_route_and_status_over_all_gunicorn_workers(stack: Stack, client: Client) -> None:
    ada = client.sign_up("ada")
    before = scrape(stack)
    route = "/api/chat/<partnerId>"
    for _ in range(30):  # over fresh connections, so that both workers get some
        requests.get(f"{stack.url}/api/chat/{ada.id[::-1]}", headers={"x-api-key": ada.token}, timeout=10)
    requests.request("BREW", f"{stack.url}/api/nowhere", timeout=10)
    after = scrape(stack)

    def grown(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert grown("http_requests_total", method="GET", route=route, status="404") == 30
    assert grown("http_request_seconds_count", method="GET", route=route) == 30
    assert grown("http_request_seconds_bucket", method="GET", route=route, le="+Inf") == 30
    assert grown("http_requests_total", method="other", route="none", status="404") == 1
    assert not [labels for _, labels in after if ("method", "BREW") in labels]


def test_sockets_and_frames_are_counted(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    sockets = [person.connect() for person in (ada, ben, ben, ben)]
    wait_for(stack, "sockets", 4)
    frames = value(scrape(stack), "frames_total")
    sent = ada.post(ben, "to four sockets")
    for socket in sockets:
        socket.wait_for_frame("application:messages", lambda data: data["_id"] == sent["_id"])
    wait_until(lambda: value(scrape(stack), "frames_total") >= frames + 4, SECONDS, "four frames to be counted")
    for socket in sockets:
        socket.close()
    wait_for(stack, "sockets", 0)


def test_what_workers_did_is_counted(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    before = scrape(stack)
    ada.post(ben, "a text")
    upload = ada.upload(spoken("amiable.webm"))
    voice = ada.post(ben, audioFileId=upload["audioFileUuid"])
    socket.wait_for_frame("application:messages", lambda data: data["_id"] == voice["_id"], timeout=60)

    def grown(name: str, **labels: str) -> float:
        return value(scrape(stack), name, **labels) - value(before, name, **labels)

    for name, least, labels in [
        ("messages_delivered_total", 2, {}),
        ("delivery_seconds_count", 2, {}),
        ("transcriptions_total", 1, {"outcome": "transcribed"}),
        ("transcription_seconds_count", 1, {}),
        ("tasks_total", 1, {"task": "transcription.transcribe", "outcome": "succeeded"}),
        ("tasks_total", 1, {"task": "chat.drain", "outcome": "succeeded"}),
        ("task_seconds_count", 1, {"task": "chat.drain"}),
        ("sync_rounds_total", 1, {"result": "complete"}),
    ]:
        wait_until(lambda n=name, low=least, of=labels: grown(n, **of) >= low, 30, f"{name} to grow")
    # Each of the two web processes reads the stores by itself, and the next response may come from the other.
    wait_until(lambda: 0 < value(scrape(stack), "transcription_seconds_sum") < 60, 30, "the time it took")


def test_the_state_of_the_stores_is_told(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    sent = [ada.post(ben, f"number {number}") for number in range(3)]
    wait_until(lambda: len(ben.history(ada)) == len(sent), SECONDS, "the messages to be stored")
    for store in ("hot", "archive"):  # one is looked at before the other
        of = f"{store}_messages"
        wait_until(lambda of=of: value(scrape(stack), of) >= len(sent), SECONDS, f"{of} to count them")
    samples = scrape(stack)
    assert [value(samples, f"{store}_up") for store in ("redis", "mongodb", "broker")] == [1, 1, 1]
    assert value(samples, "hot_people") >= 2
    assert value(samples, "archive_bytes") > 0
    assert value(samples, "redis_memory_bytes") > 0
    assert ("queue_tasks", frozenset({("queue", "chat")})) in samples
    assert ("queue_tasks", frozenset({("queue", "transcription")})) in samples


def test_what_waits_for_mongodb_is_told_and_goes_down_again(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    stack.mongodb.kill()
    try:
        ada.post(ben, "MongoDB is away")
        wait_until(lambda: value(scrape(stack), "outbox_messages") >= 1, 40, "the outbox to have it")
        # All in one scrape, since another gunicorn worker may still report older values.
        wait_until(lambda: tells_no_archive(scrape(stack)), SECONDS, "the archive to be missing")
    finally:
        stack.mongodb.restart()
    wait_until(lambda: value(scrape(stack), "outbox_messages") == 0, 60, "the outbox to empty")


def tells_no_archive(samples: Samples) -> bool:
    return value(samples, "mongodb_up") == 0 and ("archive_messages", frozenset()) not in samples


def test_every_metric_of_the_dashboard_is_exposed(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    ada.post(ben, "something to draw")
    exposed = {f"chattergram_{name}" for name, _ in scrape(stack)}
    queries = list(expressions(json.loads(DASHBOARD.read_text())))
    assert len(queries) >= 15
    named = {name for query in queries for name in re.findall(r"chattergram_\w+", query)}
    wait_until(lambda: not named - {f"chattergram_{name}" for name, _ in scrape(stack)}, 40, f"{named - exposed}")


def expressions(part: object) -> Iterator[str]:
    """Every Prometheus query in a dashboard."""
    if isinstance(part, dict):
        if isinstance(part.get("expr"), str):
            yield part["expr"]
        for inner in part.values():
            yield from expressions(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from expressions(inner)


def test_every_number_is_described_in_the_documentation() -> None:
    from chat.store import counters
    from chat.upkeep import gauges

    page = Path(ROOT / "docs" / "operations.md").read_text()
    own = ("http_requests", "http_request_seconds", "sockets", "frames", "texts_ignored", "queue_tasks", "broker_up")
    assert [name for name in (*counters.FAMILIES, *gauges.FIGURES, *own) if f"`{name}`" not in page] == []
