"""Which addresses count as one client, and which headers of proxies are trusted."""

import pytest

from web.clients import PerAddress, forwarded, network

SAME = [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
    ("2001:DB8:1:2::1", "2001:db8:1:2::2"),
    ("fe80::1%eth0", "fe80::2%eth1"),
    ("[2001:db8:1:2::1]:443", "2001:db8:1:2::9"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("192.0.2.1:51234", "192.0.2.1"),
]
OTHERS = [("2001:db8:1:2::1", "2001:db8:1:3::1"), ("192.0.2.1", "192.0.2.2"), ("::ffff:192.0.2.1", "::ffff:192.0.2.2")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_addresses_one_client_may_choose_between_count_as_one(one: str, other: str) -> None:
    assert network(one) == network(other)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_addresses_of_different_clients_count_apart(one: str, other: str) -> None:
    assert network(one) != network(other)


@pytest.mark.parametrize("text", ["", "unknown", "x" * 1_000, "1.2.3", ":::", "1:2"])
def test_text_that_is_not_an_address_counts_as_it_is(text: str) -> None:
    assert network(text) == text


FORWARDED = [
    ("", 0, "peer"),
    ("a", 0, "peer"),
    ("", 1, "peer"),
    ("a", 1, "a"),
    ("forged, a", 1, "a"),
    ("forged, a, b", 2, "a"),
    ("a", 2, "peer"),
    ("a,", 1, "peer"),
]


@pytest.mark.parametrize(("header", "proxies", "expected"), FORWARDED)
def test_only_what_trusted_proxies_wrote_is_believed(header: str, proxies: int, expected: str) -> None:
    assert forwarded(header, proxies, "peer") == expected


def test_what_has_left_counts_no_more() -> None:
    counted = PerAddress(2)
    for _ in range(3):
        for _ in range(2):
            assert not counted.is_full("a")
            counted.enter("a")
        assert counted.is_full("a")
        assert not counted.is_full("b")
        for _ in range(2):
            counted.leave("a")
