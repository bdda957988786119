from __future__ import annotations

import io
import ipaddress
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.server import ROOT
from tests.tracker.test_writer import AGENTS
from tracker.judging.refresh import (
    ADDRESSES,
    NOT_PUBLIC,
    RefusedError,
    Source,
    fetched,
    network_ages,
    read_lists,
    refresh,
    without,
)
from tracker.verdicts import PUBLISHERS, Judge, Networks
from tracker.verdicts.networks import Network

OLD = ["104.28.28.0/24", "2a02:26f7:b00a::/48"]
GOOG = {"prefixes": [{"ipv4Prefix": "34.64.0.0/10"}, {"ipv6Prefix": "2001:4860::/32"}]}
CLOUD = {
    "prefixes": [
        {"ipv4Prefix": "34.64.0.0/11", "service": "Google Cloud", "scope": "x"},
        {"ipv6Prefix": "2001:4860:8000::/33", "service": "Google Cloud", "scope": "x"},
    ]
}
ENDPOINTS = [
    {"id": 1, "serviceArea": "Exchange", "ips": ["52.96.0.0/14"]},
    {"id": 9, "serviceArea": "Exchange", "ips": ["40.92.0.0/15", "2a01:111:f400::/48"]},
    {"id": 10, "serviceArea": "Exchange", "ips": ["40.92.0.0/15", "104.47.0.0/17"]},
    {"id": 11, "serviceArea": "SharePoint", "ips": ["13.107.136.0/22"]},
    {"id": 12, "serviceArea": "Exchange", "urls": ["x.example"]},
]


@pytest.fixture
def directory(tmp_path: Path, settings: Any) -> Path:
    settings.NETWORKS_DIR = str(tmp_path / "networks")
    return tmp_path / "networks"


def run(*arguments: str, status: int = 0) -> str:
    """What is printed, on both streams."""
    out = io.StringIO()
    ended_with = 0
    try:
        call_command("refresh_networks", *arguments, stdout=out, stderr=out)
    except SystemExit as ending:
        ended_with = int(ending.code or 0)
    assert ended_with == status, out.getvalue()
    return out.getvalue()


def lines(*networks: str) -> bytes:
    return "".join(f"{network}\n" for network in networks).encode()


def put(directory: Path, publisher: str, *networks: str) -> Path:
    directory.mkdir(exist_ok=True)
    file = directory / f"{publisher}.txt"
    file.write_bytes(lines(*networks))
    return file


def file_with(tmp_path: Path, name: str, content: bytes) -> str:
    (tmp_path / name).write_bytes(content)
    return str(tmp_path / name)


@st.composite
def public_network(draw: st.DrawFn) -> Network:
    """Of public addresses, and often close to another, so that they touch and overlap."""
    if draw(st.booleans()):
        number = 0x2A02_26F7 << 96 | draw(st.integers(0, 255)) << 64 | draw(st.integers(0, 255))
        network: Network = ipaddress.IPv6Network((number, draw(st.integers(32, 128))), strict=False)
    else:
        number = 0x6800_0000 | draw(st.integers(0, 2**12))
        network = ipaddress.IPv4Network((number, draw(st.integers(8, 32))), strict=False)
    assert not any(
        network.version == one.version and network.subnet_of(one)  # type: ignore[arg-type]
        for one in NOT_PUBLIC
    )
    return network


