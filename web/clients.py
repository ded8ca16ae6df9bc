"""Which address a connection or request comes from, and how many one address may have at once.

An IPv6 address is counted as its /64, which is what one household or one server is given: within it anybody may
take a fresh address for every connection.
"""

from collections import Counter
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

IPV6_PREFIX = 64  # bits; RFC 6177 gives an end site at least that much
REMEMBERED = 10_000  # addresses


@lru_cache(maxsize=REMEMBERED)
def network(address: str) -> str:
    """Returns the address as limits count it. Text that is not an address is returned as it is."""
    try:
        parsed = ip_address(_bare(address))
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ip_network((parsed.packed, IPV6_PREFIX), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)


def forwarded(header: str, proxies: int, peer: str) -> str:
    """Returns the client's address as the outermost trusted proxy saw it, or `peer` if the header names too few hops.

    Anything further left in `X-Forwarded-For` was written by the client and cannot be trusted.
    """
    hops = [hop.strip() for hop in header.split(",")]
    return hops[-proxies] if proxies and len(hops) >= proxies and hops[-proxies] else peer


def _bare(address: str) -> str:
    """Removes the port, which some proxies add, and the zone of an IPv6 address."""
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    return address.partition("%")[0]


class PerAddress:
    """Counts what each network has open; `limit` is how much it may have."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held: Counter[str] = Counter()

    def is_full(self, key: str) -> bool:
        return self._held[key] >= self.limit

    def enter(self, key: str) -> None:
        self._held[key] += 1

    def leave(self, key: str) -> None:
        self._held[key] -= 1
        if self._held[key] <= 0:
            del self._held[key]
