"""Addresses that platforms hand out under names of their own are taken, in one order, and that is said without them."""

from pathlib import Path

import pytest

from config import platforms
from config.settings import Settings, SettingsError, get_settings
from tests.stack import ROOT, SECRET

DOCS = ROOT / "docs" / "deployment.md"
SECRET_PART = "hunter-two"
FORMS = {
    "redis_url": "rediss://:{0}@{1}:6380",
    "celery_broker_url": "amqps://u:{0}@{1}/v",
    "mongodb_uri": "mongodb://u:{0}@{1}/d",
}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (*(each.variable for each in platforms.NAMES), *(name.upper() for name in FORMS)):
        monkeypatch.delenv(name, raising=False)


def load() -> Settings:
    return Settings(environment="test", secret_key=SECRET)


def of(setting: str) -> list[str]:
    return [each.variable for each in platforms.NAMES if each.setting == setting]


@pytest.mark.parametrize("setting", FORMS)
def test_the_first_name_that_is_set_wins_and_our_own_over_all(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in reversed([setting.upper(), *of(setting)]):
        monkeypatch.setenv(variable, FORMS[setting].format(SECRET_PART, variable.lower().replace("_", "-")))
        own = load()
        assert variable.lower().replace("_", "-") in getattr(own, setting)
        said = platforms.sentence(own.model_dump(include=set(FORMS)))
        taken = f"{setting.upper()} is taken from {variable}."
        assert (taken in said) == (variable != setting.upper())
        assert SECRET_PART not in said
    assert f"{', '.join(of(setting))} " in said
    assert said.endswith("set and not used.")


def test_nothing_is_said_where_no_platform_sets_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://one.example")
    assert platforms.sentence(load().model_dump(include=set(FORMS))) == ""


def test_our_own_name_in_the_file_wins_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REDIS_URL=redis://of-the-file.example\n")
    monkeypatch.setenv("REDISCLOUD_URL", "redis://of-the-platform.example")
    assert load().redis_url == "redis://of-the-file.example"


def test_a_wrong_address_is_blamed_on_the_name_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("MONGO_URL", f"postgres://u:{SECRET_PART}@mongodb.example")
    get_settings.cache_clear()
    with pytest.raises(SettingsError) as error:
        get_settings()
    assert "MONGODB_URI: taken from MONGO_URL, must be mongodb://" in str(error.value)
    assert SECRET_PART not in str(error.value)


def test_the_docs_list_every_name_in_this_order() -> None:
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    listed = [f"| `{each.setting.upper()}` | `{each.variable}` | {each.whose} |" for each in platforms.NAMES]
    assert [row for row in rows if row in listed] == listed


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), ("no certificate", "without a certificate")])
def test_a_file_without_authorities_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "authorities.pem"
    if content:
        file.write_text(content)
    with pytest.raises(ValueError, match=said):
        Settings(environment="test", secret_key=SECRET, redis_ca_certs=str(file))
