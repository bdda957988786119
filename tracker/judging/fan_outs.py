"""One address that fetches many recipients' pixels within minutes: a scanner's trail again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from uuid import UUID

from django.db import connection

from tracker.addresses import may_be_truncated
from tracker.judging.bursts import SUSPECTS
from tracker.judging.process import process_judge
from tracker.models import FanOut, Open, Pixel
from tracker.verdicts import Verdict

# An office behind one address has many readers too, but these share their domain.
RECIPIENTS = 10
DOMAINS = 5
# So do the customers of a mobile carrier; their phones differ, a scanner's browser does not.
AGENTS = 3
WINDOW = timedelta(minutes=10)
# Windows overlap by half, so that none falls apart between two.
STEP = WINDOW / 2

# Their publishers' names in tracker.verdicts.networks.
PROXIES = frozenset({"apple", "google"})
# Exchange Online shows pictures through addresses of its own, with agents like a browser's.
# From Microsoft's list of its 365 endpoints, set 1 (https://endpoints.office.com).
OUTLOOK_ON_THE_WEB = [
    ip_network(text)
    for text in (
        *("13.107.6.152/31", "13.107.18.10/31", "13.107.128.0/22", "23.103.160.0/20"),
        *("40.96.0.0/13", "40.104.0.0/15", "52.96.0.0/14", "131.253.33.215/32"),
        *("132.245.0.0/16", "150.171.32.0/22", "204.79.197.215/32"),
        *("2603:1006::/40", "2603:1016::/36", "2603:1026::/36", "2603:1036::/36"),
        *("2603:1046::/36", "2603:1056::/36", "2620:1ec:4::152/128", "2620:1ec:c::10/128"),
    )
]

BUSY_ADDRESSES = f"""
SELECT {{ip}}, count(DISTINCT pixel_id) FROM tracker_open
WHERE id >= %s AND id < %s AND opened_at >= %s AND opened_at < %s AND ip IS NOT NULL
    AND verdict IN ({", ".join(str(verdict) for verdict in sorted(SUSPECTS))}, {{scanner}})
GROUP BY 1 HAVING count(DISTINCT pixel_id) >= {RECIPIENTS}
    AND count(DISTINCT user_agent_id) <= {AGENTS}
"""


def find_fan_outs(since: datetime, until: datetime) -> list[FanOut]:
    """The fan-outs of these moments, not stored yet."""
    return [
        FanOut(ip=ip, starts_at=start, ends_at=start + WINDOW, recipients=recipients)
        for start in windows(since, until)
        for ip, recipients in busy_addresses(start, start + WINDOW)
        # Many addresses' opens stand under one that was truncated.
        if not may_be_truncated(ip)
        and not is_shared_by_readers(ip)
        and domains_reached(ip, start, start + WINDOW) >= DOMAINS
    ]


def store(found: Sequence[FanOut]) -> None:
    """As evidence for whoever asks why; one that was stored before grows."""
    FanOut.objects.bulk_create(
        found,
        batch_size=200,
        update_conflicts=True,
        unique_fields=["ip", "starts_at"],
        update_fields=["recipients"],
    )


def is_shared_by_readers(ip: str) -> bool:
    """Whether readers of many firms may share this address: a mail service's, or one next door."""
    owners = process_judge().networks.owners(ip)
    if owners is None:
        # A private address: most often a proxy stands there that was not declared as trusted.
        return True
    if owners & PROXIES:
        return True
    address = ip_address(ip)
    return any(address.version == one.version and address in one for one in OUTLOOK_ON_THE_WEB)


def windows(since: datetime, until: datetime) -> Iterator[datetime]:
    """The starts of all windows that touch the time from ``since`` to ``until``."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    start = epoch + (since - epoch) // STEP * STEP - STEP
    while start < until:
        yield start
        start += STEP


def busy_addresses(start: datetime, end: datetime) -> list[tuple[str, int]]:
    adapt = connection.ops.adapt_datetimefield_value
    is_postgresql = connection.vendor == "postgresql"
    statement = BUSY_ADDRESSES.format(
        ip="host(ip)" if is_postgresql else "ip", scanner=Verdict.SECURITY_SCANNER.number
    )
    adapt_id = Open._meta.pk.get_db_prep_value
    with connection.cursor() as cursor:
        bounds = [adapt_id(bound, connection) for bound in id_bounds(start, end)]
        cursor.execute(statement, [*bounds, adapt(start), adapt(end)])
        return list(cursor.fetchall())


def id_bounds(start: datetime, end: datetime) -> tuple[UUID, UUID]:
    """The ids of all opens of that time lie between these: ids begin with the time.

    A clock that was set back while a hit was read may put one into the wrong millisecond, so the
    bounds are a second wider.
    """

    def id_at(moment: datetime) -> int:
        milliseconds = int(moment.timestamp() * 1000)
        return milliseconds << 80

    second = timedelta(seconds=1)
    return UUID(int=id_at(start - second)), UUID(int=id_at(end + second))


def domains_reached(ip: str, start: datetime, end: datetime) -> int:
    """Of the recipients whose pixels this address opened; a look at some hundred is enough."""
    first, last = id_bounds(start, end)
    pixels = (
        Pixel.objects.of_recipients()
        .filter(
            opens__id__gte=first,
            opens__id__lt=last,
            opens__ip=ip,
            opens__opened_at__gte=start,
            opens__opened_at__lt=end,
        )
        .values_list("recipient__email_key", flat=True)
        .distinct()[:500]
    )
    return len({key.rpartition("@")[2] for key in pixels if key})