# The disk may take its time.
@hypothesis_settings(deadline=None)
@given(st.lists(public_network(), min_size=1, max_size=12), st.data())
def test_after_a_refresh_look_ups_answer_as_the_ipaddress_module_does(
    networks: list[Network], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        result = refresh(Path(name), "apple", [Source("apple.txt", lines(*map(str, networks)))])
        assert result.is_replaced
        loaded = Networks.load(Path(name))
        stored = Path(name, "apple.txt").read_text().split()
    assert len(stored) == result.after
    near = data.draw(st.sampled_from(networks))
    edge = data.draw(st.sampled_from([int(near[0]) - 1, int(near[0]), int(near[-1])]))
    address = type(near[0])(edge + data.draw(st.integers(0, 1)))
    expected = {"apple"} if any(address in network for network in networks) else set()
    assert (loaded.owners(str(address)) or set()) & {"apple"} == expected


@given(
    st.lists(public_network(), max_size=8),
    st.lists(public_network(), max_size=8),
    st.data(),
)
def test_taking_networks_away_leaves_exactly_the_others_addresses(
    networks: list[Network], others: list[Network], data: st.DataObject
) -> None:
    left = without(networks, others)
    assert without(left, ()) == sorted(left, key=lambda one: (one.version, int(one[0])))
    for near in [*networks, *others]:
        edge = data.draw(st.sampled_from([int(near[0]) - 1, int(near[0]), int(near[-1])]))
        address = type(near[0])(edge + data.draw(st.integers(0, 1)))
        is_in = any(address in one for one in networks)
        is_taken = any(address in one for one in others)
        assert any(address in one for one in left) == (is_in and not is_taken)


def test_every_publishers_format_is_read(directory: Path, tmp_path: Path) -> None:
    csv = b"104.28.28.0/25,DE,DE-BE,Berlin\n104.28.28.128/25,US,US-CA,\n2a02:26f7::/64,FR,,\n"
    printed = run(
        "--from",
        file_with(tmp_path, "egress-ip-ranges.csv", csv),
        file_with(tmp_path, "goog.json", json.dumps(GOOG).encode()),
        file_with(tmp_path, "cloud.json", json.dumps(CLOUD).encode()),
        file_with(tmp_path, "worldwide.json", json.dumps(ENDPOINTS).encode()),
        file_with(tmp_path, "barracuda-egd.txt", b"# published\n209.222.82.0/24\n"),
        file_with(tmp_path, "mail_ru.txt", b"188.93.56.0/24\n"),
        file_with(tmp_path, "microsoft_ipv4_merged.txt", b"52.96.0.0/14\n"),
    )
    stored = {name: (directory / f"{name}.txt").read_text().split() for name in PUBLISHERS}
    assert stored == {
        "apple": ["104.28.28.0/24", "2a02:26f7::/64"],
        "google": ["34.96.0.0/11", "2001:4860::/33"],
        "microsoft_mail": ["40.92.0.0/15", "104.47.0.0/17", "2a01:111:f400::/48"],
        "barracuda": ["209.222.82.0/24"],
        "mail_ru": ["188.93.56.0/24"],
        "microsoft": ["52.96.0.0/14"],
    }
    assert printed.count("replaced") == 6
    assert "built-in → 2" in printed


def test_several_files_of_one_publisher_are_joined(directory: Path, tmp_path: Path) -> None:
    run(
        "--from",
        file_with(tmp_path, "apple-proxy_ipv4_merged.txt", b"104.28.28.0/26\n104.28.28.0/24\n"),
        file_with(tmp_path, "apple-proxy_ipv6_merged.txt", b"2a02:26f7::/64\n"),
    )
    assert (directory / "apple.txt").read_text() == "104.28.28.0/24\n2a02:26f7::/64\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"104.28.28.0/26\n104.28.28.1/26\n", r"apple\.txt, line 2: .*host bits"),
        (b"104.28.28.0/26\n<html>\n", r"apple\.txt, line 2: "),
        (b"104.28.28.0/26\n\xff\xfe\n", r"apple\.txt, line 2: this is no text"),
        (b"", "holds no network"),
        (b"# nothing\n\n", "holds no network"),
        (b"104.28.28.0/26\n0.0.0.0/0\n", r"line 2: 0\.0\.0\.0/0 is larger"),
        (b"::/0\n", "larger"),
        (b"8.0.0.0/8\n9.0.0.0/8\n", "Together the networks: 8.0.0.0/7 is larger"),
        (b"10.1.0.0/16\n", r"10\.1\.0\.0/16 is no public network"),
        (b"192.168.1.0/24\n", "no public network"),
        (b"127.0.0.1/32\n", "no public network"),
        (b"224.0.0.0/8\n", "no public network"),
        (b"fd00::/32\n", "no public network"),
        (b"::ffff:104.28.28.0/120\n", "no public network"),
        (b"104.28.28.0/30\n2a02:26f7:b00a::/48\n", "Only 2 % of the IPv4 addresses"),
        (b"2a02:26f7:b00a::/48\n", "Only 0 % of the IPv4 addresses"),
        (b"104.28.28.0/24\n", "Only 0 % of the IPv6 addresses"),
        (b'{"prefixes": [', "line 1: "),
        (b'{"creationTime": "x"}', "neither Google's JSON"),
    ],
)
def test_a_wrong_list_leaves_the_present_one(
    content: bytes, reason: str, directory: Path, tmp_path: Path
) -> None:
    name = "google" if content.startswith(b"{") else "apple"
    file = put(directory, name, *OLD)
    printed = run("--from", file_with(tmp_path, f"{name}.txt", content), status=1)
    assert re.search(reason, printed)
    assert "Traceback" not in printed
    assert file.read_bytes() == lines(*OLD)
    assert [one.name for one in directory.iterdir()] == [file.name]


