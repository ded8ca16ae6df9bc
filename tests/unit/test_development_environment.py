from pathlib import Path

import pytest

from config.settings import next_database
from dev.environment import Development
from dev.private import stored_secret


def development(tmp_path: Path, env_file: str = "", **environment: str) -> Development:
    (tmp_path / ".env").write_text(env_file)
    return Development({"DATA_DIR": str(tmp_path / "data"), **environment}, tmp_path / ".env")


def test_the_secret_is_random_stored_and_private(tmp_path: Path) -> None:
    first = development(tmp_path).variables["SECRET_KEY"]
    assert development(tmp_path).variables["SECRET_KEY"] == first
    assert len(first) >= 32
    assert stored_secret(tmp_path / "another") != first
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o077 == 0


def test_the_users_own_secret_is_used(tmp_path: Path) -> None:
    assert development(tmp_path, SECRET_KEY="x" * 40).variables["SECRET_KEY"] == "x" * 40
    assert not (tmp_path / "data" / "secret_key").exists()


def test_environment_wins_over_env_file(tmp_path: Path) -> None:
    made = development(tmp_path, "PORT=1111\nLOG_LEVEL=DEBUG\nMONGODB_URI=\n", PORT="2222")
    assert made.variables["PORT"] == "2222"
    assert made.variables["LOG_LEVEL"] == "DEBUG"
    assert made.variables["ENVIRONMENT"] == "development"
    assert made.needs_mongodb


def test_embedded_servers_are_used_unless_others_are_named(tmp_path: Path) -> None:
    made = development(tmp_path, "MONGODB_URI=mongodb://db.example/chat\n")
    assert made.needs_redis
    assert not made.needs_mongodb
    made.add_embedded(redis_url="redis://127.0.0.1:1/0", broker_url="redis://127.0.0.1:1/1", mongodb_uri=None)
    assert made.variables["REDIS_URL"] == "redis://127.0.0.1:1/0"
    assert made.variables["CELERY_BROKER_URL"] == "redis://127.0.0.1:1/1"
    assert made.variables["MONGODB_URI"] == "mongodb://db.example/chat"


def test_a_named_redis_is_the_broker_too_unless_another_is_named(tmp_path: Path) -> None:
    named = development(tmp_path, REDIS_URL="redis://cache.example:6379/0")
    assert not named.needs_redis
    assert "CELERY_BROKER_URL" not in named.variables, "the settings choose the next database"
    both = development(tmp_path, REDIS_URL="redis://cache.example", CELERY_BROKER_URL="amqp://queue.example")
    assert both.variables["CELERY_BROKER_URL"] == "amqp://queue.example"


def test_flower_keeps_its_port_and_a_private_password(tmp_path: Path) -> None:
    first, again = development(tmp_path), development(tmp_path)
    first.configure_flower()
    again.configure_flower()
    assert first.flower == again.flower
    assert first.variables["FLOWER_ADDRESS"] == "127.0.0.1"
    password = tmp_path / "data" / "flower_password"
    assert again.variables["FLOWER_BASIC_AUTH"] == f"flower:{password.read_text()}"
    assert password.stat().st_mode & 0o077 == 0
    assert password.read_text() not in first.flower + first.flower_login


def test_flower_takes_the_users_port_and_password(tmp_path: Path) -> None:
    made = development(tmp_path, "FLOWER_BASIC_AUTH=me:mine\n", FLOWER_PORT="25555")
    made.configure_flower()
    assert made.flower.endswith(":25555")
    assert made.variables["FLOWER_BASIC_AUTH"] == "me:mine"


def test_naming_a_broker_keeps_the_embedded_redis(tmp_path: Path) -> None:
    made = development(tmp_path, CELERY_BROKER_URL="amqp://queue.example")
    assert made.needs_redis
    made.add_embedded(redis_url="redis://127.0.0.1:1/0", broker_url="redis://127.0.0.1:1/1", mongodb_uri=None)
    assert made.variables["CELERY_BROKER_URL"] == "amqp://queue.example"


@pytest.mark.parametrize(
    ("redis_url", "broker"),
    [
        ("redis://h:1", "redis://h:1/1"),
        ("redis://h:1/", "redis://h:1/1"),
        ("redis://h:1/0?socket_timeout=5&protocol=3", "redis://h:1/1"),
        (
            "redis+sentinel://u:p@h:1,i/name?sentinel_password=x",
            "redis+sentinel://u:p@h:1,i/name/1?sentinel_password=x",
        ),
        ("rediss://u:p@h:1/3?ssl_cert_reqs=none", "rediss://u:p@h:1/4?ssl_cert_reqs=none"),
    ],
)
def test_the_default_broker_is_the_next_database(redis_url: str, broker: str) -> None:
    assert next_database(redis_url) == broker
