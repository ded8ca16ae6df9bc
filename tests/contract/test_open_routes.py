"""Every route requires a token unless it is listed as open."""

import re

import pytest

from tests.client import Client
from tests.contract.routes import RULES
from tests.contract.shapes import check_problem
from web.auth import OPEN


def closed_routes() -> list[tuple[str, str]]:
    """The method and path of every route that is not listed as open."""
    endpoints = {rule.endpoint for rule in RULES}
    assert endpoints >= OPEN, f"listed as open, but not there: {OPEN - endpoints}"
    closed = [rule for rule in RULES if rule.endpoint not in OPEN]
    return sorted(
        (method, re.sub("<[^>]*>", "x", rule.rule))
        for rule in closed
        for method in (rule.methods or set()) - {"OPTIONS"}
    )


CLOSED = closed_routes()


def test_there_are_closed_routes() -> None:
    assert ("POST", "/api/chat") in CLOSED
    assert len(CLOSED) >= 20


@pytest.mark.parametrize(("method", "path"), CLOSED, ids=[f"{method} {path}" for method, path in CLOSED])
def test_without_a_token_a_closed_route_is_401(client: Client, method: str, path: str) -> None:
    refused = client.http.request(method, f"{client.url}{path}", timeout=10)
    if method == "HEAD":
        assert refused.status_code == 401
    else:
        check_problem(refused, 401)
