"""A process with wrong settings refuses to start and says what is wrong in a sentence, without the values."""

import ssl
import subprocess
import sys
from pathlib import Path

import mongoengine
import pytest
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES
from kombu.utils.url import parse_url as parse_broker_url
from pydantic import ValidationError
from pymongo.uri_parser import parse_uri

from chat.store.connection import connect_mongodb, connect_redis
from config.addresses import for_kombu
from config.settings import DEVELOPMENT_SECRET, Settings, SettingsError, get_settings
from tests.stack import ROOT, run_alone
from web.queue import Queue

SECRET = "0123456789abcdef0123456789abcdef"
STORES = {"REDIS_URL": "redis://redis.example:6379/0", "MONGODB_URI": "mongodb://mongodb.example/chat"}


def start(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Loads the settings, like every process at its start, in a folder without `.env`."""
    script = "from config.settings import get_settings; print(get_settings().celery_broker_url)"
    return run_alone([sys.executable, "-c", script], {"PYTHONPATH": str(ROOT), **environment}, folder)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (STORES, "SECRET_KEY must be set in production"),
        ({**STORES, "SECRET_KEY": ""}, "SECRET_KEY must be set in production"),
        ({**STORES, "SECRET_KEY": DEVELOPMENT_SECRET}, "SECRET_KEY must be set in production"),
        ({**STORES, "SECRET_KEY": DEVELOPMENT_SECRET, "ENVIRONMENT": "test"}, "SECRET_KEY must be set in test"),
        ({**STORES, "SECRET_KEY": "short-secret"}, "SECRET_KEY must have at least 32 bytes"),
        ({"SECRET_KEY": SECRET}, "REDIS_URL must be set in production"),
        ({"SECRET_KEY": SECRET}, "MONGODB_URI must be set in production"),
        ({**STORES, "SECRET_KEY": SECRET, "PORT": "http"}, "PORT: "),
        ({**STORES, "SECRET_KEY": SECRET, "LIMIT_MESSAGES": "lots"}, "LIMIT_MESSAGES: "),
        ({**STORES, "SECRET_KEY": SECRET, "ENVIRONMENT": "staging"}, "ENVIRONMENT: "),
        ({**STORES, "SECRET_KEY": SECRET, "DEEPGRAM_LANGUAGE": "any"}, "DEEPGRAM_LANGUAGE: "),
    ],
)
def test_a_process_that_cannot_run_says_why_and_ends(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    ended = start(tmp_path, **environment)
    assert ended.returncode == 1
    assert said in ended.stderr
    assert ended.stderr.startswith("Chattergram cannot start:\n")
    assert "Traceback" not in ended.stderr
    secret = environment.get("SECRET_KEY")
    assert not secret or secret not in ended.stderr


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    said = start(tmp_path).stderr
    assert all(name in said for name in ("SECRET_KEY", "REDIS_URL", "MONGODB_URI"))


def test_production_starts_with_three_settings(tmp_path: Path) -> None:
    started = start(tmp_path, SECRET_KEY=SECRET, **STORES)
    assert started.stdout == "redis://redis.example:6379/1\n", started.stderr


def test_the_environment_wins_over_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"SECRET_KEY={SECRET}\nCELERY_BROKER_URL=amqp://one.example\n")
    started = start(tmp_path, CELERY_BROKER_URL="amqp://other.example", **STORES)
    assert started.stdout == "amqp://other.example\n"


def test_limits_are_wide_outside_production_unless_they_are_set() -> None:
    assert Settings(_env_file=None, environment="development").limit_messages == "2000 per second"
    narrow = Settings(_env_file=None, environment="development", limit_messages="1 per second")
    assert narrow.limit_messages == "1 per second"


PASSWORD = "hunter-two"
WRONG = {
    "REDIS_URL": (
        f"http://:{PASSWORD}@redis.example",
        f"//:{PASSWORD}@redis.example",
        "redis.example:6379",
        f"redis://:{PASSWORD}@",
        f"redis://:{PASSWORD}@redis.example:port",
        f"redis://:{PASSWORD}@redis.example:70000",
        f"redis://:#{PASSWORD}@redis.example",
        f"redis://:{PASSWORD}@redis.example/chat",
        f"redis://:{PASSWORD}@redis.example/1",
        f"redis+sentinel://:{PASSWORD}@one.example",
        f"redis+sentinel://:{PASSWORD}@one.example,:1/chattergram",
        f"redis+sentinel://:{PASSWORD}@one.example/chattergram?ssl_cert_reqs=none",
        f"rediss+sentinel://:{PASSWORD}@one.example/chattergram?ssl_cert_reqs=yes",
        f"rediss+sentinel://:{PASSWORD}@one.example/chattergram?socket_timeout=5",
        f"rediss+sentinel://:{PASSWORD}@one.example/chattergram/1",
        f"rediss://:{PASSWORD}@redis.example/0?ssl_cert_reqs=yes",
        f"redis+cluster://:{PASSWORD}@",
        f"redis+cluster://:{PASSWORD}@one.example,two.example/1",
        f"redis+cluster://:{PASSWORD}@one.example/name",
        f"redis+cluster://:{PASSWORD}@one.example?ssl_cert_reqs=none",
        f"rediss+cluster://:{PASSWORD}@one.example?socket_timeout=5",
    ),
    "CELERY_BROKER_URL": (
        f"http://:{PASSWORD}@queue.example",
        "queue.example",
        f"amqp://guest:{PASSWORD}@",
        f"amqp://guest:/{PASSWORD}@queue.example//",
        f"amqp://guest:{PASSWORD}@queue.example:port//",
        f"redis://:{PASSWORD}@redis.example/chat",
        f"sentinel://:{PASSWORD}@one.example",
        f"rediss://:{PASSWORD}@one.example/1?ssl_cert_reqs=CERT_SOME",
        f"amqp://:{PASSWORD}@one.example;http://two.example",
    ),
    "MONGODB_URI": (
        f"mongo://chat:{PASSWORD}@mongodb.example/chat",
        f"mongodb://chat:{PASSWORD}@/chat",
        f"mongodb://chat:{PASSWORD}@x@mongodb.example/chat",
        f"mongodb://chat:{PASSWORD}%@mongodb.example/chat",
        f"mongodb://chat:/{PASSWORD}@mongodb.example/chat",
        f"mongodb://chat:{PASSWORD}@mongodb.example:port/chat",
        f"mongodb://chat:{PASSWORD}@mongodb.example:70000/chat",
        f"mongodb://chat:{PASSWORD}@mongodb.example/chat?replicaSet",
        f"mongodb+srv://chat:{PASSWORD}@mongodb.example:27017/chat",
    ),
}
RIGHT = {
    "REDIS_URL": (
        "redis://redis.example",
        "redis://redis.example:6379/",
        "rediss://user:pass:word@[::1]:6379/0?ssl_cert_reqs=none",
        "redis://:p%2Fw@10.0.0.1/0",
        "redis+sentinel://:p%2Fw@one.example:26379,[::1],three.example/chattergram?sentinel_password=x",
        "rediss+sentinel://one.example/chattergram?sentinel_password=x&ssl_cert_reqs=none&ssl_check_hostname=false",
        "redis+cluster://:p%2Fw@one.example:7000,[::1],three.example",
        "rediss+cluster://user:word@one.example/0?ssl_cert_reqs=none",
    ),
    "CELERY_BROKER_URL": (
        "amqp://queue.example",
        "amqps://guest:p%2Fw@queue.example:5671/%2Fchat",
        "pyamqp://queue.example//?heartbeat=10",
        "amqp://one.example//;amqp://two.example//",
        "redis+sentinel://one.example/chattergram/1",
        "rediss+sentinel://one.example/chattergram/1?ssl_cert_reqs=none",
        "redis+socket:///run/redis.sock?virtual_host=1",
        "redis://:word@redis.example:6379/1",
    ),
    "MONGODB_URI": (
        "mongodb://mongodb.example",
        "mongodb://mongodb.example?replicaSet=rs0",
        "mongodb://chat:p%2Fw@one.example:27017,[::1]:27018,three.example/chat?replicaSet=rs0&tls=true",
        "mongodb://%2Frun%2Fmongodb.sock/chat",
        "mongodb://chat:word@mongodb.example/chat?authMechanism=PLAIN&authSource=$external",
        "mongodb+srv://chat:word@cluster.example/chat?retryWrites=true&w=majority",
    ),
}


def each(addresses: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(name, value) for name, values in addresses.items() for value in values]


@pytest.mark.parametrize(("name", "value"), each(WRONG))
def test_an_address_no_client_could_use_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, given in {"SECRET_KEY": SECRET, **STORES, name: value}.items():
        monkeypatch.setenv(variable, given)
    get_settings.cache_clear()
    with pytest.raises(SettingsError) as refused:
        get_settings()
    said = str(refused.value)
    assert f"  {name}: must be " in said
    assert PASSWORD not in said


@pytest.mark.parametrize(("name", "value"), each(RIGHT))
def test_an_address_its_client_understands_is_taken(name: str, value: str) -> None:
    given = {"celery_broker_url": "redis://queue.example", name.lower(): value}
    settings = Settings(_env_file=None, environment="development", **given)
    assert getattr(settings, name.lower()) == value
    if name == "REDIS_URL":
        pool = connect_redis(settings).connection_pool
        assert pool.connection_kwargs.get("db", 0) == 0
    elif name == "MONGODB_URI" and "srv" not in value:
        assert parse_uri(value)["nodelist"]
    elif name == "CELERY_BROKER_URL":
        for part in value.split(";"):
            with Connection(for_kombu(part).url) as connection:
                assert connection.transport_cls in TRANSPORT_ALIASES


NOBODY = "127.0.0.1:9"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("redis_url", f"redis://{NOBODY}?db=2", "database 0"),
        ("redis_url", "unix:///run/redis.sock?db=3", "database 0"),
        ("redis_url", f"redis://{NOBODY}?decode_responses=True", "not understood: decode_responses"),
        ("redis_url", f"redis://{NOBODY}?protocol=3", "must use protocol 2"),
        ("redis_url", f"redis://{NOBODY}?ssl_cert_reqs=none", "not understood: ssl_cert_reqs"),
        ("redis_url", f"rediss://{NOBODY}?ssl_ca_certs=/nowhere/ca.pem", "cannot be read"),
        ("redis_url", f"redis://{NOBODY}?protocol=9", "protocol"),
        ("celery_broker_url", f"redis://{NOBODY}/1?socket_timeout=1", "socket_timeout"),
        ("celery_broker_url", f"rediss://{NOBODY}/1?ssl_keyfile=/nowhere/key.pem", "cannot be read"),
        ("celery_broker_url", f"amqp://{NOBODY}//?heartbeat=often", "often"),
        ("mongodb_uri", f"mongodb://{NOBODY}/?foo=bar", "foo"),
        ("mongodb_uri", f"mongodb://{NOBODY}/?connectTimeoutMS=soon", "connecttimeoutms"),
        ("mongodb_uri", f"mongodb://{NOBODY}/?tls=true&tlsCAFile=/nowhere/ca.pem", "/nowhere/ca.pem"),
        ("mongodb_uri", f"mongodb://user@{NOBODY}/?authMechanism=SCRAM-SHA-256", "password is required"),
    ],
)
def test_an_option_its_client_cannot_use_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, said: str
) -> None:
    """Whether the settings, Redis's client, MongoDB's or Celery's finds it: all before anything is connected."""
    monkeypatch.chdir(tmp_path)
    for own in ("_connections", "_connection_settings", "_dbs"):  # mongoengine's, as in a new process
        monkeypatch.setattr(mongoengine.connection, own, {})
    for variable, given in {"SECRET_KEY": SECRET, **STORES, name.upper(): value}.items():
        monkeypatch.setenv(variable, given)
    get_settings.cache_clear()
    with pytest.raises(SettingsError) as refused:
        _begin()
    assert f"  {name.upper()}: " in str(refused.value)
    assert said in str(refused.value)


def _begin() -> None:
    """What every process does first."""
    settings = get_settings()
    connect_redis(settings)
    Queue(settings)
    connect_mongodb(settings)


@pytest.mark.parametrize(
    ("url", "kind"), [("unix:///run/redis.sock", "Unix socket"), ("redis+cluster://one.example", "Redis Cluster")]
)
def test_the_broker_must_be_named_if_redis_has_no_next_database(url: str, kind: str) -> None:
    with pytest.raises(ValueError, match=f"CELERY_BROKER_URL must be set if REDIS_URL is a {kind}"):
        Settings(_env_file=None, environment="development", redis_url=url)


AS_OPTION = {"required": ssl.CERT_REQUIRED, "none": ssl.CERT_NONE, None: None}


@pytest.mark.parametrize(
    ("given", "reqs"),
    [
        ({"redis_url": "rediss://:word@redis.example:6380/0"}, {ssl.CERT_REQUIRED}),
        ({"celery_broker_url": "rediss://:word@redis.example/1"}, {ssl.CERT_REQUIRED}),
        ({"celery_broker_url": "rediss://one.example/1?heartbeat=9;rediss://two.example"}, {ssl.CERT_REQUIRED}),
        ({"celery_broker_url": "rediss://redis.example/1?ssl_cert_reqs=none"}, {ssl.CERT_NONE}),
        ({"celery_broker_url": "redis://redis.example/1"}, {None}),
    ],
)
def test_a_broker_with_tls_shows_its_certificate(given: dict[str, str], reqs: set[ssl.VerifyMode | None]) -> None:
    url = Settings(_env_file=None, environment="development", **given).celery_broker_url
    parsed = [parse_broker_url(part) for part in url.split(";")]
    assert {each.get("ssl", {}).get("ssl_cert_reqs") for each in parsed} == reqs
    with Connection(url) as connection:
        assert (connection.ssl or {}).get("ssl_cert_reqs") in reqs
    for_flower = for_kombu(url).tls or {}  # since Flower does not read it in the address
    assert {AS_OPTION[for_flower.get("ssl_cert_reqs")]} == reqs


@pytest.mark.parametrize(
    "key", ['"4f2a9c"', "'4f2a9c'", "4f2a 9c", " 4f2a9c", "4f2a9c\n", "4f2a\t9c", "4f2a\x7f9c", "4f2aé"]
)
def test_a_key_that_no_header_can_carry_is_refused_at_start_and_not_shown(key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None, environment="development", deepgram_api_key=key)
    (error,) = refused.value.errors()  # of which `get_settings` shows the sentence alone
    assert "no blanks, quotes, control characters" in error["msg"]
    assert "4f2a" not in error["msg"]


def test_a_key_is_taken_as_deepgram_gives_it() -> None:
    for key in ("", "4f2a9c0b7d", "A-b_c.D~e+f/g="):
        assert Settings(_env_file=None, environment="development", deepgram_api_key=key).deepgram_wanted == bool(key)
