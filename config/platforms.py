"""The names under which platforms and their add-ons hand out the addresses of stores.

An address is taken from the first of these that is set: our own name, then those of the table in its order.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource


class Name(NamedTuple):
    setting: str
    variable: str
    whose: str


# From the documentation of each or from public code that reads it, in November 2026. There was neither to read for
# SCALINGO_REDIS_URL, for MONGODB_URL and for Railway's MONGO_URL.
NAMES = (
    Name("redis_url", "REDIS_TLS_URL", "Heroku, beside `REDIS_URL`"),
    Name("redis_url", "REDISCLOUD_URL", "Redis Cloud on Heroku"),
    Name("redis_url", "STACKHERO_REDIS_URL_TLS", "Stackhero on Heroku"),
    Name("redis_url", "STACKHERO_REDIS_URL_CLEAR", "Stackhero on Heroku, without TLS"),
    Name("redis_url", "SCALINGO_REDIS_URL", "Scalingo"),
    Name("celery_broker_url", "CLOUDAMQP_URL", "CloudAMQP on Heroku"),
    Name("mongodb_uri", "MONGODB_URL", "many"),
    Name("mongodb_uri", "MONGO_URL", "Railway, Scalingo"),
    Name("mongodb_uri", "SCALINGO_MONGO_URL", "Scalingo"),
    Name("mongodb_uri", "ORMONGO_RS_URL", "ObjectRocket on Heroku, a replica set"),
    Name("mongodb_uri", "ORMONGO_URL", "ObjectRocket on Heroku"),
    Name("mongodb_uri", "MONGODB_ADDON_URI", "Clever Cloud"),
)


class PlatformSource(PydanticBaseSettingsSource):
    """Gives the settings that only a platform's name sets; pydantic prefers every other source."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        name = found(field_name)
        return (os.environ[name] if name else None), name, False

    def __call__(self) -> dict[str, Any]:
        settings = {each.setting for each in NAMES}
        return {setting: os.environ[name] for setting in settings if (name := found(setting))}


def found(setting: str) -> str:
    """The first name in the environment that stands for this setting, apart from its own; '' if there is none."""
    return next((each.variable for each in NAMES if each.setting == setting and os.environ.get(each.variable)), "")


def sentence(settings: Mapping[str, str]) -> str:
    """Says which names were taken and which are set and not used; '' if a platform sets none. Never says a value.

    `settings` has the addresses as they are used.
    """
    return " ".join(_sentences(settings))


def _sentences(settings: Mapping[str, str]) -> Iterator[str]:
    for setting in dict.fromkeys(each.setting for each in NAMES):
        there = [each.variable for each in NAMES if each.setting == setting and os.environ.get(each.variable)]
        taken = next((name for name in there if _host(os.environ[name]) == _host(settings[setting])), "")
        if taken:
            yield f"{setting.upper()} is taken from {taken}."
        if unused := [name for name in there if name != taken]:
            yield f"{', '.join(unused)} {'is' if len(unused) == 1 else 'are'} set and not used."


def _host(address: str) -> str:
    return urlsplit(address).netloc
