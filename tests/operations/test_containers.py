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
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from redis import AuthenticationError, Redis

from config.replica_set import connect
from dev import node, page, setup
from dev.install import compose_program, mongod_binary, redis_folder
from dev.processes import ManagedProcess, free_port
from tests.operations.dynos import copy_package
from tests.stack import ROOT, SECRET, clean_environment, procfile, run_configured
from web.built import BuiltPage

OURS = ("web", "worker", "transcriber", "pusher", "beat", "flower")
SERVERS = ("redis", "mongodb")
SET_UP = "mongodb-setup"
PASSWORDS = "REDIS_PASSWORD=redis-secret\nMONGODB_PASSWORD=mongodb-secret\n"
SECONDS = 60


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


def services(folder: Path, env_file: str = PASSWORDS, **environment: str) -> dict[str, Any]:
    """The services as Compose understands them, in a folder with this `.env`."""
    shutil.copy(ROOT / "docker-compose.yml", folder)
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
    images = {name: run[name]["image"] for name in OURS}
    assert images.pop("flower") == "chattergram-flower"
    assert images.pop("transcriber") == "chattergram-transcriber"
    assert set(images.values()) == {"chattergram"}


def test_each_image_is_built_once(tmp_path: Path) -> None:
    """Several services that build one image at once overwrite each other's."""
    built = {name: service["build"].get("target") for name, service in services(tmp_path).items() if "build" in service}
    assert built == {"web": None, "flower": "flower", "transcriber": "transcriber"}


def test_a_clone_that_only_its_owner_may_read_still_makes_an_image_that_starts(tmp_path: Path) -> None:
    mended = re.search(r"^RUN (chmod \S+ \S+ \S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert mended
    folder = tmp_path / "app" / "config"
    folder.mkdir(parents=True)
    (folder / "settings.py").touch()
    (folder / "settings.py").chmod(0o600)
    folder.chmod(0o700)
    subprocess.run(mended[1], shell=True, cwd=tmp_path / "app", check=True)
    assert folder.stat().st_mode & 0o005 == 0o005
    assert (folder / "settings.py").stat().st_mode & 0o777 == 0o644


def test_the_user_of_the_images_has_a_name() -> None:
    used = re.search(r"^USER (\d+):", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert used
    assert f"useradd --system --uid {used[1]} " in (ROOT / "Dockerfile").read_text()


def test_speech_and_its_model_are_in_the_transcribers_image_alone(tmp_path: Path) -> None:
    found, run = stages(), services(tmp_path, WHISPER_MODEL="tiny.en")
    assert re.findall(r"requirements/(\w+)\.txt", found["build-speech"]) == ["speech"]
    assert "--from=build-speech /opt/venv" in found["transcriber"]
    assert [name for name, stage in found.items() if "/opt/whisper" in stage] == ["build-speech", "transcriber"]
    assert run["transcriber"]["build"]["args"] == {"WHISPER_MODEL": "tiny.en"}
    assert run["transcriber"]["environment"]["WHISPER_MODEL"] == "/opt/whisper"


def test_what_the_image_is_built_from_is_enough_to_build_the_page(tmp_path: Path) -> None:
    """As on a platform, too: its buildpack for Node runs the script `build` of package.json."""
    stage = stages()["build-page"]
    for *sources, target in (line.split() for line in re.findall(r"^COPY (.+)$", stage, re.MULTILINE)):
        for source in sources:
            into = tmp_path / target / Path(source).name if target.endswith("/") else tmp_path / target
            into.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, into, ignore=shutil.ignore_patterns("built*"))
            else:
                shutil.copy(ROOT / source, into)
    found = node.prepare()
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    build = json.loads((tmp_path / "package.json").read_text())["scripts"]["build"]
    assert f"RUN {build}\n" in f"{stage}\n"
    script = build.removeprefix("node ")
    assert f"!{script}" in (ROOT / ".dockerignore").read_text().split()
    subprocess.run([found.binary, script], cwd=tmp_path, check=True, timeout=60)
    page.build()
    assert BuiltPage(tmp_path / "web" / "static").current() == BuiltPage().current() is not None
    assert "COPY --from=build-page /build/web/static/built web/static/built" in stages()["application"]


def test_what_the_image_holds_is_enough_to_start_every_process(tmp_path: Path) -> None:
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name in copied:
        copy_package(name, tmp_path)
    started = "import web.app, web.worker, config.gunicorn, workers.transcriber, workers.health, workers.periodic"
    program = f"{started}; web.app.create_app(); print(sorted(workers.app.app.tasks))"
    said = run_configured(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}"], tmp_path
    )
    assert "chat.drain" in said


