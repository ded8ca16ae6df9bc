"""The application's routes, read once at collection."""

from tests.application import application

with application() as app:
    RULES = list(app.url_map.iter_rules())
