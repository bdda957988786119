from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.verdicts import Networks, parse_networks
from tracker.verdicts.networks import NEARBY, PUBLISHERS, coarse_ranges

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BUILT_IN = Networks.load()


@st.composite
def any_network(draw: st.DrawFn) -> Network:
    """Of any length, and often close to each other, so that they touch and overlap."""
    address = draw(st.ip_addresses())
    number = int(address)
    if draw(st.booleans()):
        number = 0x5000_0000 + draw(st.integers(0, 2**12))
    length = draw(st.integers(0, address.max_prefixlen))
    return ipaddress.ip_network((number, length), strict=False)


@st.composite
def case(draw: st.DrawFn) -> tuple[dict[str, list[Network]], Address]:
    published = {name: draw(st.lists(any_network(), max_size=8)) for name in ("apple", "google")}
    inside = [network for networks in published.values() for network in networks]
    if not inside or draw(st.booleans()):
        return published, draw(st.ip_addresses())
    network = draw(st.sampled_from(inside))
    # The edges are where a look-up goes wrong.
    edge = draw(st.sampled_from([int(network[0]) - 1, int(network[0]), int(network[-1])]))
    number = min(max(edge + draw(st.integers(0, 1)), 0), 2**network.max_prefixlen - 1)
    return published, type(network[0])(number)


@given(case())
def test_the_look_up_answers_as_the_ipaddress_module_does(
    drawn: tuple[dict[str, list[Network]], Address],
) -> None:
    published, address = drawn
    networks = Networks({name: map(str, ranges) for name, ranges in published.items()})
    plain: Address = address
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        plain = address.ipv4_mapped
    expected = None
    if not any(plain in network for network in NEARBY):
        expected = frozenset(
            name
            for name, ranges in published.items()
            if any(plain in network for network in ranges)
        )
    assert networks.owners(str(address)) == expected
    assert networks.owners(address.exploded) == expected


@given(case())
def test_the_range_that_is_shown_holds_the_address(
    drawn: tuple[dict[str, list[Network]], Address],
) -> None:
    published, address = drawn
    networks = Networks({name: map(str, ranges) for name, ranges in published.items()})
    shown = networks.range_around(str(address))
    plain: Address = address
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        plain = address.ipv4_mapped
    if " to " in shown:
        first, last = map(ipaddress.ip_address, shown.split(" to "))
        assert int(first) <= int(plain) <= int(last)
    else:
        assert plain in ipaddress.ip_network(shown)


@given(st.text(max_size=60))
def test_no_text_as_an_address_raises(text: str) -> None:
    owners = BUILT_IN.owners(text)
    try:
        ipaddress.ip_address(text)
    except ValueError:
        assert owners is None


@pytest.mark.parametrize(
    "nothing",
    [None, "", "nonsense", "1.2.3", "1.2.3.4 ", "66.102.7.999", "\x00", "\ud800", "fe80::1%eth0"],
)
def test_what_is_no_address_is_no_evidence(nothing: str | None) -> None:
    networks = Networks({"google": ["0.0.0.0/0", "::/0"]})
    assert networks.owners(nothing) is None
    assert networks.range_around(nothing) == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.7", "::1", "fd00::5"])
def test_an_address_next_door_is_no_evidence(address: str) -> None:
    assert Networks.load().owners(address) is None


def test_an_address_of_nobody_is_known_to_be_nobodys() -> None:
    assert Networks.load().owners("203.0.113.9") == frozenset()


def test_touching_ranges_of_one_publisher_are_one() -> None:
    networks = Networks({"apple": ["198.51.100.0/25", "198.51.100.128/26", "198.51.100.128/25"]})
    assert networks.range_around("198.51.100.7") == "198.51.100.0/24"


def test_a_range_that_is_no_network_is_shown_by_its_ends() -> None:
    networks = Networks({"apple": ["198.51.100.0/25", "198.51.100.128/26"]})
    assert networks.range_around("::ffff:198.51.100.7") == "198.51.100.0 to 198.51.100.191"


@pytest.mark.parametrize(
    ("address", "publisher"),
    [
        ("104.28.28.5", "apple"),
        ("2a02:26f7:b00a:4000::1", "apple"),
        ("66.102.7.162", "google"),
        ("108.177.2.32", "google"),
        ("::ffff:66.249.84.1", "google"),
        ("40.107.255.255", "microsoft_mail"),
        ("2a01:111:f403::7", "microsoft_mail"),
        ("209.222.82.1", "barracuda"),
    ],
)
def test_the_built_in_ranges_know(address: str, publisher: str) -> None:
    assert Networks.load().owners(address) == frozenset({publisher})


@pytest.mark.parametrize("address", ["17.58.101.9", "40.94.33.12", "52.114.6.9", "34.1.2.3"])
def test_a_companys_other_addresses_are_not_in_the_built_in_ranges(address: str) -> None:
    assert Networks.load().owners(address) == frozenset()


def test_every_publisher_a_verdict_rests_on_has_built_in_ranges() -> None:
    ranges = coarse_ranges()
    # Microsoft's network is evidence alone, and no one's who did not ask for it.
    assert {publisher for publisher in PUBLISHERS if not ranges[publisher]} == {"microsoft"}


def test_an_exact_list_replaces_the_built_in_ranges_of_its_publisher_only(tmp_path: Path) -> None:
    (tmp_path / "apple.txt").write_text("# of today\n104.28.28.0/26\n\n2a02:26f7:b00a::/48 # v6\n")
    networks = Networks.load(tmp_path)
    assert networks.owners("104.28.28.5") == frozenset({"apple"})
    assert networks.owners("2a02:26f7:b00a::1") == frozenset({"apple"})
    assert networks.owners("104.28.200.5") == frozenset()
    assert networks.owners("66.102.7.162") == frozenset({"google"})
    assert networks.coarse == frozenset()


def test_apples_built_in_ranges_are_known_to_be_too_wide(tmp_path: Path) -> None:
    assert Networks.load().coarse == Networks.load(tmp_path / "missing").coarse == {"apple"}


@pytest.mark.parametrize("wrong", ["104.28.28.1/26", "104.28.28.0/33", "apple", "1.2.3.4/24/8"])
def test_a_wrong_line_is_named(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "apple.txt"
    file.write_text(f"104.28.28.0/26\n{wrong}\n")
    with pytest.raises(ValueError, match=r"apple\.txt, line 2: "):
        Networks.load(tmp_path)


def test_an_empty_list_does_not_silently_replace_the_built_in_ranges(tmp_path: Path) -> None:
    (tmp_path / "apple.txt").write_text("# nothing\n")
    with pytest.raises(ValueError, match=r"apple\.txt holds no network"):
        Networks.load(tmp_path)


def test_lines_are_read_in_their_order() -> None:
    lines = ["198.51.100.0/24", "", "# x", "2001:db8::/32"]
    assert parse_networks(lines, "x") == [
        ipaddress.ip_network("198.51.100.0/24"),
        ipaddress.ip_network("2001:db8::/32"),
    ]
