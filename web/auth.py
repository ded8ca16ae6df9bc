"""Who is calling: decided before anything of a request is read."""

from collections.abc import Callable
from typing import TypeVar, cast

from flask import Flask, current_app, g, request

from chat.people.sessions import Session
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
        "_serve",  # the socket, whose token comes in the address or as its first text
        "pages.page",
        "pages.icon",
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


def me() -> str:
    """The id of the person who is calling."""
    return session().user_id


def session() -> Session:
    return cast("Session", g.session)


def presented_token() -> str:
    """The token of the request, from `x-api-key` or as a bearer, '' when there is none."""
    authorization = request.headers.get("Authorization", "")
    bearer = authorization[len(BEARER) :].strip() if authorization[: len(BEARER)].lower() == BEARER.lower() else ""
    return request.headers.get("x-api-key", "").strip() or bearer


def authenticate() -> None:
    """Raises Unauthorized when a view that needs a token is called without one that holds."""
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method == "OPTIONS" or view is None or request.endpoint in OPEN:
        return
    if getattr(view, "checks_session", False):
        g.session = services().tokens.read(presented_token())
    else:
        authenticate_now()


def authenticate_now() -> None:
    """For an open view that turns out to need a token after all. Raises Unauthorized."""
    g.session = services().tokens.verify(presented_token())


def install(app: Flask) -> None:
    app.before_request(authenticate)
