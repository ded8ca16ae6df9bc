"""Checks that the addresses of the stores and the broker have a form that their clients accept.

This module does not import the clients, because gunicorn reads the settings before gevent has patched the sockets.
Besides, a client's error about a wrong address may include the password; the errors here never do.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, parse_qsl, quote, unquote, urlsplit

MAX_PORT = 65_535
REDIS_PORT = 6_379
SENTINEL_PORT = 26_379
# One that is away must not hold up the next: redis-py would try each for seconds.
SENTINEL_OPTIONS = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry": None}
SENTINEL_PASSWORD = "sentinel_password"  # noqa: S105 (the name of an option)
FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
CHECK_HOSTNAME = "ssl_check_hostname"
NO = ("0", "F", "FALSE", "N", "NO")  # as redis-py reads it in other addresses
TLS_OPTIONS = (*FILES, "ssl_cert_reqs", CHECK_HOSTNAME)
# Others of redis-py would replace what this program needs: bytes as replies in the shapes of RESP2, its own limits and
# time-outs.
REDIS_OPTIONS = ("client_name", "socket_keepalive")
PROTOCOL = "2"  # of Redis
CERTIFICATE_CHECKS = {"none", "optional", "required"}  # what both redis-py and kombu know as `ssl_cert_reqs`
BROKER_SECONDS = 0.5  # how long sending a task may wait for the broker

_HOST = r"(?:\[[\da-fA-F:.]+\]|[^\[\]:/?#@,\s]+)(?::\d{1,5})?"
_USER = r"(?:[^/?#\s]*@)?"
_DATABASE = r"(?:/\d*/?)?(?:\?[^#\s]*)?"
_REDIS = rf"rediss?://{_USER}(?P<hosts>{_HOST}){_DATABASE}"
_FIRST_DATABASE = rf"rediss?://{_USER}(?P<hosts>{_HOST})(?:/0?/?)?(?:\?[^#\s]*)?"  # search indexes no other
_SEGMENT = r"[\w~-][\w.~-]*"  # of a path; without a dot first, which could lead out of it
_SOCKET = r"/[^?#\s]+(?:\?[^#\s]*)?"
_AMQP = rf"(?:amqps?|pyamqp)://{_USER}(?P<hosts>{_HOST})(?:/[^?#\s]*)?(?:\?[^#\s]*)?"
_LETTER = r"(?:[^:@/?%\s]|%[\da-fA-F]{2})"
_OWNER = rf"(?:{_LETTER}+(?::{_LETTER}*)?@)?"
_REST = r"(?:/[^/\\\"$?\s]*)?(?:\?(?:\w+=[^&;\s]*(?:[&;]|$))*)?"


def _sentinels(database: str) -> tuple[str, str]:
    """The two forms of an address that names sentinels: without TLS and with it."""
    hosts = rf"{_USER}(?P<hosts>{_HOST}(?:,{_HOST})*)/[\w.-]+{database}"
    return tuple(  # type: ignore[return-value]
        rf"{scheme}\+sentinel://{hosts}(?:\?(?:(?:{'|'.join(options)})=[^&#\s]*(?:&|$))*)?"
        for scheme, options in (("redis", (SENTINEL_PASSWORD,)), ("rediss", (SENTINEL_PASSWORD, *TLS_OPTIONS)))
    )


def _cluster() -> tuple[str, str]:
    """The two forms of an address that names nodes of a cluster: without TLS and with it."""
    hosts = rf"{_USER}(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/0?)?"
    return (
        rf"redis\+cluster://{hosts}",
        rf"rediss\+cluster://{hosts}(?:\?(?:(?:{'|'.join(TLS_OPTIONS)})=[^&#\s]*(?:&|$))*)?",
    )


REDIS = (_FIRST_DATABASE, *_sentinels("(?:/0)?"), *_cluster(), rf"unix://{_USER}{_SOCKET}")
BROKER = (_REDIS, *_sentinels(r"/\d+"), rf"redis\+socket://{_USER}/[^?#\s]+(?:\?virtual_host=\d+)?", _AMQP)
MONGODB = (
    rf"mongodb://{_OWNER}(?P<hosts>{_HOST}(?:,{_HOST})*){_REST}",
    rf"mongodb\+srv://{_OWNER}[^\[\]:/?#@,\s]+{_REST}",
)
FORMS_OF_REDIS = (
    "redis://user:password@host:port/0, redis+sentinel://user:password@host:port,host:port/name, or "
    "redis+cluster://user:password@host:port,host:port; with TLS rediss"
)
ESCAPED = "percent-encode special characters in the password"


def redis(value: str) -> str:
    """Returns a valid Redis address unchanged. Raises ValueError for any other text, as do the functions below."""
    if not _is_one_of(REDIS, value):
        raise ValueError(f"must be {FORMS_OF_REDIS}; {ESCAPED}")
    address = urlsplit(value)
    options = dict(parse_qsl(address.query))
    if options.pop("db", "0") != "0":
        raise ValueError("must name database 0, since search works in no other")
    if options.pop("protocol", PROTOCOL) != PROTOCOL:
        raise ValueError(f"must use protocol {PROTOCOL}: the replies of later ones have other shapes")
    understood = {SENTINEL_PASSWORD, *REDIS_OPTIONS, *(TLS_OPTIONS if _is_tls(address.scheme) else ())}
    if others := options.keys() - understood:
        raise ValueError(f"has options that are not understood: {', '.join(sorted(others))}")
    return _with_files(value)


def broker(value: str) -> str:
    """Accepts one address, or several alternatives separated by semicolons, or an empty text for none."""
    if value and not all(_is_one_of(BROKER, each) for each in value.split(";")):
        schemes = "redis://, rediss://, redis+sentinel://, rediss+sentinel://, amqp:// or amqps://"
        raise ValueError(f"must be {schemes} with user:password@host:port/name; {ESCAPED}")
    for each in value.split(";"):
        _with_files(each)
    return value


def mongodb(value: str) -> str:
    if not _is_one_of(MONGODB, value):
        raise ValueError(f"must be mongodb://user:password@host:port/database, or mongodb+srv://…; {ESCAPED}")
    return value


def public(value: str) -> str:
    """Returns the public address, which may have a path, without a trailing slash; it may be empty."""
    value = value.rstrip("/")
    match = re.fullmatch(rf"https?://(?P<hosts>{_HOST})(?:/{_SEGMENT})*", value)
    if value and (match is None or not _ports_exist(match["hosts"])):
        raise ValueError(
            "must be https://host, with :port unless it is the default one, and a path of letters, digits, - and _ if "
            "it has one"
        )
    return value


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Where to ask for the master of `service`, and how to log in to it."""

    hosts: tuple[tuple[str, int], ...]
    service: str
    database: int
    login: dict[str, str]
    tls: dict[str, Any] | None  # options of TLS, to the sentinels and to the master; None without TLS
    options: dict[str, Any]  # of the connections to the sentinels


