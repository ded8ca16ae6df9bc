"""Which headers about the origin of a request are trusted.

From the client itself that is only `Host`, and only in responses to that client. In `X-Forwarded-For` and
`X-Forwarded-Proto` the last `TRUSTED_PROXIES` hops are trusted. `X-Forwarded-Host` never is: the public name is
`PUBLIC_URL`.
"""

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from chat.errors import ChatError
from config.settings import Settings

HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
MAX_HOST_LENGTH = 260  # characters: a name of DNS and a port


def install(app: Flask, settings: Settings) -> None:
    app.before_request(_check_host)
    app.after_request(_stay_here)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    if settings.public_url:
        app.wsgi_app = _Public(app.wsgi_app, settings.public_url)  # type: ignore[method-assign]


class _Public:
    """Makes every request appear to come to the public address, whatever its headers say."""

    def __init__(self, inner: Any, url: str) -> None:
        self._inner = inner
        self._scheme, self._host = urlsplit(url)[:2]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        environ["HTTP_HOST"] = self._host
        environ["wsgi.url_scheme"] = self._scheme
        environ.pop("HTTP_X_FORWARDED_PROTO", None)
        return self._inner(environ, start_response)


def _check_host() -> None:
    """Raises ChatError unless `Host` is a host: it is copied into the page's content security policy."""
    host = request.headers.get("Host", "")
    if host and (len(host) > MAX_HOST_LENGTH or not HOST.fullmatch(host)):
        raise ChatError(sentence="host_header")


def _stay_here(response: Response) -> Response:
    """Makes redirects within this site relative, so that no header can send anybody elsewhere."""
    location = response.headers.get("Location")
    if location:
        parts = urlsplit(location)
        if parts.netloc == request.host:
            response.headers["Location"] = urlunsplit(("", "", parts.path or "/", parts.query, parts.fragment))
    return response
