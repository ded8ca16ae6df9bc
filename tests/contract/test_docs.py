"""The API's OpenAPI document is complete, with errors and examples, and its page works offline."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from config.version import VERSION
from tests.client import Client
from tests.contract.calls import CALLS, PUBLIC
from tests.contract.shapes import PROBLEM

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(server: Client) -> Json:
    response = requests.get(f"{server.url}/api/docs/openapi.json", timeout=10)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    found: Json = response.json()
    return found


def operations(document: Json) -> dict[str, Json]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_openapi_3_1_and_describes_every_call_and_no_other(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Chattergram"
    assert document["info"]["version"] == VERSION
    assert sorted(operations(document)) == sorted(CALLS)


def test_every_reference_leads_somewhere(document: Json) -> None:
    def follow(part: Any) -> None:
        if isinstance(part, dict):
            if reference := part.get("$ref"):
                target: Any = document
                for name in reference.removeprefix("#/").split("/"):
                    target = target[name]
            for value in part.values():
                follow(value)
        elif isinstance(part, list):
            for value in part:
                follow(value)

    follow(document)


@pytest.mark.parametrize("label", CALLS)
def test_every_call_describes_its_input_and_every_response(document: Json, label: str) -> None:
    operation = operations(document)[label]
    assert operation["summary"]
    assert operation["tags"]
    answers = operation["responses"]
    assert any(status.startswith("2") for status in answers)
    expected = {"422", "503"} | (set() if label in PUBLIC else {"401"})
    expected |= {"404"} if "{" in label else set()
    expected |= {"400", "413", "415"} if label.split(maxsplit=1)[0] in ("POST", "PATCH", "DELETE") else set()
    assert expected <= answers.keys()
    assert bool(operation.get("security")) == (label not in PUBLIC)
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    assert set(re.findall(r"\{(\w+)\}", label)) <= names


@pytest.mark.parametrize("label", CALLS)
def test_every_error_is_a_problem_with_an_example(document: Json, label: str) -> None:
    for status, answer in operations(document)[label]["responses"].items():
        if status.startswith(("2", "3")):
            continue
        content = answer["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert content["example"].keys() >= PROBLEM
        assert content["example"]["status"] == int(status)
        assert ("Retry-After" in answer.get("headers", {})) == (status in ("429", "503"))


@pytest.mark.parametrize("label", CALLS)
def test_every_body_and_every_response_has_an_example(document: Json, label: str) -> None:
    operation = operations(document)[label]
    for described in [operation.get("requestBody", {}), *operation["responses"].values()]:
        for media_type, content in described.get("content", {}).items():
            if media_type == "application/json":
                assert "example" in resolved(document, content["schema"]), (label, content)


def resolved(document: Json, schema: Json) -> Json:
    """The schema behind references; for a list, that of its items."""
    schemas = document["components"]["schemas"]
    while "$ref" in schema or "items" in schema:
        schema = schema["items"] if "items" in schema else schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def test_every_call_has_a_limit_and_says_so(document: Json) -> None:
    assert [label for label, operation in operations(document).items() if "429" not in operation["responses"]] == []


@pytest.mark.parametrize(
    ("label", "usual", "most"),
    [
        ("GET /api/user/list", 1_000, 1_000),
        ("GET /api/conversations", 50, 200),
        ("GET /api/chat/{partnerId}", None, 500),
        ("GET /api/search", 20, 100),
    ],
)
def test_every_limit_has_its_default_and_its_maximum(document: Json, label: str, usual: int | None, most: int) -> None:
    parameters = {each["name"]: each["schema"] for each in operations(document)[label]["parameters"]}
    limit = parameters["limit"]
    bounds = next((each for each in limit.get("anyOf", []) if each.get("type") == "integer"), limit)
    assert limit.get("default") == usual
    assert (bounds["minimum"], bounds["maximum"]) == (1, most)


def test_both_ways_to_send_a_token_are_described(document: Json) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {"type": "apiKey", "in": "header", "name": "x-api-key"}.items() <= schemes["apiKey"].items()
    assert {"type": "http", "scheme": "bearer"}.items() <= schemes["bearer"].items()


class _Files(HTMLParser):
    """What a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and ((tag, name) in (("script", "src"), ("img", "src")) or (tag, name) == ("link", "href")):
                self.found.append(value)


def test_the_page_works_without_the_internet(client: Client) -> None:
    page = requests.get(f"{client.url}/api/docs", timeout=10)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    files = _Files()
    files.feed(page.text)
    assert any(file.endswith(".js") for file in files.found)
    for file in files.found:
        address = urljoin(page.url, file)
        assert urlsplit(address).netloc == urlsplit(client.url).netloc
        loaded = requests.get(address, timeout=10)
        assert loaded.status_code == 200
        assert loaded.headers["X-Content-Type-Options"] == "nosniff"
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
