"""What index.html preloads, how the page's modules import each other, and what checks them."""

import json
import os
import re
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from dev import node, preloads
from tests.stack import ROOT

SCRIPTS = preloads.STATIC / "js"
WORKER = SCRIPTS / "worker" / "worker.js"


def test_the_page_preloads_exactly_what_it_imports() -> None:
    page = preloads.PAGE.read_text()
    assert page == preloads.renewed(page), "run `make fmt`"
    assert all(f"/static/js/{name}.js" in page for name in ("app/shell", "base/events", "thread/thread"))


def test_a_list_that_is_not_up_to_date_is_seen() -> None:
    page = preloads.PAGE.read_text()
    without = re.sub(r'<link rel="modulepreload" href="/static/js/app/shell.js">\n', "", page)
    assert without != page
    assert preloads.renewed(without) == page
    assert preloads.renewed(page.replace("app/shell.js", "app/gone.js")) == page


def test_every_module_is_used() -> None:
    """A script is in index.html, or imported by one that is, at once or later, or by the service worker."""
    scripts = set(re.findall(r'<script[^>]* src="/static/js/([^"]+)"', preloads.PAGE.read_text()))
    used = {SCRIPTS / name for name in scripts} | set(preloads.modules()) | set(preloads.later())
    used |= {WORKER, *preloads.modules(WORKER)}
    assert set(SCRIPTS.rglob("*.js")) - used == set()


def test_the_imports_of_modules_have_no_circles() -> None:
    every = [*preloads.modules(), *preloads.later()]
    TopologicalSorter({module: preloads.imported(module) for module in every}).prepare()


def test_imports_over_several_lines_and_exports_from_are_seen(tmp_path: Path) -> None:
    module = tmp_path / "one.js"
    module.write_text(
        'import {\n\ta,\n\tb,\n} from "./two.js";\nexport { c } from "../three.js";\nimport "./four.js";\n'
    )
    names = [path.name for path in preloads.imported(module)]
    assert names == ["two.js", "three.js", "four.js"]


@pytest.mark.parametrize("lock_file", node.LOCKS, ids=lambda file: file.parent.name)
def test_the_lock_file_has_a_hash_of_everything_and_names_no_registry(lock_file: Path) -> None:
    packages = {name: package for name, package in json.loads(lock_file.read_text())["packages"].items() if name}
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package]
    written = json.loads((lock_file.parent / "package.json").read_text())
    wanted = {**written["dependencies"], **written.get("devDependencies", {})}
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("version", "will_do"),
    [
        ("v18.20.8", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.12.0", False),
        ("v22.13.0", True),
        ("v24.0.0", True),
        ("v25.1.0", True),
        ("", False),
    ],
)
def test_only_a_node_that_runs_the_checks_will_do(version: str, will_do: bool) -> None:
    assert node.suits(version) is will_do


def test_package_json_says_the_same() -> None:
    *exact, (major, minor) = node.OLDEST.values()
    wanted = [*(f"^{older}.{least}" for older, least in exact), f">={major}.{minor}"]
    assert json.loads((ROOT / "package.json").read_text())["engines"]["node"] == " || ".join(wanted)


def test_without_a_node_that_will_do_the_wheel_brings_one_with_npm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.0.0\n")
    (tmp_path / "npm").write_text("#!/bin/sh\nexit 1\n")
    for program in (old, tmp_path / "npm"):
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = node.find_node()
    assert node.suits(subprocess.run([found.binary, "--version"], capture_output=True, text=True, check=True).stdout)
    npm = subprocess.run([*found.npm, "--version"], capture_output=True, text=True, check=True, env=os.environ)
    assert re.match(r"\d+\.", npm.stdout)


def test_packages_are_installed_once(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    found = node.prepare()
    capfd.readouterr()
    monkeypatch.setattr(node, "npm", lambda *_: pytest.fail("npm was called"))
    node.install_packages(found)
    assert capfd.readouterr().out == ""


def test_a_script_that_fails_shows_why_and_one_that_succeeds_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    node.prepare()
    capfd.readouterr()
    with pytest.raises(SystemExit, match=r"Missing script(.|\n)*no-such-script failed"):
        node.main(["no-such-script"])
    node.main([])
    assert capfd.readouterr().out == ""


def test_every_typeface_is_small_used_and_has_its_licence() -> None:
    fonts = sorted((preloads.STATIC / "fonts").glob("*.woff2"))
    used = re.findall(r'url\("\.\./fonts/([^"]+)"\)', (preloads.STATIC / "css" / "fonts.css").read_text())
    assert sorted(used) == [font.name for font in fonts]
    for font in fonts:
        assert font.stat().st_size <= 25_000, font.name
        licence = (font.parent / f"{font.name.partition('-')[0]}-OFL.txt").read_text()
        assert "SIL OPEN FONT LICENSE Version 1.1" in licence
