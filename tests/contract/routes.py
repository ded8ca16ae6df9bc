"""The application's routes, read once at collection: reading them opens the one connection that mongoengine has."""

from werkzeug.routing import Rule

from config.settings import Settings
from web.app import create_app


def _rules() -> list[Rule]:
    app = create_app(Settings(_env_file=None, environment="development"))
    try:
        return list(app.url_map.iter_rules())
    finally:
        app.services.stores.close()


RULES = _rules()