def test_compose_takes_a_fresh_clone_after_its_first_configuration(tmp_path: Path) -> None:
    setup.main(["--file", str(tmp_path / "made")])
    assert services(tmp_path, (tmp_path / "made").read_text()).keys() == {*OURS, *SERVERS, SET_UP}


def test_without_passwords_compose_says_what_to_do(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    refused = compose(tmp_path / "docker-compose.yml", "config", "--quiet")
    assert refused.returncode != 0
    assert re.search("(REDIS|MONGODB)_PASSWORD is missing a value: is not set, run bin/setup", refused.stderr)


def test_compose_sees_a_mistake(tmp_path: Path) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace("healthcheck:", "healthchek:", 1))
    (tmp_path / ".env").write_text(PASSWORDS)
    refused = compose(broken, "config", "--quiet")
    assert "healthchek" in refused.stderr


def test_each_runs_the_command_of_the_procfile(tmp_path: Path) -> None:
    found = services(tmp_path)
    for name in ("worker", "transcriber", "beat"):
        expected = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", procfile("Procfile")[name]).removeprefix("exec ")
        assert found[name]["command"] == shlex.split(expected), name
    assert "FLOWER_BASIC_AUTH:?" in " ".join(found["flower"]["command"])


def test_nothing_is_open_to_the_outside(tmp_path: Path) -> None:
    for name, service in services(tmp_path).items():
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), name


def test_each_may_do_and_take_as_little_as_possible(tmp_path: Path) -> None:
    for name, service in services(tmp_path).items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert 2**28 <= int(service["mem_limit"]) <= 3 * 2**30, name
        assert 0 < service["pids_limit"] <= 2_000, name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, "a log that grows fills the disk"
        if name in OURS:
            assert not service.get("volumes"), "no disk is shared"
            assert "user" not in service, "the image's own"
        elif name in SERVERS:
            assert service["user"] not in ("", "root", "0"), name


def test_no_command_line_shows_a_password(tmp_path: Path) -> None:
    for name, service in services(tmp_path).items():
        words = [*(service.get("command") or []), *(service.get("entrypoint") or []), *health(service)]
        assert not any("-secret" in word for word in words), name


def health(service: dict[str, Any]) -> list[str]:
    found: list[str] = service.get("healthcheck", {}).get("test", [])
    return found


def test_no_health_check_of_a_server_or_the_web_starts_an_interpreter(tmp_path: Path) -> None:
    found = services(tmp_path)
    for name in (*SERVERS, "web", "flower"):
        assert not re.search(r"python|mongosh", " ".join(health(found[name]))), name


class Started:
    """A server of ours started as its service says: its entry point, then its command, with `/tmp` elsewhere."""

    def __init__(self, service: dict[str, Any], program: Path, folder: Path, options: list[str]) -> None:
        self.port = free_port()
        data, temporary, programs = folder / "data", folder / "tmp", folder / "bin"
        for each in (data, temporary, programs):
            each.mkdir()
        given = shlex.join([*options, "--port", str(self.port)]).replace("DATA", str(data))
        entry = programs / "docker-entrypoint.sh"  # of the image; it would add Redis's modules, and adds these here
        entry.write_text(f'#!/bin/sh\nshift\nexec {program} "$@" {given}\n')
        entry.chmod(0o755)
        line = [word.replace("/tmp/", f"{temporary}/") for word in (*service["entrypoint"], *service["command"])]
        self.environment = {**clean_environment(), **service["environment"]}
        self.environment["PATH"] = f"{programs}:{program.parent}:{self.environment['PATH']}"
        undoubled = [word.replace("$$", "$") for word in line]
        self.process = ManagedProcess(
            "server", undoubled, log=folder / "log" / "server.log", environment=self.environment
        )

    def healthy(self, service: dict[str, Any]) -> bool:
        how, *words = [word.replace("$$", "$") for word in health(service)]
        line = words if how == "CMD" else ["sh", "-c", *words]
        line = [re.sub(r"\b(27017|8080)\b", str(self.port), word) for word in line]
        line = [word.replace("redis-cli", f"redis-cli -p {self.port}") for word in line]
        ran = subprocess.run(line, env=self.environment, capture_output=True, timeout=30, check=False)
        return ran.returncode == 0


