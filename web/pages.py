"""The web client: one page at every address it knows, and its files."""

from pathlib import Path

from flask import Blueprint, Response, current_app, request, send_file, send_from_directory
from werkzeug.exceptions import NotFound

from web import built, errors, offline, subpath
from web.services import services

pages = Blueprint("pages", __name__)

# Only our own files run; nothing inline, nothing from elsewhere, nobody frames us.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; media-src blob:; "
    "manifest-src 'self'; worker-src 'self'; connect-src 'self' {sockets}; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

# The worker fetches our own files, and runs our own modules.
WORKER_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"

OF_PROGRAMS = ("/api/", "/static/", "/ws/")
UNCHANGING = "public, max-age=31536000, immutable"  # seconds: a year, the longest that caches honour


@pages.get("/")
@pages.get("/login")
@pages.get("/signup")
@pages.get("/settings")
@pages.get("/chat/<path:name>")
def page(name: str = "") -> Response:  # noqa: ARG001 (the client reads its address itself)
    """The client's page."""
    return _page()


@pages.get("/static/built/<name>")
def built_file(name: str) -> Response:
    """A file of the built page, which never changes under its name.

    While a new version is deployed, a page of one process may ask another one that has only the other version's files.
    It gets that version's file of the same name, to be used once.
    """
    build = services().page.latest()
    if build is None or name not in build.names:
        successor = build and build.successor(name)
        if not successor:
            raise NotFound
        response = _encoded(successor)
        response.headers["Cache-Control"] = "no-store"
        return response
    response = _encoded(name)
    response.headers["Cache-Control"] = UNCHANGING
    return response


@pages.get("/sw.js")
def worker() -> Response:
    """The service worker, at the root so that it may respond for the whole page; see `web.offline`."""
    own = services()
    script = offline.worker_script(own.page.file(), own.settings.base_path)
    response = current_app.response_class(script, mimetype="text/javascript")
    response.headers["Content-Security-Policy"] = WORKER_POLICY
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


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
    response = _page(conditional=False)  # a 304 would become a 404 without content
    response.status_code = error.code
    return response


def _page(*, conditional: bool = True) -> Response:
    own = services()
    build = own.page.current()
    if own.settings.base_path:
        response = _placed(own.page.file(), own.settings.base_path, conditional=conditional)
    elif build:
        response = _encoded(built.PAGE, etag=build.version, conditional=conditional)
    else:
        response = send_file(own.page.file(), conditional=conditional)
    scheme = "wss" if request.is_secure else "ws"
    response.headers["Content-Security-Policy"] = POLICY.format(sockets=f"{scheme}://{request.host}")
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(self)"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-cache"
    return response


def _placed(page: Path, base: str, *, conditional: bool) -> Response:
    content, compressed = subpath.placed_file(page, base)
    response = current_app.response_class(content, mimetype="text/html")
    if request.accept_encodings["gzip"]:
        response.set_data(compressed)
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.add_etag()
    if conditional:
        response.make_conditional(request)
    return response


def _encoded(name: str, etag: str = "", *, conditional: bool = True) -> Response:
    """A built file in the best encoding that the client takes. The ETag is the same on every machine."""
    folder = services().page.folder
    accepted = [each for each in built.ENCODINGS if request.accept_encodings[each]]
    there = [each for each in accepted if (folder / f"{name}{built.ENCODINGS[each]}").exists()]
    encoding = there[0] if there else ""
    response = send_file(
        folder / f"{name}{built.ENCODINGS.get(encoding, '')}",
        mimetype=built.media_type(name),
        download_name=name,
        etag=f"{etag or name}.{encoding}".strip("."),
        conditional=conditional,
    )
    response.expires = None  # Cache-Control says it
    if encoding:
        response.content_encoding = encoding
    response.vary.add("Accept-Encoding")
    return response
