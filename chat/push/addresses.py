"""Where notifications may be sent: to push services in the internet, never into the operator's own network.

A browser's push service gives it an address, and the browser gives us that. Anybody can give us another one, so it is
looked at twice: its form when somebody subscribes, and the machine behind it each time before we connect.
"""

import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

MAX_LENGTH = 1_024  # characters; those of browsers have 150 to 600
HTTPS_PORT, HTTP_PORT = 443, 80
DENIED_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


class NotAllowed(ValueError):
    """We send nothing to this address; `sentence` is the key of the reason among those of problems."""

    @property
    def sentence(self) -> str:
        return str(self)


class Target(NamedTuple):
    """An address in parts; `path` includes the query."""

    is_https: bool
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """What a signature is for."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (HTTPS_PORT if self.is_https else HTTP_PORT)
        return f"http{'s' * self.is_https}://{host}" + ("" if usual else f":{self.port}")


def parse(endpoint: str, *, private_allowed: bool) -> Target:
    """Returns the parts of an endpoint. Raises NotAllowed.

    `private_allowed` is for tests, whose push service is on this machine and has no certificate.
    """
    if len(endpoint) > MAX_LENGTH or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        raise NotAllowed("endpoint_no_address")
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise NotAllowed("endpoint_no_address") from None
    if not host or parts.username is not None or parts.password is not None:
        raise NotAllowed("endpoint_with_password")
    is_https = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if private_allowed and parts.scheme in ("http", "https"):
        return Target(is_https, host, port or (HTTPS_PORT if is_https else HTTP_PORT), path)
    if not is_https or port not in (None, HTTPS_PORT):
        raise NotAllowed("endpoint_not_https")
    if _is_address(host) or "." not in host or host.rstrip(".").endswith(DENIED_SUFFIXES):
        raise NotAllowed("endpoint_not_public")
    return Target(is_https, host, HTTPS_PORT, path)


def connect(target: Target, seconds: float, *, private_allowed: bool) -> socket.socket:
    """Connects to a target, and to nothing but an address that was found to be public.

    Raises:
        NotAllowed: its name leads to an address that is not public.
        OSError: it cannot be reached within so many seconds for each of its addresses.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [str(address[0]) for *_, address in found]
    if not private_allowed and not all(is_public(address) for address in addresses):
        raise NotAllowed("endpoint_private")
    # The address itself, not the name, which could lead elsewhere when it is asked for again.
    return socket.create_connection((addresses[0], target.port), timeout=seconds)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet; an IPv6 address that carries an IPv4 one is what that is."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        carried = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or _nat64(ip)
        if carried is not None:
            return is_public(str(carried))
    return ip.is_global and not ip.is_multicast


def _nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address within the prefix of RFC 6052."""
    in_prefix = ip in ipaddress.ip_network("64:ff9b::/96")
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if in_prefix else None


def _is_address(host: str) -> bool:
    """Whether a host is an IP address, also in the forms that only resolvers understand, like 127.1 or 0x7f000001."""
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdigit() or last.startswith("0x")