def sentinels(url: str) -> Sentinels | None:
    """Reads an address that names sentinels; returns None for any other."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis+sentinel", "rediss+sentinel"):
        return None
    service, _, database = parts.path.strip("/").partition("/")
    given, tls = dict(parse_qsl(parts.query)), _tls(parts)
    return Sentinels(
        _hosts(parts, SENTINEL_PORT),
        service,
        int(database or 0),
        _login(parts),
        tls,
        {**SENTINEL_OPTIONS, "password": given.get(SENTINEL_PASSWORD), **({} if tls is None else {"ssl": True, **tls})},
    )


@dataclass(frozen=True, slots=True)
class Cluster:
    """Some nodes of a Redis Cluster, which tell of the others, and how to log in to all of them."""

    hosts: tuple[tuple[str, int], ...]
    login: dict[str, str]
    tls: dict[str, Any] | None  # options of TLS; None without TLS


def cluster(url: str) -> Cluster | None:
    """Reads an address that names nodes of a cluster; returns None for any other."""
    parts = urlsplit(url)
    if not is_cluster(url):
        return None
    return Cluster(_hosts(parts, REDIS_PORT), _login(parts), _tls(parts))


def is_cluster(url: str) -> bool:
    return url.startswith(("redis+cluster://", "rediss+cluster://"))


def _login(address: SplitResult) -> dict[str, str]:
    """The name and the password in an address, as far as it has them."""
    name, _, password = address.netloc.rpartition("@")[0].partition(":")
    login = {"username": unquote(name), "password": unquote(password)}
    return {key: value for key, value in login.items() if value}


def _hosts(address: SplitResult, port: int) -> tuple[tuple[str, int], ...]:
    """The hosts and ports in an address; `port` of those that name none."""
    each = (urlsplit(f"//{text}") for text in address.netloc.rpartition("@")[2].split(","))
    return tuple((parts.hostname or "", parts.port or port) for parts in each)


def _tls(address: SplitResult) -> dict[str, Any] | None:
    """The options of TLS in an address; None if it is one without TLS."""
    if not _is_tls(address.scheme):
        return None
    found: dict[str, Any] = {key: value for key, value in parse_qsl(address.query) if key in TLS_OPTIONS}
    if CHECK_HOSTNAME in found:  # the text `false` would be true
        found[CHECK_HOSTNAME] = found[CHECK_HOSTNAME].upper() not in NO
    return found


class KombuAddress(NamedTuple):
    """An address as kombu wants it, with the transport options and those of TLS that belong to it."""

    url: str
    options: dict[str, Any]
    tls: dict[str, Any] | None = None


def for_kombu(broker_url: str) -> KombuAddress:
    found = sentinels(broker_url)
    if found is None:
        first = urlsplit(broker_url.partition(";")[0])
        return KombuAddress(broker_url, {}, _tls(first))  # kombu reads it in the address, Flower only here
    owner = urlsplit(broker_url).netloc.rpartition("@")[0]
    start = f"sentinel://{owner}@" if owner else "sentinel://"
    urls = [f"{start}{f'[{host}]' if ':' in host else host}:{port}/{found.database}" for host, port in found.hosts]
    return KombuAddress(";".join(urls), {"master_name": found.service, "sentinel_kwargs": found.options}, found.tls)


def _with_files(url: str) -> str:
    for name, file in parse_qsl(urlsplit(url).query):
        if name in FILES and not os.access(file, os.R_OK):
            raise ValueError(f"names a file that cannot be read ({name})")
    return url


def authority(value: str) -> str:
    """Returns the path of a file with certificates unchanged; it may be empty."""
    if value:
        try:
            text = Path(value).read_text(errors="replace")
        except OSError as error:
            raise ValueError(f"names a file that cannot be read ({error.strerror})") from None
        if "-----BEGIN CERTIFICATE-----" not in text:
            raise ValueError("names a file without a certificate in PEM form")
    return value


def trusting(urls: str, ca_certs: str) -> str:
    """Adds the file with the trusted authorities to TLS addresses of Redis that name none."""
    return ";".join(_with_option(url, "ssl_ca_certs", quote(ca_certs)) if ca_certs else url for url in urls.split(";"))


def verified(broker_url: str) -> str:
    """Adds certificate checks to TLS addresses that do not set them: unlike redis-py, kombu accepts any certificate."""
    return ";".join(_with_option(each, "ssl_cert_reqs", "required") for each in broker_url.split(";"))


def is_redis(broker_url: str) -> bool:
    """Whether kombu uses Redis for this address; other transports refuse its options."""
    return broker_url.startswith("redis")


def fail_fast(broker_url: str) -> dict[str, float]:
    """Transport options for kombu that bound the wait for a broker to `BROKER_SECONDS`."""
    redis_only = {"socket_timeout": BROKER_SECONDS, "socket_connect_timeout": BROKER_SECONDS}
    return {"max_retries": 0, **(redis_only if is_redis(broker_url) else {})}


def _with_option(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    if not _is_tls(parts.scheme) or name in parse_qs(parts.query):
        return url
    query = "&".join(filter(None, (parts.query, f"{name}={value}")))
    return parts._replace(query=query).geturl()


def _is_tls(scheme: str) -> bool:
    return scheme.startswith("rediss")


def _is_one_of(forms: tuple[str, ...], value: str) -> bool:
    match = next((found for form in forms if (found := re.fullmatch(form, value))), None)
    if match is None:
        return False
    checks = parse_qs(urlsplit(value).query).get("ssl_cert_reqs", ["required"])
    return _ports_exist(match.groupdict().get("hosts") or "") and set(checks) <= CERTIFICATE_CHECKS


def _ports_exist(hosts: str) -> bool:
    return all(1 <= int(port) <= MAX_PORT for port in re.findall(r":(\d+)(?:,|$)", hosts))
