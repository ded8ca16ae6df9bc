"""Tests the Dockerfile and docker-compose.yml as far as possible without Docker, with hadolint and Compose itself.

Nothing here builds or runs an image.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dev.install import compose_program
from tests.stack import ROOT, SECRET, clean_environment, procfile

OURS = ("web", "worker", "transcriber", "beat", "flower")
SERVERS = ("redis", "mongodb")


def compose(file: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs Docker Compose itself, which can read a file without Docker."""
    return subprocess.run(
        [compose_program(), "--file", file, *arguments],
        env={**clean_environment(), **environment},
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def services(folder: Path, env_file: str = "", **environment: str) -> dict[str, Any]:
    """The services as Compose understands them, in a folder with this `.env`."""
    shutil.copy(ROOT / "docker-compose.yml", folder)
    if env_file:
        (folder / ".env").write_text(env_file)
    read = compose(folder / "docker-compose.yml", "config", "--format", "json", **environment)
    assert read.returncode == 0, read.stderr
    assert "warn" not in read.stderr.lower(), read.stderr
    found: dict[str, Any] = json.loads(read.stdout)["services"]
    return found


def hadolint(file: Path) -> subprocess.CompletedProcess:
    program = Path(sys.executable).with_name("hadolint")
    return subprocess.run([program, file], capture_output=True, text=True, timeout=60, check=False)


def test_the_dockerfile_passes_hadolint() -> None:
    assert hadolint(ROOT / "Dockerfile").stdout == ""


def test_hadolint_sees_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "Dockerfile"
    broken.write_text("FROM python\nRUN cd /app && sudo pip install flask\n")
    assert hadolint(broken).returncode != 0


def stages() -> dict[str, str]:
    """The stages of the Dockerfile by name; the last one has no name and is ''."""
    found = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    return {re.search(r"^\S+(?: AS (\S+))?$", each, re.MULTILINE)[1] or "": each for each in found}


def test_the_images_are_small_and_run_as_an_unprivileged_user() -> None:
    found = stages()
    assert list(found)[-1] == "", "the default stage"
    assert re.search(r"^USER (\d+):\d+$", found["application"], re.MULTILINE)[1] != "0"
    assert found["application"].startswith("python:3.11-slim ")
    for name in ("flower", "transcriber", ""):
        assert found[name].startswith("application"), name
        assert "pip" not in found[name] + found["application"], name


def test_only_flowers_own_image_has_flower(tmp_path: Path) -> None:
    found, run = stages(), services(tmp_path)
    assert re.findall(r"requirements/(\w+)\.txt", found["build"]) == ["pip", "base"]
    assert re.findall(r"requirements/(\w+)\.txt", found["build-flower"]) == ["flower"]
    assert "--from=build /opt/venv" in found[""]
    assert "--from=build-flower /opt/venv" in found["flower"]
    images = {name: (run[name]["image"], run[name]["build"].get("target")) for name in OURS}
    assert images.pop("flower") == ("chattergram-flower", "flower")
    assert images.pop("transcriber") == ("chattergram-transcriber", "transcriber")
    assert set(images.values()) == {("chattergram", None)}


def test_speech_and_its_model_are_in_the_transcribers_image_alone(tmp_path: Path) -> None:
    found, run = stages(), services(tmp_path, WHISPER_MODEL="tiny.en")
    assert re.findall(r"requirements/(\w+)\.txt", found["build-speech"]) == ["speech"]
    assert "--from=build-speech /opt/venv" in found["transcriber"]
    assert [name for name, stage in found.items() if "/opt/whisper" in stage] == ["build-speech", "transcriber"]
    assert run["transcriber"]["build"]["args"] == {"WHISPER_MODEL": "tiny.en"}
    assert run["transcriber"]["environment"]["WHISPER_MODEL"] == "/opt/whisper"


def test_what_the_image_holds_is_enough_to_start_every_process(tmp_path: Path) -> None:
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name in copied:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = {"SECRET_KEY": SECRET, "REDIS_URL": "redis://redis", "MONGODB_URI": "mongodb://mongodb/chat"}
    started = "import web.app, web.worker, config.gunicorn, workers.transcriber, workers.health, workers.periodic"
    program = f"{started}; web.app.create_app(); print(sorted(workers.app.app.tasks))"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}"],
        env={**clean_environment(), **settings},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "chat.drain" in ran.stdout


def test_compose_takes_a_fresh_clone(tmp_path: Path) -> None:
    assert services(tmp_path).keys() == {*OURS, *SERVERS}


def test_compose_sees_a_mistake(tmp_path: Path) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace("healthcheck:", "healthchek:", 1))
    assert compose(broken, "config", "--quiet").returncode != 0


def test_each_runs_the_command_of_the_procfile(tmp_path: Path) -> None:
    found = services(tmp_path)
    for name in ("worker", "transcriber", "beat"):
        expected = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", procfile("Procfile")[name]).removeprefix("exec ")
        assert found[name]["command"] == shlex.split(expected), name
    assert "FLOWER_BASIC_AUTH:?" in " ".join(found["flower"]["command"])


def test_nothing_is_open_to_the_outside(tmp_path: Path) -> None:
    for name, service in services(tmp_path).items():
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), name


def test_ours_may_do_as_little_as_possible(tmp_path: Path) -> None:
    found = services(tmp_path)
    for name in OURS:
        service = found[name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("volumes"), "no disk is shared"
        assert "user" not in service, "the image's own"


def test_each_has_a_health_check_and_time_to_stop(tmp_path: Path) -> None:
    found = services(tmp_path)
    assert all(service["healthcheck"]["test"] for service in found.values())
    assert {found[name]["stop_grace_period"] for name in OURS} == {"35s"}


def test_the_stores_keep_what_they_confirm(tmp_path: Path) -> None:
    found = services(tmp_path)
    redis, mongodb = (shlex.join(found[name]["command"]) for name in SERVERS)
    assert "--appendonly yes" in redis
    assert found["redis"]["read_only"] is True
    assert found["redis"]["volumes"][0]["target"] == "/data"
    assert "--maxmemory-policy noeviction" in redis
    assert "--replSet rs0" in mongodb
    assert found["redis"]["image"] == "redis:8"
    assert found["mongodb"]["image"] == "mongo:8"
    assert all(found[name]["volumes"][0]["type"] == "volume" for name in SERVERS)


@pytest.mark.parametrize("given", ["", "SECRET_KEY=\n"])
def test_the_environment_is_production_by_default(tmp_path: Path, given: str) -> None:
    environment = services(tmp_path, given)["web"]["environment"]
    assert environment["ENVIRONMENT"] == "production", "which refuses to start without a secret"
    assert not environment.get("SECRET_KEY")


def test_settings_of_env_file_reach_every_process_and_addresses_of_the_host_do_not(tmp_path: Path) -> None:
    given = (
        f"SECRET_KEY={SECRET}\nLOG_LEVEL=DEBUG\nPORT=9999\nREDIS_URL=redis://127.0.0.1:6379/0\nBIND_HOST=127.0.0.1\n"
    )
    found = services(tmp_path, given)
    for name in OURS:
        environment = found[name]["environment"]
        assert (environment["SECRET_KEY"], environment["LOG_LEVEL"]) == (SECRET, "DEBUG")
        assert environment["REDIS_URL"] == "redis://redis:6379/0"
        assert (environment["BIND_HOST"], environment["PORT"]) == ("0.0.0.0", "8080")
    assert found["web"]["ports"][0]["published"] == "9999"
