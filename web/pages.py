"""The web client: one page at every address it knows, and its files."""

from pathlib import Path

from flask import Blueprint, Response, current_app, request, send_file, send_from_directory
from werkzeug.exceptions import NotFound

from web import errors, offline

pages = Blueprint("pages", __name__)

# Only our own files run; nothing inline, nothing from elsewhere, nobody frames us.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src blob:; "
    "manifest-src 'self'; worker-src 'self'; connect-src 'self' {sockets}; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

# The worker fetches our own files, and runs our own modules.
WORKER_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"

OF_PROGRAMS = ("/api/", "/static/", "/ws/")


@pages.get("/")
@pages.get("/login")
@pages.get("/signup")
@pages.get("/settings")
@pages.get("/chat/<path:name>")
def page(name: str = "") -> Response:  # noqa: ARG001 (the client reads its address itself)
    """The client's page."""
    response = send_file(_page_file())
    scheme = "wss" if request.is_secure else "ws"
    response.headers["Content-Security-Policy"] = POLICY.format(sockets=f"{scheme}://{request.host}")
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(self)"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-cache"
    return response


@pages.get("/sw.js")
def worker() -> Response:
    """The service worker, at the root so that it may respond for the whole page; see `web.offline`."""
    response = current_app.response_class(offline.worker_script(_page_file()), mimetype="text/javascript")
    response.headers["Content-Security-Policy"] = WORKER_POLICY
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _page_file() -> Path:
    return Path(str(current_app.static_folder), "index.html")


@pages.get("/favicon.ico")
def icon() -> Response:
    """For browsers that ask without reading the page."""
    return send_from_directory(str(current_app.static_folder), "icon.svg")


@pages.app_errorhandler(NotFound)
def nothing(error: NotFound) -> Response:
    """The client's page, which says that there is nothing here, for people; the usual error for programs."""
    is_for_people = request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    if request.method not in ("GET", "HEAD") or request.path.startswith(OF_PROGRAMS) or not is_for_people:
        return errors.refuse(error)
    response = page()
    response.status_code = error.code
    return response
