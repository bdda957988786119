"""The exact lists of networks, brought in: read, checked as a whole, and only then replaced."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from ipaddress import IPv4Address, IPv6Address, IPv6Network, collapse_addresses, ip_network
from ipaddress import summarize_address_range as summarize
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tracker.verdicts import PUBLISHERS, parse_networks
from tracker.verdicts.networks import NEARBY, Network

# Where the publishers keep their lists. Barracuda shows its own on a page for people only.
ADDRESSES: Mapping[str, Sequence[str]] = {
    "apple": ("https://mask-api.icloud.com/egress-ip-ranges.csv",),
    "google": (
        "https://www.gstatic.com/ipranges/goog.json",
        "https://www.gstatic.com/ipranges/cloud.json",
    ),
    "microsoft_mail": ("https://endpoints.office.com/endpoints/worldwide",),
    "barracuda": (),
    "mail_ru": (),
    "microsoft": (),
}
# Of whose lists none has networks of both families.
OF_ONE_FAMILY = ("barracuda", "mail_ru")
# Of Microsoft's endpoint sets the two that inspect mail; people's opens come from the others.
MICROSOFT_MAIL_SETS = (9, 10)

TIMEOUT = 20.0  # seconds without a byte
PATIENCE = 180.0  # seconds for a whole list
MOST_BYTES = 64 * 1024 * 1024  # Apple's list has some 20 MiB

# Nobody's list holds a larger network: one typing slip would make everybody a machine.
SHORTEST_PREFIX = {4: 8, 6: 19}
PUBLIC_V6 = IPv6Network("2000::/3")
NOT_PUBLIC = (*NEARBY, ip_network("224.0.0.0/3"))


class RefusedError(ValueError):
    """A list that must not replace the present one; the message is for a person."""


class Source(NamedTuple):
    """A list as it came: ``name`` is the file's name, or the address it was loaded from."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What became of one publisher's list; networks are None where there is no exact list."""

    publisher: str
    before: int | None
    after: int | None
    age: float | None  # seconds, of the list that was there before
    is_replaced: bool
    why: str
    is_refused: bool = False


def network_ages(directory: Path) -> dict[str, float | None]:
    """Seconds since each publisher's exact list was refreshed; None where there is none."""
    now = time.time()
    ages: dict[str, float | None] = {}
    for publisher in PUBLISHERS:
        try:
            ages[publisher] = max(0.0, now - list_file(directory, publisher).stat().st_mtime)
        except OSError:
            ages[publisher] = None
    return ages


def list_file(directory: Path, publisher: str) -> Path:
    return directory / f"{publisher}.txt"


# Where lists come from: files, or the publishers.


def publisher_of(source: Source) -> str:
    """Whose list a file holds, by its kind of JSON or by its name."""
    name = Path(source.name).name.lower()
    if is_json(source):
        return "microsoft_mail" if isinstance(parsed_json(source), list) else "google"
    if name.startswith("egress-ip-ranges"):
        return "apple"
    for publisher in PUBLISHERS:
        if name.startswith(publisher):
            return publisher
    raise RefusedError(
        f"{source.name}: whose networks are these? Let the file's name begin with "
        f"{', '.join(PUBLISHERS)}."
    )


def download(publisher: str) -> list[Source]:
    if not ADDRESSES[publisher]:
        raise LookupError(f"no list to download is published; --from {publisher}.txt brings one in")
    return [Source(address, fetched(address)) for address in ADDRESSES[publisher]]


