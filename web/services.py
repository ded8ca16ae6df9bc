"""The services that requests and sockets use in a web process. `web.app` constructs them; everybody gets them here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

import gevent
from flask import current_app

from chat.media.sandbox import Sandbox
from chat.people.passwords import Passwords
from chat.store.connection import Stores
from config.settings import Settings
from web.built import BuiltPage
from web.limits import Limits
from web.queue import Queue
from web.tokens import Tokens

if TYPE_CHECKING:
    from web.sockets.runtime import Sockets

NAME = "chattergram"
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    stores: Stores
    passwords: Passwords
    queue: Queue
    tokens: Tokens
    limits: Limits
    sandbox: Sandbox
    sockets: "Sockets"
    page: BuiltPage


def services() -> Services:
    """The services of the process that serves the current request."""
    return cast("Services", current_app.extensions[NAME])


def stores() -> Stores:
    return services().stores


def off_loop(function: Callable[..., Result], *arguments: object) -> Result:
    """Calls a function in a thread. Use it for work so long that it would block other requests on the event loop."""
    result, error = gevent.get_hub().threadpool.apply(_caught, (function, arguments))
    if error is not None:
        raise error
    return cast("Result", result)


def _caught(function: Callable[..., Result], arguments: tuple[object, ...]) -> tuple[Result | None, Exception | None]:
    """Returns the result or the exception, since gevent's pool prints a traceback for every exception raised in it."""
    try:
        return function(*arguments), None
    except Exception as error:  # noqa: BLE001 (`off_loop` raises it)
        return None, error