def test_redis_starts_with_its_password_and_its_health_check_sees_that_it_answers(tmp_path: Path) -> None:
    service = services(tmp_path)["redis"]
    started = Started(service, redis_folder() / "bin" / "redis-server", tmp_path, ["--dir", "DATA"])
    assert not started.healthy(service)
    started.process.start()
    try:
        started.process.wait_ready(lambda: started.healthy(service), SECONDS)
        with Redis(port=started.port, retry=None) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        with Redis(port=started.port, password="redis-secret") as redis:
            assert redis.config_get("maxmemory") == {"maxmemory": str(2**30)}
            assert redis.config_get("appendonly")["appendonly"] == "yes"
            assert redis.config_get("save") == {"save": ""}
        started.environment["REDISCLI_AUTH"] = "another"
        assert not started.healthy(service), "redis-cli ends with 0 whatever the server says"
    finally:
        started.process.stop()


def test_mongodb_starts_with_its_key_and_is_set_up_once_and_again(tmp_path: Path) -> None:
    found = services(tmp_path)
    service, set_up = found["mongodb"], found[SET_UP]
    started = Started(service, mongod_binary(), tmp_path, ["--dbpath", "DATA", "--nounixsocket"])
    assert not started.healthy(service)
    started.process.start()
    try:
        started.process.wait_ready(lambda: started.healthy(service), SECONDS)
        given = {
            **set_up["environment"],
            "MONGODB_PORT": str(started.port),
            "MONGODB_MEMBER": f"127.0.0.1:{started.port}",
        }
        for _ in range(2):
            ran = subprocess.run(
                set_up["command"],
                env={**clean_environment(), "PYTHONPATH": str(ROOT), **given},
                capture_output=True,
                text=True,
                timeout=90,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr
        password = set_up["environment"]["MONGODB_PASSWORD"]
        uri = f"mongodb://chattergram:{password}@127.0.0.1:{started.port}/chattergram?replicaSet=rs0&authSource=admin"
        with MongoClient(uri) as client:
            client.get_default_database().things.insert_one({})
        with connect(started.port, "") as stranger, pytest.raises(OperationFailure, match="requires auth"):
            stranger.admin.command("listDatabases")
        with (
            connect(started.port, "another") as stranger,
            pytest.raises(OperationFailure, match="Authentication failed"),
        ):
            stranger.admin.command("listDatabases")
    finally:
        started.process.stop()


def test_each_has_a_health_check_and_time_to_stop(tmp_path: Path) -> None:
    found = services(tmp_path)
    assert all(service["healthcheck"]["test"] for name, service in found.items() if name != SET_UP)
    for name in OURS:
        assert found[name]["depends_on"][SET_UP]["condition"] == "service_completed_successfully"
    assert {found[name]["stop_grace_period"] for name in OURS} == {"35s"}


def test_the_stores_keep_what_they_confirm(tmp_path: Path) -> None:
    found = services(tmp_path)
    redis, mongodb = (shlex.join([*found[name]["entrypoint"], *found[name]["command"]]) for name in SERVERS)
    assert "--appendonly yes" in redis
    assert found["redis"]["volumes"][0]["target"] == "/data"
    assert "--maxmemory-policy noeviction" in redis
    assert "--replSet rs0" in mongodb
    assert found["redis"]["image"] == "redis:8"
    assert found["mongodb"]["image"] == "mongo:8"
    assert all(found[name]["volumes"][0]["type"] == "volume" for name in SERVERS)


@pytest.mark.parametrize("given", [PASSWORDS, f"{PASSWORDS}SECRET_KEY=\n"])
def test_the_environment_is_production_by_default(tmp_path: Path, given: str) -> None:
    environment = services(tmp_path, given)["web"]["environment"]
    assert environment["ENVIRONMENT"] == "production", "which refuses to start without a secret"
    assert not environment.get("SECRET_KEY")


def test_settings_of_env_file_reach_every_process_and_addresses_of_the_host_do_not(tmp_path: Path) -> None:
    given = f"{PASSWORDS}SECRET_KEY={SECRET}\nLOG_LEVEL=DEBUG\nPORT=9999\nREDIS_URL=redis://127.0.0.1:6379/0\nBIND_HOST=127.0.0.1\n"
    found = services(tmp_path, given)
    for name in OURS:
        environment = found[name]["environment"]
        assert (environment["SECRET_KEY"], environment["LOG_LEVEL"]) == (SECRET, "DEBUG")
        assert environment["REDIS_URL"] == "redis://:redis-secret@redis:6379/0"
        assert (environment["BIND_HOST"], environment["PORT"]) == ("0.0.0.0", "8080")
    assert found["web"]["ports"][0]["published"] == "9999"