class _HttpsOnly(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme != "https":
            raise RefusedError(f"{req.full_url}: it points to {newurl}, which is not https.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetched(address: str) -> bytes:
    if urlsplit(address).scheme != "https":
        raise RefusedError(f"{address}: only https is asked.")
    # Microsoft wants to tell its askers apart by a random number of their own.
    number = f"?clientrequestid={uuid.uuid4()}" if address in ADDRESSES["microsoft_mail"] else ""
    request = Request(f"{address}{number}", headers={"User-Agent": "Glimpse"})  # noqa: S310  # https
    until = time.monotonic() + PATIENCE
    content = bytearray()
    try:
        with build_opener(_HttpsOnly).open(request, timeout=TIMEOUT) as response:
            while chunk := response.read(1 << 16):
                content += chunk
                if len(content) > MOST_BYTES:
                    raise RefusedError(f"{address}: more than {MOST_BYTES >> 20} MiB.")
                if time.monotonic() > until:
                    raise RefusedError(f"{address}: not complete after {PATIENCE:.0f} seconds.")
    except HTTPError as error:
        raise RefusedError(f"{address}: the server answers {error.code} {error.reason}.") from error
    except URLError as error:
        raise RefusedError(f"{address}: not reachable: {_reason(error.reason)}.") from error
    except (OSError, HTTPException) as error:
        raise RefusedError(f"{address}: broken off: {_reason(error)}.") from error
    return bytes(content)


def _reason(error: object) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


# What they hold.


def read_lists(sources: Iterable[Source]) -> list[Network]:
    """The networks of one publisher's sources together, collapsed; RefusedError says why not."""
    wanted: list[Network] = []
    taken_away: list[Network] = []
    for source in sources:
        networks = read_list(source)
        (taken_away if is_googles_cloud(source) else wanted).extend(networks)
    if not wanted and taken_away:
        raise RefusedError("Google's cloud alone: give goog.json too, from which it is taken away.")
    networks = without(wanted, taken_away)
    if not networks:
        raise RefusedError("The list is empty.")
    for network in networks:
        refuse_enormous(network, "Together the networks")
    return networks


def read_list(source: Source) -> list[Network]:
    places = json_networks(source) if is_json(source) else text_networks(source)
    networks = []
    for place, text in places:
        # Each alone, so that the message can say where it stands.
        network = parsed(text, place)
        refuse_not_public(network, place)
        refuse_enormous(network, place)
        networks.append(network)
    if not networks:
        raise RefusedError(f"{source.name} holds no network.")
    return networks


def parsed(text: str, place: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise RefusedError(f"{place}: {error}.") from error


def text_networks(source: Source) -> list[tuple[str, str]]:
    """One network a line, or Apple's CSV, whose first column it is."""
    try:
        lines = source.content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        broken = source.content[: error.start].count(b"\n") + 1
        raise RefusedError(f"{source.name}, line {broken}: this is no text.") from error
    found = []
    for number, line in enumerate(lines, 1):
        # Apple's places may be quoted; its networks are not.
        text = line.partition("#")[0].partition(",")[0].strip()
        if text:
            found.append((f"{source.name}, line {number}", text))
    return found


def is_json(source: Source) -> bool:
    return source.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def parsed_json(source: Source) -> Any:
    try:
        return json.loads(source.content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RefusedError(f"{source.name}: this is no text.") from error
    except json.JSONDecodeError as error:
        raise RefusedError(f"{source.name}, line {error.lineno}: {error.msg}.") from error
    except RecursionError as error:
        raise RefusedError(f"{source.name}: this is no list of networks.") from error


def json_networks(source: Source) -> list[tuple[str, str]]:
    document = parsed_json(source)
    try:
        if isinstance(document, list):
            texts = [
                text
                for one in document
                if one["serviceArea"] == "Exchange" and one["id"] in MICROSOFT_MAIL_SETS
                for text in one.get("ips", ())
            ]
        else:
            texts = [
                one["ipv4Prefix"] if "ipv4Prefix" in one else one["ipv6Prefix"]
                for one in document["prefixes"]
            ]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError
    except (KeyError, TypeError, AttributeError) as error:
        raise RefusedError(
            f"{source.name}: neither Google's JSON of prefixes nor Microsoft's of endpoint sets."
        ) from error
    return [(f"{source.name}, “{text}”", text) for text in texts]


def is_googles_cloud(source: Source) -> bool:
    """Only there do the prefixes name a service."""
    if not is_json(source):
        return False
    document = parsed_json(source)
    return isinstance(document, dict) and any(
        isinstance(one, dict) and "service" in one for one in document.get("prefixes", ())
    )


def refuse_not_public(network: Network, place: str) -> None:
    is_public = not network.is_private and (
        network.subnet_of(PUBLIC_V6)
        if isinstance(network, IPv6Network)
        else not any(network.version == one.version and network.overlaps(one) for one in NOT_PUBLIC)
    )
    # 0.0.0.0/0 holds private networks too; that it is enormous says more.
    if not is_public and network.prefixlen >= SHORTEST_PREFIX[network.version]:
        raise RefusedError(f"{place}: {network} is no public network.")


def refuse_enormous(network: Network, place: str) -> None:
    if network.prefixlen < SHORTEST_PREFIX[network.version]:
        raise RefusedError(f"{place}: {network} is larger than any publisher's network.")


# Sets of addresses, as spans of numbers.


def without(networks: Iterable[Network], others: Iterable[Network]) -> list[Network]:
    """What of the networks is left without the others, in as few networks as can be."""
    left: list[Network] = []
    others = list(others)
    for version, family in ((4, IPv4Address), (6, IPv6Address)):
        holes = _spans(others, version)
        hole = 0
        for first, last in _spans(networks := list(networks), version):
            while hole < len(holes) and holes[hole][1] < first:
                hole += 1
            at = hole
            while at < len(holes) and holes[at][0] <= last:
                if first < holes[at][0]:
                    left += summarize(family(first), family(holes[at][0] - 1))
                first = holes[at][1] + 1
                at += 1
            if first <= last:
                left += summarize(family(first), family(last))
    return left


def _spans(networks: Iterable[Network], version: int) -> list[tuple[int, int]]:
    """First and last numbers, in order, none touching the next."""
    spans: list[tuple[int, int]] = []
    collapsed: Any = collapse_addresses(
        network for network in networks if network.version == version
    )
    for network in collapsed:
        first, last = int(network.network_address), int(network.broadcast_address)
        if spans and first <= spans[-1][1] + 1:
            spans[-1] = spans[-1][0], max(last, spans[-1][1])
        else:
            spans.append((first, last))
    return spans


def addresses_covered(networks: Iterable[Network]) -> dict[int, int]:
    """By version; the networks must not overlap."""
    covered: dict[int, int] = defaultdict(int)
    for network in networks:
        covered[network.version] += network.num_addresses
    return covered


def networks_in(networks: Iterable[Network]) -> dict[int, int]:
    """By version."""
    return Counter(network.version for network in networks)


# And into the directory.


def refresh(
    directory: Path, publisher: str, sources: Sequence[Source], *, is_forced: bool = False
) -> Refreshed:
    """Replace one publisher's list, or keep it whole and say why."""
    age = network_ages(directory)[publisher]
    present = present_list(directory, publisher)
    before = None if present is None else len(present)
    try:
        networks = read_lists(sources)
        if not is_forced:
            refuse_shrunken(networks, present or [])
        replace(list_file(directory, publisher), networks)
    except RefusedError as error:
        return Refreshed(publisher, before, before, age, False, str(error), is_refused=True)
    note = ""
    if publisher == "google" and not any(is_googles_cloud(source) for source in sources):
        note = "cloud.json was not given, so Google's customers may be among them"
    missing = {4, 6} - {network.version for network in networks}
    if publisher not in OF_ONE_FAMILY and missing:
        note = f"there is no IPv{missing.pop()} network in it"
    if publisher == "microsoft":
        note = (
            "shown as evidence; no verdict rests on it, since people's opens come from there too "
            "(a list of the mail filter alone is microsoft_mail.txt)"
        )
    return Refreshed(publisher, before, len(networks), age, True, note)


def present_list(directory: Path, publisher: str) -> list[Network] | None:
    """None if there is none, or none that can be read: then there is nothing to lose."""
    file = list_file(directory, publisher)
    try:
        networks = parse_networks(file.read_text("utf-8").splitlines(), file.name)
    except (OSError, ValueError):
        return None
    return networks or None


def refuse_shrunken(networks: Sequence[Network], present: Sequence[Network]) -> None:
    """By family: IPv6 has so many addresses that a list without IPv4 would go unnoticed. By
    addresses and by networks: a few large ones hold most of the addresses."""
    former = without(present, ())
    for version in sorted({network.version for network in former}):
        now, earlier = (addresses_covered(some)[version] for some in (networks, former))
        if now * 2 < earlier:
            raise RefusedError(
                f"Only {_share(now, earlier)} of the IPv{version} addresses of the present list "
                f"are in it. If that is right: --force."
            )
        now, earlier = (networks_in(some)[version] for some in (networks, former))
        if now * 2 < earlier:
            raise RefusedError(
                f"It has only {_share(now, earlier)} as many IPv{version} networks as the present "
                f"list. If that is right: --force."
            )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


def replace(file: Path, networks: Iterable[Network]) -> None:
    """All or nothing, whenever the process or the machine ends."""
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new.open("w", encoding="utf-8") as stream:
                stream.writelines(f"{network}\n" for network in networks)
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(file)
        except BaseException:
            with suppress(OSError):
                new.unlink()
            raise
        directory = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror}.") from error
