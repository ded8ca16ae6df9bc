"""Which headers about the origin of a request are trusted.

From the client itself that is only `Host`, and only in responses to that client. In `X-Forwarded-For` and
`X-Forwarded-Proto` the last `TRUSTED_PROXIES` hops are trusted. `X-Forwarded-Host` never is: the public name is
`PUBLIC_URL`, and with it the path that everything is below. No header sets that path (`X-Forwarded-Prefix`,
`SCRIPT_NAME`).
"""

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.utils import redirect

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
        app.wsgi_app = _Public(app.wsgi_app, settings)  # type: ignore[method-assign]


class _Public:
    """Makes every request appear to come to the public address, whatever its headers say.

    The path of that address may be there, or a proxy may have removed it; health checks know nothing of it.
    """

    def __init__(self, inner: Any, settings: Settings) -> None:
        self._inner = inner
        self._scheme, self._host = urlsplit(settings.public_url)[:2]
        self._base = settings.base_path

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        environ["HTTP_HOST"] = self._host
        environ["wsgi.url_scheme"] = self._scheme
        environ.pop("HTTP_X_FORWARDED_PROTO", None)
        environ["SCRIPT_NAME"] = self._base
        path = environ.get("PATH_INFO", "")
        if self._base and path == self._base:
            return redirect(f"{self._base}/", HTTPStatus.PERMANENT_REDIRECT)(environ, start_response)
        if path.startswith(f"{self._base}/"):
            environ["PATH_INFO"] = path.removeprefix(self._base)
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
