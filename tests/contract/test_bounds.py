"""Every bound of a query that the API's document states holds: the bound itself is taken, one more is 422."""

from typing import Any

import pytest
import requests

from tests.client import Client, Person
from tests.contract.shapes import check_problem
from tests.stack import Stack

Bound = tuple[str, str, dict[str, Any]]
"""Path, parameter, and the schema that bounds it."""


@pytest.fixture(scope="module")
def bounds(stack: Stack) -> list[Bound]:
    document = requests.get(f"{stack.url}/api/docs/openapi.json", timeout=10).json()
    return [
        (path, parameter["name"], bounded)
        for path, calls in document["paths"].items()
        for parameter in calls.get("get", {}).get("parameters", [])
        if parameter["in"] == "query"
        for bounded in (parameter["schema"], *parameter["schema"].get("anyOf", []))
        if "maximum" in bounded or "minimum" in bounded
    ]


def test_every_list_has_bounded_pages(bounds: list[Bound]) -> None:
    paths = {path for path, name, bounded in bounds if name == "limit" and "maximum" in bounded}
    assert paths == {"/api/chat/{partnerId}", "/api/conversations", "/api/search", "/api/user/list"}
    assert all(bounded.keys() >= {"minimum", "maximum"} for *_, bounded in bounds)


def test_every_bound_of_a_query_holds(client: Client, ada: Person, ben: Person, bounds: list[Bound]) -> None:
    assert bounds
    for path, name, bounded in bounds:
        address = path.removeprefix("/api").replace("{partnerId}", ben.id)
        needed = {"q": "x"} if address == "/search" else {}
        for value, refused in (
            (bounded["minimum"], False),
            (bounded["maximum"], False),
            (bounded["minimum"] - 1, True),
            (bounded["maximum"] + 1, True),
        ):
            response = ada.request("GET", address, params={**needed, name: value})
            if refused:
                problem = check_problem(response, 422)
                assert [error["field"] for error in problem["errors"]] == [name], (path, value)
            else:
                assert response.status_code == 200, (path, name, value, response.text)
