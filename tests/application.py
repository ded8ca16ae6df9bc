"""The Flask application inside the test's own process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config.settings import Settings
from tests.stack import SECRET
from web.app import Application, create_app


@contextmanager
def application(**others: Any) -> Iterator[Application]:
    """An application with these settings whose stores nobody asks.

    It leaves mongoengine's one connection to who comes next.
    """
    app = create_app(Settings(_env_file=None, environment="test", secret_key=SECRET, **others))
    try:
        yield app
    finally:
        app.services.stores.close()
