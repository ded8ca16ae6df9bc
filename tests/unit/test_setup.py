"""`bin/setup` writes the initial configuration."""

import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pytest_httpserver import HTTPServer

from config.settings import Settings
from tests.stack import ROOT, clean_environment


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def run_setup(env_file: Path, *arguments: str, key: str = "", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [ROOT / "bin" / "setup", "--file", env_file, *arguments],
        env={**clean_environment(), **environment},
        input=key,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_writes_fresh_secrets_that_production_takes(env_file: Path) -> None:
    assert run_setup(env_file).returncode == 0
    stores = {"redis_url": "redis://redis.example", "mongodb_uri": "mongodb://mongodb.example/chat"}
    settings = Settings(_env_file=env_file, environment="production", **stores)
    assert len(settings.secret_key.get_secret_value()) == 64
    assert len(dotenv_values(env_file)["METRICS_TOKEN"]) >= 24
    user, _, password = dotenv_values(env_file)["FLOWER_BASIC_AUTH"].partition(":")
    assert user
    assert len(password) >= 12
    assert env_file.stat().st_mode & 0o077 == 0


def test_it_prints_no_secret(env_file: Path) -> None:
    shown = run_setup(env_file)
    assert not [value for value in dotenv_values(env_file).values() if value in shown.stdout + shown.stderr]


def test_a_second_run_changes_nothing(env_file: Path) -> None:
    env_file.write_text("# mine\nPORT=8088\nSECRET_KEY=\n")
    run_setup(env_file)
    first = env_file.read_text()
    assert first.startswith("# mine\nPORT=8088\n")
    assert dotenv_values(env_file)["SECRET_KEY"]
    run_setup(env_file)
    assert env_file.read_text() == first


def test_a_good_deepgram_key_is_written(env_file: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/projects", headers={"Authorization": "Token good"}).respond_with_json({})
    done = run_setup(env_file, "--deepgram", key="good\n", DEEPGRAM_BASE_URL=httpserver.url_for(""))
    assert done.returncode == 0, done.stderr
    assert dotenv_values(env_file)["DEEPGRAM_API_KEY"] == "good"


@pytest.mark.parametrize(("status", "said"), [(401, "rejects this key"), (503, "answered 503")])
def test_a_key_that_deepgram_rejects_is_refused(env_file: Path, httpserver: HTTPServer, status: int, said: str) -> None:
    httpserver.expect_request("/v1/projects").respond_with_data("", status)
    done = run_setup(env_file, DEEPGRAM_API_KEY="bad", DEEPGRAM_BASE_URL=httpserver.url_for(""))
    assert done.returncode == 1
    assert said in done.stderr
    assert "bad" not in done.stderr
    assert not env_file.exists()


def test_deepgram_out_of_reach_is_said(env_file: Path) -> None:
    done = run_setup(env_file, DEEPGRAM_API_KEY="any", DEEPGRAM_BASE_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "could not be reached" in done.stderr
