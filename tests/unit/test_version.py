"""The version is defined once, in config/version.py, and everything else takes it from there."""

import re

from setuptools.config.pyprojecttoml import read_configuration

from config.version import VERSION
from dev import requirements
from tests.stack import ROOT


def test_the_changelog_begins_with_it() -> None:
    heads = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] == VERSION


def test_pyproject_takes_it_and_the_requirements_from_where_they_are() -> None:
    project = read_configuration(ROOT / "pyproject.toml", expand=True)["project"]
    assert project["version"] == VERSION
    assert len(project["dependencies"]) == len(requirements.direct("base"))


def test_no_other_file_of_code_spells_it() -> None:
    files = [ROOT / "pyproject.toml", ROOT / "Dockerfile", ROOT / "docker-compose.yml"]
    files += [file for folder in ("chat", "web", "workers", "beat", "dev") for file in (ROOT / folder).rglob("*.py")]
    lines = [(file, line) for file in files for line in file.read_text().splitlines() if f'"{VERSION}"' in line]
    assert [str(file) for file, line in lines if "tus" not in line.lower()] == [], "tus has versions of its own"
