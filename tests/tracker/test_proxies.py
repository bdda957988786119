from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.proxies import TrustedProxies, normal_address

proxies = TrustedProxies(["10.0.0.0/8", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.9", [b"198.51.100.1"], "192.0.2.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"203.0.113.66, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"198.51.100.1, 10.0.0.7"], "198.51.100.1"),
        ("10.0.0.1", [b"203.0.113.66", b"198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.1, nonsense, 10.0.0.7"], "10.0.0.7"),
        ("10.0.0.1", [b""], "10.0.0.1"),
        ("10.0.0.1", [b"10.0.0.5, 10.0.0.6"], "10.0.0.5"),
        ("10.0.0.1", [b"198.51.100.1:51234"], "198.51.100.1"),
        ("2001:db8:1::2", [b"[2001:db8:2::7]:443"], "2001:db8:2::7"),
        ("::ffff:10.0.0.1", [b"2001:DB8:2:0::7"], "2001:db8:2::7"),
        ("fe80::1%eth0", [], "fe80::1"),
        (None, [b"198.51.100.1"], None),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_no_trusted_proxy(
    peer: str | None, forwarded: list[bytes], client: str | None
) -> None:
    assert proxies.client_address(peer, forwarded) == client


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_nothing_in_the_header_makes_an_untrusted_peer_somebody_else(lines: list[bytes]) -> None:
    assert proxies.client_address("192.0.2.9", lines) == "192.0.2.9"


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_from_a_trusted_proxy_leave_a_real_address(lines: list[bytes]) -> None:
    address = proxies.client_address("10.0.0.1", lines)
    assert address == str(ipaddress.ip_address(str(address)))


@given(st.ip_addresses())
def test_an_address_has_one_spelling(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    normal = normal_address(str(address))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    assert normal == str(mapped or address)
    assert normal_address(address.exploded) == normal


def test_an_enormous_text_is_no_address() -> None:
    assert normal_address("1" * 100_000) is None
