"""The check for wheels reports a requirement that has none; README.md agrees with it."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from dev.requirements import Pin
from dev.wheels import ARM, BUILT, INTEL, MAC, PLATFORMS, PYTHONS, AskError, Target, mistakes, targets, without_wheel
from tests.stack import ROOT
from tests.wheelhouse import make_wheel

HERE, THERE = Target("3.12", INTEL), Target("3.14", ARM)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that uv uses instead of the index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    return folder


def pin(wheel: Path) -> Pin:
    name, version = wheel.name.split("-")[:2]
    return Pin(Requirement(f"{name}=={version}"), [], [])


def test_uv_tells_what_has_no_wheel_for_a_python_and_a_platform(index: Path) -> None:
    everywhere = pin(make_wheel(index, "everywhere", "1.0"))
    of_one = pin(make_wheel(index, "one", "1.0", "cp312-cp312-manylinux_2_28_x86_64"))
    too_new = pin(make_wheel(index, "new", "1.0", "cp312-cp312-manylinux_2_39_x86_64"))
    mac = pin(make_wheel(index, "mac", "1.0", "cp312-cp312-macosx_14_0_arm64"))
    pins = [everywhere, of_one, too_new, mac]
    assert sorted(without_wheel(HERE, pins)) == ["mac", "new"]
    assert sorted(without_wheel(THERE, pins)) == ["mac", "new", "one"]
    assert sorted(without_wheel(Target("3.12", MAC), pins)) == ["new", "one"]


def test_a_marker_that_leaves_a_platform_out_needs_no_wheel_there(index: Path) -> None:
    make_wheel(index, "one", "1.0", "cp312-cp312-manylinux_2_28_x86_64")
    marked = Pin(Requirement("one==1.0; platform_machine == 'x86_64'"), [], [])
    assert without_wheel(Target("3.12", ARM), [marked]) == []


def test_an_index_that_does_not_have_it_is_not_taken_for_a_missing_wheel(index: Path) -> None:
    with pytest.raises(AskError, match="unknown"):
        without_wheel(HERE, [Pin(Requirement("unknown==1.0"), [], [])])


def test_what_is_not_as_we_say_is_a_mistake_in_both_directions() -> None:
    built = {"slow": {HERE}}
    assert mistakes({HERE: ["slow"], THERE: []}, built) == []
    assert mistakes({HERE: ["slow", "other"]}, built) == [f"other has no wheel for {HERE}."]
    assert mistakes({THERE: ["slow"]}, built) == [f"slow has no wheel for {THERE}."]
    assert mistakes({HERE: []}, built) == [f"slow has a wheel for {HERE}: take it out of BUILT."]


def test_readme_says_for_which_pythons_and_what_is_built_there() -> None:
    _, _, section = (ROOT / "README.md").read_text().partition("## Python versions\n")
    section = " ".join(section.partition("\n## ")[0].split())
    assert f"Python {PYTHONS[0]} to {PYTHONS[-1]}" in section
    assert all(platform in section for platform in PLATFORMS)
    for name, where in BUILT.items():
        pythons = " and ".join(sorted({target.python for target in where}))
        assert f"`{name}` {'everywhere' if where == set(targets()) else f'on Python {pythons}'}" in section
