"""The Flask application inside the test's own process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from mongoengine import connection

from config.settings import Settings
from tests.stack import SECRET
from web.app import Application, create_app


@contextmanager
def application(**own: Any) -> Iterator[Application]:
    """An application with settings of its own.

    mongoengine's one connection, if other tests have it, stays theirs, and so does the log, which commands configure.
    """
    root = logging.getLogger()
    with (
        patch.multiple(connection, _connections={}, _connection_settings={}, _dbs={}),
        patch.multiple(root, handlers=root.handlers, level=root.level),
    ):
        app = create_app(Settings(_env_file=None, **{"environment": "test", "secret_key": SECRET, **own}))
        try:
            yield app
        finally:
            app.services.stores.close()
