"""Checks that the addresses of the stores and the broker have a form that their clients accept.

This module does not import the clients, because gunicorn reads the settings before gevent has patched the sockets.
Besides, a client's error about a wrong address may include the password; the errors here never do.
"""

import re
from urllib.parse import parse_qs, urlsplit

MAX_PORT = 65_535
CERTIFICATE_CHECKS = {"none", "optional", "required"}  # what both redis-py and kombu know as `ssl_cert_reqs`
BROKER_SECONDS = 0.5  # how long sending a task may wait for the broker

_HOST = r"(?:\[[\da-fA-F:.]+\]|[^\[\]:/?#@,\s]+)(?::\d{1,5})?"
_USER = r"(?:[^/?#\s]*@)?"
_DATABASE = r"(?:/\d*/?)?(?:\?[^#\s]*)?"
_REDIS = rf"rediss?://{_USER}(?P<hosts>{_HOST}){_DATABASE}"
_FIRST_DATABASE = rf"rediss?://{_USER}(?P<hosts>{_HOST})(?:/0?/?)?(?:\?[^#\s]*)?"  # search indexes no other
_SOCKET = r"/[^?#\s]+(?:\?[^#\s]*)?"
_AMQP = rf"(?:amqps?|pyamqp)://{_USER}(?P<hosts>{_HOST})(?:/[^?#\s]*)?(?:\?[^#\s]*)?"
_LETTER = r"(?:[^:@/?%\s]|%[\da-fA-F]{2})"
_OWNER = rf"(?:{_LETTER}+(?::{_LETTER}*)?@)?"
_REST = r"(?:/[^/\\\"$?\s]*)?(?:\?(?:\w+=[^&;\s]*(?:[&;]|$))*)?"

REDIS = (_FIRST_DATABASE, rf"unix://{_USER}{_SOCKET}")
BROKER = (_REDIS, rf"redis\+socket://{_USER}{_SOCKET}", _AMQP)
MONGODB = (
    rf"mongodb://{_OWNER}(?P<hosts>{_HOST}(?:,{_HOST})*){_REST}",
    rf"mongodb\+srv://{_OWNER}[^\[\]:/?#@,\s]+{_REST}",
)
ESCAPED = "percent-encode special characters in the password"


def redis(value: str) -> str:
    """Returns a valid Redis address unchanged. Raises ValueError for any other text, as do the functions below."""
    if not _is_one_of(REDIS, value):
        raise ValueError(f"must be redis://user:password@host:port/0, or rediss://… for TLS; {ESCAPED}")
    return value


def broker(value: str) -> str:
    """Accepts one address, or several alternatives separated by semicolons, or an empty text for none."""
    if value and not all(_is_one_of(BROKER, each) for each in value.split(";")):
        schemes = "redis://, rediss://, amqp:// or amqps://"
        raise ValueError(f"must be {schemes} with user:password@host:port/name; {ESCAPED}")
    return value


def mongodb(value: str) -> str:
    if not _is_one_of(MONGODB, value):
        raise ValueError(f"must be mongodb://user:password@host:port/database, or mongodb+srv://…; {ESCAPED}")
    return value


def public(value: str) -> str:
    """Returns the public address without a trailing slash; it may be empty."""
    value = value.rstrip("/")
    match = re.fullmatch(rf"https?://(?P<hosts>{_HOST})", value)
    if value and (match is None or not _ports_exist(match["hosts"])):
        raise ValueError("must be https://host, with :port unless it is the default one, and nothing after it")
    return value


def verified(broker_url: str) -> str:
    """Adds certificate checks to TLS addresses that do not set them: unlike redis-py, kombu accepts any certificate."""
    return ";".join(_verified(each) for each in broker_url.split(";"))


def is_redis(broker_url: str) -> bool:
    """Whether kombu uses its Redis transport for this address; other transports refuse that one's options."""
    return broker_url.startswith("redis")


def fail_fast(broker_url: str) -> dict[str, float]:
    """Transport options for kombu that bound the wait for a broker to `BROKER_SECONDS`."""
    redis_only = {"socket_timeout": BROKER_SECONDS, "socket_connect_timeout": BROKER_SECONDS}
    return {"max_retries": 0, **(redis_only if is_redis(broker_url) else {})}


def _verified(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "rediss" or "ssl_cert_reqs" in parse_qs(parts.query):
        return url
    query = "&".join(filter(None, (parts.query, "ssl_cert_reqs=required")))
    return parts._replace(query=query).geturl()


def _is_one_of(forms: tuple[str, ...], value: str) -> bool:
    match = next((found for form in forms if (found := re.fullmatch(form, value))), None)
    if match is None:
        return False
    checks = parse_qs(urlsplit(value).query).get("ssl_cert_reqs", ["required"])
    return _ports_exist(match.groupdict().get("hosts") or "") and set(checks) <= CERTIFICATE_CHECKS


def _ports_exist(hosts: str) -> bool:
    return all(1 <= int(port) <= MAX_PORT for port in re.findall(r":(\d+)(?:,|$)", hosts))
