"""Notifications go to hosts in the internet alone, whatever somebody gives for an endpoint."""

import socket
from typing import Any
from unittest.mock import patch

import pytest

from chat.push import addresses
from chat.push.addresses import NotAllowed, Target


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/x",
        "https://push.example.org:8443/x",
        "https://me:secret@push.example.org/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://2130706433/x",
        "https://127.1/x",
        "https://0x7f000001/x",
        "https://localhost/x",
        "https://redis/x",
        "https://metadata.google.internal/x",
        "https://printer.local./x",
        "https://push.example.org/x\r\nHost: elsewhere",
        "https://push.example.org/ä",
        "https://push.example.org:port/",
        "https://[::1/",
        "ftp://push.example.org/",
        "//push.example.org/",
        "https:///x",
        "",
        f"https://push.example.org/{'x' * addresses.MAX_LENGTH}",
    ],
)
def test_an_endpoint_that_is_none_of_a_push_service_is_refused(endpoint: str) -> None:
    with pytest.raises(NotAllowed):
        addresses.parse(endpoint, private_allowed=False)


def test_an_endpoint_of_a_push_service_is_taken_apart() -> None:
    found = addresses.parse("https://push.example.org/wpush/v2/gAA?a=b", private_allowed=False)
    assert found == Target(True, "push.example.org", 443, "/wpush/v2/gAA?a=b")
    assert found.origin == "https://push.example.org"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "192.0.2.1", "198.18.0.1"),
    ],
)
def test_a_name_that_leads_into_a_private_network_is_not_connected_to(address: str) -> None:
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))
    private = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))

    def connect(*_: Any, **__: Any) -> None:
        pytest.fail("connected")

    with (
        patch("socket.getaddrinfo", lambda *_, **__: [public, private]),
        patch("socket.create_connection", connect),
        pytest.raises(NotAllowed),
    ):
        addresses.connect(Target(True, "push.example.org", 443, "/"), 1.0, private_allowed=False)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert addresses.is_public(address)
