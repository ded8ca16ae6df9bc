"""Whether a process is alive, and what it is missing."""

import pytest
import requests

from dev.processes import LOOPBACK, free_port
from tests.client import Client
from tests.contract.conftest import MakeWeb, Web
from tests.contract.shapes import check_problem


def test_a_live_process_says_so(client: Client) -> None:
    assert requests.get(f"{client.url}/healthz", timeout=10).status_code == 200


def test_a_process_that_has_everything_is_ready(client: Client) -> None:
    assert requests.get(f"{client.url}/readyz", timeout=10).status_code == 200


def test_without_mongodb_and_broker_it_lives_and_says_what_is_missing(crippled: Web) -> None:
    assert requests.get(f"{crippled.client.url}/healthz", timeout=10).status_code == 200
    problem = check_problem(requests.get(f"{crippled.client.url}/readyz", timeout=10), 503)
    assert "mongodb" in problem["detail"]
    assert "broker" in problem["detail"]
    assert "redis" not in problem["detail"]
    assert "search" not in problem["detail"]


def test_without_redis_it_lives_and_says_what_is_missing(make_web: MakeWeb) -> None:
    web = make_web("web-without-redis", {"REDIS_URL": f"redis://{LOOPBACK}:{free_port()}/0"})
    web.process.wait_ready(web.is_alive, 30)
    problem = check_problem(requests.get(f"{web.client.url}/readyz", timeout=30), 503)
    for missing in ("redis", "search"):
        assert missing in problem["detail"]
    for there in ("mongodb", "broker"):
        assert there not in problem["detail"]
    check_problem(web.client.request("GET", "/user/me", headers={"x-api-key": "x"}), 403)
    web.process.kill()


@pytest.mark.parametrize("path", ["/user/me", "/conversations", "/user/list", "/search?q=x"])
def test_reading_works_without_mongodb(crippled: Web, client: Client, path: str) -> None:
    """For people Redis knows, its data is enough."""
    person = client.sign_up()
    assert crippled.seen_by(person).request("GET", path).status_code == 200


def test_without_mongodb_what_needs_it_is_503(crippled: Web, client: Client) -> None:
    body = {"email": "nobody@example.org", "password": "some password"}
    check_problem(crippled.client.request("POST", "/login", json=body), 503)
    body |= {"username": "nobody"}
    check_problem(crippled.client.request("POST", "/signup", json=body), 503)


def test_metrics_are_prometheus_text(client: Client) -> None:
    response = requests.get(f"{client.url}/metrics", timeout=10)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    assert "# TYPE" in response.text
