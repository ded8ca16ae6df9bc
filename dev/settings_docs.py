"""Generates `.env.example` and the table in README.md from the fields of `Settings`: `make settings`."""

from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
ENV_EXAMPLE = ROOT / ".env.example"
README = ROOT / "README.md"
BEGIN, END = "<!-- settings: made by `make settings` -->\n", "<!-- end of settings -->\n"


class Variable(NamedTuple):
    name: str
    default: str
    description: str


# Variables that the commands around the application read, not `Settings`.
OTHER_VARIABLES = (
    Variable("DATA_DIR", ".data", "Only for `make run`: where the embedded servers keep their data."),
    Variable("CHAT_CONCURRENCY", "2", "Only in the `Procfile`: processes of a worker of the queue `chat`."),
    Variable("FLOWER_BASIC_AUTH", "", "Only for Flower, which requires it: `name:password` for its pages."),
    Variable("HEALTH_DIR", "", "Where `python -m workers.health` finds its notes; by default a temporary folder."),
    Variable("REDIS_PASSWORD", "", "Only in docker-compose.yml, which requires it: letters and digits."),
    Variable("MONGODB_PASSWORD", "", "Only in docker-compose.yml, which requires it: letters and digits."),
    Variable("REDIS_MAXMEMORY", "1gb", "Only in docker-compose.yml: what Redis may hold; it may use twice as much."),
)
ENV_HEAD = """\
# Chattergram's settings, generated from config/settings.py by `make settings`. Copy this file to .env and change what
# you need; the environment takes precedence over .env. `make run` needs none of them. What is commented out has the
# default shown (REDIS_URL and MONGODB_URI: the embedded servers; SECRET_KEY: a random one, kept in DATA_DIR).
"""
TABLE_HEAD = "| variable | default | what it is |\n| --- | --- | --- |\n"


def variables() -> list[Variable]:
    fields = Settings.model_fields.items()
    return [*(Variable(name.upper(), _default(field), _description(field)) for name, field in fields), *OTHER_VARIABLES]


def env_example() -> str:
    return ENV_HEAD + "".join(f"\n# {each.description}\n# {each.name}={each.default}\n" for each in variables())


def table() -> str:
    rows = (
        f"| `{name}` | {_code(default)} | {text.replace('|', chr(92) + '|')} |\n" for name, default, text in variables()
    )
    return TABLE_HEAD + "".join(rows)


def readme(before: str) -> str:
    """README.md with the current table between its two marks."""
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{table()}{END}{tail}"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or isinstance(value, SecretStr):
        return ""
    return str(value)


def _description(field: FieldInfo) -> str:
    text = field.description or ""
    if get_origin(field.annotation) is Literal:
        text = f"{text} One of: {', '.join(map(str, get_args(field.annotation)))}."
    return text


def _code(default: str) -> str:
    return f"`{default}`" if default else ""


def main() -> None:
    ENV_EXAMPLE.write_text(env_example())
    README.write_text(readme(README.read_text()))


if __name__ == "__main__":
    main()