def test_force_accepts_a_much_smaller_list_but_no_wrong_one(
    directory: Path, tmp_path: Path
) -> None:
    file = put(directory, "apple", *OLD)
    small = file_with(tmp_path, "apple-small.txt", b"104.28.28.0/30\n")
    run("--from", small, "--force")
    assert file.read_text() == "104.28.28.0/30\n"
    wrong = file_with(tmp_path, "apple-wrong.txt", b"0.0.0.0/0\n")
    run("--from", wrong, "--force", status=1)
    assert file.read_text() == "104.28.28.0/30\n"


def test_the_others_go_on_when_one_is_refused(directory: Path, tmp_path: Path) -> None:
    printed = run(
        "--from",
        file_with(tmp_path, "apple.txt", b"nonsense\n"),
        file_with(tmp_path, "barracuda.txt", b"209.222.82.0/24\n"),
        str(tmp_path / "missing.txt"),
        status=1,
    )
    assert not (directory / "apple.txt").exists()
    assert (directory / "barracuda.txt").read_text() == "209.222.82.0/24\n"
    assert "cannot be read: No such file" in printed


@pytest.mark.parametrize("version", [4, 6])
def test_a_list_that_lost_most_of_its_networks_is_refused_though_its_addresses_are_there(
    version: int, directory: Path, tmp_path: Path
) -> None:
    large, small = (
        ("104.28.0.0/16", "9.9.{}.0/30") if version == 4 else ("2a02:26f7::/32", "2a04:{:x}::/64")
    )
    many = [large, *(small.format(2 * number + 1) for number in range(100))]
    file = put(directory, "apple", *many)
    few = file_with(tmp_path, "apple.txt", lines(*many[:28]))
    assert f"only 28 % as many IPv{version} networks" in run("--from", few, status=1)
    assert file.read_bytes() == lines(*many)
    run("--from", file_with(tmp_path, "apple-half.txt", lines(*many[:51])))


def test_microsofts_whole_network_is_evidence_and_never_a_verdict(
    directory: Path, tmp_path: Path
) -> None:
    whole = file_with(tmp_path, "microsoft_ipv4_merged.txt", b"52.96.0.0/14\n40.92.0.0/14\n")
    six = file_with(tmp_path, "microsoft_ipv6_merged.txt", b"2603:1000::/24\n")
    assert "no verdict rests on it" in run("--from", whole, six)
    without_list, judge = Judge(Networks.load()), Judge(Networks.load(directory))
    for ip in ("52.97.1.1", "40.94.3.7", "40.92.1.1", "2603:1026::1", "203.0.113.1"):
        for agent in (*AGENTS.values(), "", "Mozilla/5.0", "curl/8"):
            assert judge.verdict_and_rule(agent, ip) == without_list.verdict_and_rule(agent, ip)
    assert "lies in 52.96.0.0/14 of Microsoft's network." in judge.judge("curl/8", "52.97.1.1").why


