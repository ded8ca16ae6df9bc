"""`make audit` names what has a known weakness, and never says that all is well when it could not ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from dev import audit
from dev.processes import LOOPBACK, free_port

ADVISORY = "PYSEC-2019-217"
pytestmark = pytest.mark.timeout(240)  # the first call installs pip-audit


@pytest.fixture
def osv() -> Iterator[HTTPServer]:
    """osv.dev, which knows of one weakness."""
    with HTTPServer() as server:
        yield server


def advise(request: Request) -> Response:
    asked = request.get_json(force=True)
    if (asked["package"]["name"], asked["version"]) != ("jinja2", "2.10"):
        return Response("{}", content_type="application/json")
    package = {"name": "jinja2", "ecosystem": "PyPI"}
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]}]
    known = {"id": ADVISORY, "summary": "Escapes the sandbox", "affected": [{"package": package, "ranges": ranges}]}
    return Response(response=_json({"vulns": [known]}), content_type="application/json")


def _json(value: object) -> str:
    import orjson

    return orjson.dumps(value).decode()


def pinned(folder: Path, *lines: str) -> list[Path]:
    file = folder / "some.txt"
    file.write_text("".join(f"{line} --hash=sha256:{'0' * 64}\n" for line in lines))
    return [file]


def test_a_version_with_a_known_weakness_is_named_with_what_mends_it(tmp_path: Path, osv: HTTPServer) -> None:
    osv.expect_request("/v1/query").respond_with_handler(advise)
    found = audit.python_weaknesses(pinned(tmp_path, "jinja2==2.10", "flask==3.1.3"), osv.url_for("/v1/query"))
    assert [str(each) for each in found] == [f"jinja2 2.10: {ADVISORY} (mended in 2.10.1)"]


def test_every_compiled_version_is_asked_for(osv: HTTPServer) -> None:
    asked = set()

    def note(request: Request) -> Response:
        asked.add(request.get_json(force=True)["package"]["name"])
        return Response("{}", content_type="application/json")

    osv.expect_request("/v1/query").respond_with_handler(note)
    names = audit.requirements.names()
    files = [audit.requirements.FOLDER / f"{name}.txt" for name in names]
    assert audit.python_weaknesses(files, osv.url_for("/v1/query")) == []
    assert asked == audit.requirements.written(names).keys()


@pytest.mark.parametrize("status", [None, 404, 500])
def test_it_does_not_say_that_all_is_well_when_it_could_not_ask(
    tmp_path: Path, osv: HTTPServer, status: int | None
) -> None:
    osv.expect_request("/v1/query").respond_with_data("away", status=status or 500)
    url = osv.url_for("/v1/query") if status else f"http://{LOOPBACK}:{free_port()}/v1/query"
    with pytest.raises(audit.AuditError, match="cannot be asked") as refused:
        audit.python_weaknesses(pinned(tmp_path, "flask==3.1.3"), url)
    assert "Traceback" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_without_a_lock_file_npm_has_nothing_to_say(tmp_path: Path) -> None:
    assert audit.javascript_weaknesses(tmp_path) == []
