"""Whether the addresses of the stores and the broker have the form that their clients take.

Nothing of the clients is imported for that: gunicorn reads the settings before gevent has patched the sockets. And what
they say of a wrong address may have its password in it; what is said here has not.
"""

import re
from urllib.parse import parse_qs, urlsplit

PORT_MOST = 65_535
BROKER_SECONDS = 0.5  # that whoever sends a task waits

_HOST = r"(?:\[[\da-fA-F:.]+\]|[^\[\]:/?#@,\s]+)(?::\d{1,5})?"
_USER = r"(?:[^/?#\s]*@)?"
_DATABASE = r"(?:/\d*/?)?(?:\?[^#\s]*)?"
_REDIS = rf"rediss?://{_USER}(?P<hosts>{_HOST}){_DATABASE}"
_SOCKET = r"/[^?#\s]+(?:\?[^#\s]*)?"
_AMQP = rf"(?:amqps?|pyamqp)://{_USER}(?P<hosts>{_HOST})(?:/[^?#\s]*)?(?:\?[^#\s]*)?"
_LETTER = r"(?:[^:@/?%\s]|%[\da-fA-F]{2})"
_OWNER = rf"(?:{_LETTER}+(?::{_LETTER}*)?@)?"
_REST = r"(?:/[^/\\\"$?\s]*)?(?:\?(?:\w+=[^&;\s]*(?:[&;]|$))*)?"

REDIS = (_REDIS, rf"unix://{_USER}{_SOCKET}")
BROKER = (_REDIS, rf"sentinel://{_USER}(?P<hosts>{_HOST}){_DATABASE}", rf"redis\+socket://{_USER}{_SOCKET}", _AMQP)
MONGODB = (
    rf"mongodb://{_OWNER}(?P<hosts>{_HOST}(?:,{_HOST})*){_REST}",
    rf"mongodb\+srv://{_OWNER}[^\[\]:/?#@,\s]+{_REST}",
)
ESCAPED = "what is special in a password has to be percent-encoded"


def redis(value: str) -> str:
    """Raises ValueError, as the other two."""
    if not _is_one_of(REDIS, value):
        raise ValueError(f"must be redis://user:password@host:port/number, or rediss://… for TLS; {ESCAPED}")
    return value


def broker(value: str) -> str:
    """One address, or several of which each will do, with a semicolon between them; empty for none."""
    if value and not all(_is_one_of(BROKER, each) for each in value.split(";")):
        schemes = "redis://, rediss://, sentinel://, amqp:// or amqps://"
        raise ValueError(f"must be {schemes} with user:password@host:port/name; {ESCAPED}")
    return value


def mongodb(value: str) -> str:
    if not _is_one_of(MONGODB, value):
        raise ValueError(f"must be mongodb://user:password@host:port/database, or mongodb+srv://…; {ESCAPED}")
    return value


def verified(broker_url: str) -> str:
    """With the server's certificate checked, unless it says otherwise: kombu would take any, redis-py does not."""
    return ";".join(_verified(each) for each in broker_url.split(";"))


def is_redis(broker_url: str) -> bool:
    """Whether kombu's Redis transport serves it; the others refuse its options."""
    return broker_url.startswith(("redis", "sentinel"))


def fail_fast(broker_url: str) -> dict[str, float]:
    """Options of kombu's transport for who must not wait for a broker longer than `BROKER_SECONDS`."""
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
    hosts = match.groupdict().get("hosts") or ""
    return all(1 <= int(port) <= PORT_MOST for port in re.findall(r":(\d+)(?:,|$)", hosts))