def test_whoever_a_list_belongs_to_is_told_by_its_name(directory: Path, tmp_path: Path) -> None:
    nobody = file_with(tmp_path, "list.txt", b"52.96.0.0/14\n")
    assert "whose networks are these?" in run("--from", nobody, status=1)
    assert not directory.exists()
    run("--from", file_with(tmp_path, "microsoft_mail_v4.txt", b"40.92.0.0/15\n"))
    assert (directory / "microsoft_mail.txt").read_text() == "40.92.0.0/15\n"


def test_googles_cloud_alone_is_refused(directory: Path, tmp_path: Path) -> None:
    cloud = file_with(tmp_path, "cloud.json", json.dumps(CLOUD).encode())
    assert "cloud alone" in run("--from", cloud, status=1)
    goog = file_with(tmp_path, "goog.json", json.dumps(GOOG).encode())
    assert "customers may be among them" in run("--from", goog)


def test_a_rename_that_fails_leaves_the_old_list(directory: Path, tmp_path: Path) -> None:
    """A directory in the list's place: nothing can be renamed onto it."""
    (directory / "apple.txt" / "inside").mkdir(parents=True)
    printed = run("--from", file_with(tmp_path, "apple.txt", b"104.28.28.0/24\n"), status=1)
    assert "cannot be written" in printed
    assert [one.name for one in directory.iterdir()] == ["apple.txt"]


KILLED = """
import os, signal, sys
from pathlib import Path
import tracker.judging.refresh as refresh
real = os.fsync
def die(descriptor):
    real(descriptor)
    os.kill(os.getpid(), signal.SIGKILL)
os.fsync = die
refresh.refresh(Path(sys.argv[1]), "apple", [refresh.Source("x", b"104.28.0.0/16\\n")],
                is_forced=True)
"""


def test_a_process_killed_before_the_rename_leaves_the_old_list(directory: Path) -> None:
    file = put(directory, "apple", *OLD)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(directory)], cwd=ROOT, env=os.environ, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert file.read_bytes() == lines(*OLD)
    assert Networks.load(directory).owners("104.28.28.5") == frozenset({"apple"})


def test_ages_are_told_of_exact_lists_only(directory: Path) -> None:
    assert network_ages(directory) == dict.fromkeys(PUBLISHERS)
    file = put(directory, "google", "66.102.0.0/20")
    os.utime(file, (time.time() - 7200, time.time() - 7200))
    ages = network_ages(directory)
    assert ages["apple"] is None
    assert ages["google"] == pytest.approx(7200, abs=60)
    with pytest.raises(RefusedError):
        read_lists([Source("x", b"")])


def test_addresses_are_https_and_nothing_else_is_asked() -> None:
    for addresses in ADDRESSES.values():
        assert all(address.startswith("https://") for address in addresses)
    with pytest.raises(RefusedError, match="only https"):
        fetched("http://www.gstatic.com/ipranges/goog.json")


def test_a_publisher_that_cannot_be_reached_is_named_with_the_reason(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "https://127.0.0.1:9/list.csv"
    addresses = {name: (nowhere,) if some else () for name, some in ADDRESSES.items()}
    monkeypatch.setattr("tracker.judging.refresh.ADDRESSES", addresses)
    file = put(directory, "apple", *OLD)
    printed = run(status=1)
    assert f"kept: {nowhere}: not reachable: Connection refused." in printed
    assert "no list to download is published" in printed
    assert file.read_bytes() == lines(*OLD)
