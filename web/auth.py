"""Who is calling: decided before anything of a request is read."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request

from chat.errors import Forbidden, SessionEnded
from chat.people.sessions import Beside, Session
from web import rates
from web.errors import problem
from web.services import services

BEARER = "Bearer "
View = TypeVar("View", bound=Callable[..., object])


OPEN = frozenset(
    {
        "accounts.sign_up",
        "accounts.log_in",
        "files.content",  # takes a signed link as well, and calls `authenticate_now` where there is none
        "health.alive",
        "health.ready",
        "metrics.show",  # has a token of its own
        "socket",  # the socket, whose token comes in the address or as its first text
        "pages.page",
        "pages.icon",
        "pages.built_file",
        "pages.worker",
        "static",
        "openapi.openapi",
        "openapi.doc_url",
        "openapi.static",
        "swagger.swagger",
        "swagger.static",
        "swagger.oauth2-redirect",
    }
)
"""The endpoints that need no token. Every other one is closed, so that a new route cannot be forgotten."""


def checks_session(view: View) -> View:
    """Marks a view whose own write finds out whether the session still holds; its token is only read before that."""
    view.checks_session = True  # type: ignore[attr-defined]
    return view


def reads(ask: Callable[..., None]) -> Callable[[View], View]:
    """Marks a view that needs what `ask` asks for; it is read in the round trip that checks the session, see `read`.

    `ask` gets a pipeline and the values of the address. What it adds to the pipeline must not change anything.
    """

    def mark(view: View) -> View:
        view.reads = ask  # type: ignore[attr-defined]
        return view

    return mark


def read() -> list[Any]:
    """The replies to what the view of this call asked for, see `reads`."""
    return cast("list[Any]", g.read)


def me() -> str:
    """The id of the person who is calling."""
    return session().user_id


def session() -> Session:
    return cast("Session", g.session)


def authenticate() -> None:
    """Raises SessionEnded when a view that needs a token is called without one that holds."""
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method == "OPTIONS" or view is None or request.endpoint in OPEN:
        return
    if getattr(view, "checks_session", False):
        _authenticate(services().tokens.read)
    else:
        authenticate_now()


def authenticate_now() -> None:
    """For an open view that turns out to need a token after all. Raises SessionEnded."""
    _authenticate(_verify)


def _authenticate(check: Callable[[str], Session]) -> None:
    *others, last = _presented_tokens()
    for token in others:  # one header must not hide a valid token in the other, so this token is checked completely
        with suppress(SessionEnded):
            g.session = _verify(token)
            return
    g.session = check(last)


def _verify(token: str) -> Session:
    ask = getattr(current_app.view_functions.get(request.endpoint or ""), "reads", None)
    beside = Beside(lambda pipe: ask(pipe, *(request.view_args or {}).values())) if ask is not None else None
    session = services().tokens.verify(token, rates.counted, beside)
    g.read = beside.replies if beside is not None else []
    return session


def _presented_tokens() -> list[str]:
    """Returns the tokens of the request, from `x-api-key` and as a bearer; `['']` if there is none."""
    authorization = request.headers.get("Authorization", "")
    is_bearer = authorization[: len(BEARER)].lower() == BEARER.lower()
    found = [_api_key(), authorization[len(BEARER) :].strip() if is_bearer else ""]
    return list(dict.fromkeys(filter(None, found))) or [""]


def _api_key() -> str:
    return request.headers.get("x-api-key", "").strip()


def _refuse(error: SessionEnded) -> Response:
    """Responds with 401, or 403 to a token in `x-api-key`: clients of the original know their session ended by that."""
    if not _api_key():
        return problem(error)
    return problem(Forbidden(error.code))


def install(app: Flask) -> None:
    app.before_request(authenticate)
    app.register_error_handler(SessionEnded, _refuse)
