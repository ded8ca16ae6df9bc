"""Exactly the compiled requirements are installed: files with hashes, compiled from .in files with reasons."""

import re
import sys
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.utils import canonicalize_name

from dev import requirements
from dev.requirements import Pin
from tests.stack import ROOT, run_configured
from tests.unit.test_imports import OURS, imported

NAMES = requirements.names()
WITHOUT_FLOWER = [name for name in requirements.deployed() if name != "flower"]
RUN = ("config", "chat", "web", "workers", "beat")
STANDARD = {*sys.stdlib_module_names, *OURS, "beat"}


def test_what_is_installed_is_exactly_what_is_written() -> None:
    written = requirements.written([*requirements.deployed(), *requirements.IN_VENV])
    found = requirements.installed()
    if found.keys() - written.keys():  # `make bench` adds its own
        written |= requirements.written(["bench"])
    assert found.items() ^ written.items() == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_direct_requirement_is_exact_and_has_a_reason(name: str) -> None:
    for requirement, reason in requirements.direct(name):
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert reason, requirement


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_compiled_file_is_exact_and_has_hashes(name: str) -> None:
    found = requirements.pins(name)
    assert found
    for pin in found:
        assert re.fullmatch(r"==[\w.]+", str(pin.requirement.specifier)), pin
        assert pin.hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pin.hashes), pin


def stale(direct: list[requirements.Direct], pins: list[Pin], name: str) -> set[str]:
    """The differences between a compiled file and its .in file."""
    source = f"-r requirements/{name}.in"
    wanted = {_line(each.requirement) for each in direct}
    listed = {_line(pin.requirement) for pin in pins if source in pin.via}
    names = {pin.name for pin in pins}
    orphans = {pin.name for pin in pins if not pin.via or not set(pin.via) <= {source, *names}}
    return (wanted ^ listed) | orphans


def _line(requirement: requirements.Requirement) -> str:
    marker = sorted(str(requirement.marker).split(" and ")) if requirement.marker else ""
    return f"{canonicalize_name(requirement.name)}{requirement.specifier} {marker}".replace('"', "'")


@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_file_is_up_to_date(name: str) -> None:
    assert stale(requirements.direct(name), requirements.pins(name), name) == set(), "run `make requirements`"


def test_a_compiled_file_that_is_not_up_to_date_is_seen() -> None:
    direct, pins = requirements.direct("flower"), requirements.pins("flower")
    assert stale([], pins, "flower")
    assert stale([*direct, *requirements.direct("pip")], pins, "flower")
    other = requirements.Direct(requirements.Requirement("flower==0.1"), "")
    assert stale([other], pins, "flower")
    assert stale(direct, [pin for pin in pins if pin.name != "celery"], "flower")


def test_every_compiled_file_has_its_source_and_no_two_disagree() -> None:
    assert sorted(file.stem for file in requirements.FOLDER.glob("*.txt")) == NAMES
    versions: dict[tuple[str, str], set[tuple[str, tuple[str, ...]]]] = {}
    for pin in (pin for name in NAMES for pin in requirements.pins(name)):
        key = (pin.name, str(pin.requirement.marker))
        versions.setdefault(key, set()).add((pin.version, tuple(pin.hashes)))
    assert [key for key, each in versions.items() if len(each) > 1] == []


def test_no_file_names_a_host() -> None:
    files = [requirements.DEPLOYED, *requirements.FOLDER.iterdir()]
    assert [file.name for file in files if "://" in file.read_text() or "index-url" in file.read_text()] == []


def distributions(package: str) -> Iterator[tuple[str, set[str]]]:
    """Each third-party module that our package imports, with the distributions it may come from."""
    owners = metadata.packages_distributions()
    for path in sorted((ROOT / package).rglob("*.py")):
        for module in imported(path):
            top = module.partition(".")[0]
            if top not in STANDARD:
                yield f"{path.relative_to(ROOT)}: {module}", {canonicalize_name(each) for each in owners.get(top, ())}


@pytest.mark.parametrize(
    ("packages", "files"),
    [
        (RUN, [*WITHOUT_FLOWER, "speech", "tracing"]),
        (("dev", "tests"), [*requirements.deployed(), *requirements.IN_VENV]),
    ],
)
def test_what_we_import_is_a_requirement_of_our_own(packages: tuple[str, ...], files: list[str]) -> None:
    ours = {canonicalize_name(each.requirement.name) for name in files for each in requirements.direct(name)}
    foreign = [where for package in packages for where, owners in distributions(package) if not owners & ours]
    assert foreign == []


# Imported only once there is a model, for which requirements/speech.txt has to be installed
SPEECH = tuple(f"chat.voice.recognisers.{name}" for name in ("hearing", "pieces", "utterances", "whisper_stream"))


def test_every_process_but_flower_starts_without_what_only_others_need() -> None:
    """Here packages that base.txt does not list cannot be imported, as if they were not installed."""
    written = requirements.written(WITHOUT_FLOWER)
    owners = metadata.packages_distributions().items()
    absent = [top for top, each in owners if not {canonicalize_name(one) for one in each} & written.keys()]
    assert {"flower", "tornado", "pytest", "faster_whisper", "onnxruntime", "opentelemetry"} <= set(absent)
    program = f"""
import sys
sys.modules.update(dict.fromkeys({absent!r}))
import importlib, pkgutil
import celery.bin.worker, celery.bin.beat, gunicorn.app.wsgiapp
for package in {RUN!r}:
    for module in pkgutil.walk_packages([package], package + "."):
        if module.name not in {SPEECH!r}:
            importlib.import_module(module.name)
import web.app
web.app.create_app()
"""
    run_configured([sys.executable, "-c", program])
