"""The web application: constructs everything that requests and sockets use."""

import sys
import time
from typing import Any

import gevent
import structlog
from flask import Flask, redirect, request
from flask_cors import CORS
from flask_openapi3.models.info import Info
from flask_openapi3.models.server import Server
from flask_openapi3.openapi import OpenAPI
from gunicorn.arbiter import Arbiter

from chat import spans
from chat.media.sandbox import Sandbox
from chat.people.passwords import Passwords
from chat.store.connection import Stores, connect
from chat.store.prepare import prepare_when_up
from config.settings import Settings, SettingsError, get_settings
from config.version import VERSION
from web import auth, bodies, cli, compression, context, errors, metrics, origin, schemas, tus
from web.api import accounts, conversations, files, messages, push, recordings, search, uploads, users
from web.api.health import health, watch_memory
from web.api.responses import SECURITY_SCHEMES
from web.built import STATIC, BuiltPage
from web.limits import Limits
from web.pages import pages
from web.queue import Queue
from web.services import NAME, Services, off_loop
from web.sockets import route
from web.sockets.runtime import Sockets
from web.tokens import Tokens

log = structlog.get_logger(__name__)

DOCS = "/api/docs"
# Swagger's page has an inline script.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
SETTLE_SECONDS = 0.1  # time for requests that were received but have not begun


def create_app(settings: Settings | None = None) -> "Application":
    """Creates the WSGI application. It opens no connection before the first request or `Application.start`."""
    settings = settings or get_settings()
    app = Application(settings)
    app.json = bodies.Json(app)
    CORS(
        app,
        resources={r"/api/*": {"origins": [origin.strip() for origin in settings.cors_origins.split(",")]}},
        expose_headers=["Retry-After", "X-Request-Id", "Content-Range", "Accept-Ranges", "ETag", *tus.HEADERS],
        max_age=86_400,
    )
    metrics.install(app, app.services)
    context.install(app, app.in_flight)
    if spans.start(settings, "web"):
        _trace_calls(app)
    tus.install(app)  # before `origin`, which takes a proxy's path away
    origin.install(app, settings)
    bodies.install(app)
    compression.install(app)
    auth.install(app)
    app.before_request(bodies.check)
    errors.install(app)
    for resource in (accounts, users, conversations, messages, uploads, recordings, files, search, push):
        app.register_api(resource.api)
    app.register_blueprint(health)
    app.register_blueprint(pages)
    route.install(app, settings)
    cli.install(app)
    _serve_docs(app)
    return app


class Application(OpenAPI):
    """Flask with its services, and with `start` and `stop` (see `web/worker.py`)."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            __name__,
            info=Info(title="Chattergram", version=VERSION, description="Chat for two; voice messages can be read."),
            servers=[Server(url=settings.base_path)] if settings.base_path else None,
            security_schemes=SECURITY_SCHEMES,
            static_folder=str(STATIC),
            static_url_path="/static",
            doc_prefix=DOCS,
            validation_error_model=schemas.Problem,
            validation_error_callback=errors.refuse_invalid,
        )
        self.config["SEND_FILE_MAX_AGE_DEFAULT"] = 0  # files change with a deploy; ETags make revalidation cheap
        self.in_flight = context.InFlight()
        stores = connect(settings)
        self.services = Services(
            settings=settings,
            stores=stores,
            passwords=Passwords(off_loop),
            queue=Queue(settings),
            tokens=Tokens(self, stores),
            limits=Limits(stores),
            sandbox=Sandbox(settings.audio_processes, settings.audio_waiting),
            sockets=Sockets(stores),
            page=BuiltPage(wanted=not settings.page_modules, watched=settings.environment != "production"),
        )
        self.extensions[NAME] = self.services

    def start(self) -> None:
        """Starts to serve sockets and brings the stores' indexes up to date. Call once per process, after the fork.

        Waits for the stores in the background, however long it takes; meanwhile `/readyz` says what is missing.
        """
        self.services.sockets.start()
        self.services.sandbox.start()
        gevent.spawn(metrics.watch, self.services.sockets)
        gevent.spawn(watch_memory, self.services.stores)
        gevent.spawn(_prepare, self.services.stores)

    def stop(self) -> None:
        """Refuses new sockets, lets requests in flight finish, then closes the sockets."""
        self.services.sockets.hub.shut = True
        gevent.sleep(SETTLE_SECONDS)
        until = time.monotonic() + self.services.settings.shutdown_grace
        while self.in_flight.count and time.monotonic() < until:
            gevent.sleep(0.02)
        self.services.sockets.stop()
        self.services.sandbox.stop()


def _prepare(stores: Stores) -> None:
    """Prepares the stores once they are up; ends gunicorn with a sentence if one can never be used."""
    try:
        prepare_when_up(stores)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 (as every process says it, whatever the log's form)
        raise SystemExit(Arbiter.APP_LOAD_ERROR) from None


def _trace_calls(app: Flask) -> None:
    """Before anything that asks a store, so that this is part of the call's trace. Sockets are no calls."""
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    FlaskInstrumentor.instrument_app(  # type: ignore[no-untyped-call]
        app, excluded_urls="/ws/,/healthz,/readyz,/metrics", enable_commenter=False
    )


def _serve_docs(app: Flask) -> None:
    app.view_functions["openapi.openapi"] = lambda: redirect("swagger")

    def allow_scripts(response: Any) -> Any:
        if request.path.startswith(DOCS):
            response.headers["Content-Security-Policy"] = DOCS_POLICY
        return response

    app.after_request(allow_scripts)
