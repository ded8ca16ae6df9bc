"""What goes with every request: an id for the logs and the answer, headers that harden, a count of those in flight."""

import re
import secrets

import structlog
from flask import Flask, Response, g, request

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class InFlight:
    """Requests that have begun and are not answered yet; sockets do not count."""

    def __init__(self) -> None:
        self.count = 0


def install(app: Flask, in_flight: InFlight) -> None:
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        if not request.headers.get("Upgrade"):
            g.counted = True
            in_flight.count += 1

    def end(_: BaseException | None) -> None:
        if g.pop("counted", False):
            in_flight.count -= 1

    app.before_request(begin)
    app.after_request(_harden)
    app.teardown_request(end)


def _harden(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-Id"] = g.get("request_id", "")
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
    if request.path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
    return response
