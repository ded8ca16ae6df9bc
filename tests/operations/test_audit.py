"""`make audit` names what has a known vulnerability, and never says that all is well when it could not ask."""

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
    """osv.dev, which knows of one vulnerability."""
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


def test_a_version_with_a_known_vulnerability_is_named_with_what_fixes_it(tmp_path: Path, osv: HTTPServer) -> None:
    osv.expect_request("/v1/query").respond_with_handler(advise)
    found = audit.python_vulnerabilities(pinned(tmp_path, "jinja2==2.10", "flask==3.1.3"), osv.url_for("/v1/query"))
    assert [str(each) for each in found] == [f"jinja2 2.10: {ADVISORY} (fixed in 2.10.1)"]


def test_every_compiled_version_is_asked_for(osv: HTTPServer) -> None:
    asked = set()

    def note(request: Request) -> Response:
        asked.add(request.get_json(force=True)["package"]["name"])
        return Response("{}", content_type="application/json")

    osv.expect_request("/v1/query").respond_with_handler(note)
    names = audit.requirements.names()
    files = [audit.requirements.FOLDER / f"{name}.txt" for name in names]
    assert audit.python_vulnerabilities(files, osv.url_for("/v1/query")) == []
    assert asked == audit.requirements.written(names).keys()


@pytest.mark.parametrize("status", [None, 404, 500])
def test_it_does_not_say_that_all_is_well_when_it_could_not_ask(
    tmp_path: Path, osv: HTTPServer, status: int | None
) -> None:
    osv.expect_request("/v1/query").respond_with_data("away", status=status or 500)
    url = osv.url_for("/v1/query") if status else f"http://{LOOPBACK}:{free_port()}/v1/query"
    with pytest.raises(audit.AuditError, match="cannot be asked") as refused:
        audit.python_vulnerabilities(pinned(tmp_path, "flask==3.1.3"), url)
    assert "Traceback" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.fixture
def registry(tmp_path: Path, osv: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """npm's registry, which knows of one vulnerability; and a folder whose lock file lists the package."""
    entry = {"version": "4.17.20", "resolved": osv.url_for("/lodash-4.17.20.tgz")}
    lock = {"name": "x", "version": "1.0.0", "lockfileVersion": 3, "requires": True}
    root = {"name": "x", "version": "1.0.0", "dependencies": {"lodash": "4.17.20"}}
    (tmp_path / "package.json").write_text(_json(root))
    (tmp_path / "package-lock.json").write_text(_json({**lock, "packages": {"": root, "node_modules/lodash": entry}}))
    monkeypatch.setenv("npm_config_registry", osv.url_for("/"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    return tmp_path


def test_a_vulnerability_of_a_javascript_package_is_named(registry: Path, osv: HTTPServer) -> None:
    known = {"id": 1, "url": "https://example.org", "title": "Prototype pollution", "severity": "high"}
    osv.expect_request("/-/npm/v1/security/advisories/bulk").respond_with_json(
        {"lodash": [{**known, "vulnerable_versions": "<4.17.21"}]}
    )
    versions = {number: {"name": "lodash", "version": number} for number in ("4.17.20", "4.17.21")}
    osv.expect_request("/lodash").respond_with_json(
        {"name": "lodash", "versions": versions, "dist-tags": {"latest": "4.17.21"}}
    )
    found = audit.javascript_vulnerabilities(registry)
    assert [str(each) for each in found] == ["lodash 4.17.20: Prototype pollution (fixed in lodash 4.17.21)"]


def test_a_registry_without_advisories_is_no_clean_bill(registry: Path) -> None:
    with pytest.raises(audit.AuditError, match="npm cannot ask its registry"):
        audit.javascript_vulnerabilities(registry)
