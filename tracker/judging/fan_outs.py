"""One address that fetches many recipients' pixels within minutes: a scanner's trail again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection

from tracker.addresses import may_be_truncated
from tracker.judging.bursts import SUSPECTS
from tracker.judging.pace import WIDEST, Look, runs
from tracker.judging.shared import is_shared_by_readers
from tracker.models import FanOut, Open, Pixel
from tracker.verdicts import RULE_BY_ID, Verdict

# An office behind one address has many readers too, but these share their domain.
RECIPIENTS = 10
DOMAINS = 5
# So do the customers of a mobile carrier; their phones differ, a scanner's browser does not.
AGENTS = 3
WINDOW = timedelta(minutes=10)
# Windows overlap by half, so that none falls apart between two.
STEP = WINDOW / 2

# What a person's own mail client opened is in no pattern by itself; it may be a fan-out's part.
LOOKED_AT = sorted([*SUSPECTS, Verdict.SECURITY_SCANNER.number])
BUSY_ADDRESSES = f"""
SELECT {{ip}}, count(DISTINCT pixel_id), count(DISTINCT user_agent_id) FROM tracker_open
WHERE id >= %s AND id < %s AND opened_at >= %s AND opened_at < %s AND ip IS NOT NULL
    AND verdict IN ({", ".join(map(str, LOOKED_AT))})
GROUP BY 1 HAVING count(DISTINCT pixel_id) >= {RECIPIENTS}
"""


def find_fan_outs(since: datetime, until: datetime) -> list[FanOut]:
    """The fan-outs of these moments, not stored yet."""
    # The windows overlap, and a run that reaches into both is found twice.
    found = {
        (one.ip, one.starts_at): one
        for start in windows(since, until)
        for ip, pixels, agents in busy_addresses(start, start + WINDOW)
        # Many addresses' opens stand under one that was truncated.
        if not may_be_truncated(ip) and not is_shared_by_readers(ip)
        for one in fan_outs_at(ip, start, pixels=pixels, agents=agents)
    }
    return list(found.values())


def fan_outs_at(ip: str, start: datetime, *, pixels: int, agents: int) -> Iterator[FanOut]:
    """Of one address in one window: by its reach, or else by its pace."""
    end = start + WINDOW
    if agents <= AGENTS and domains_reached(ip, start, end) >= DOMAINS:
        yield FanOut(ip=ip, starts_at=start, ends_at=end, recipients=pixels)
        return
    for run in runs(looks_from(ip, start - WIDEST, end + WIDEST)):
        if run.ends_at >= start and run.starts_at < end:
            # Spans end before the moment that is named.
            after = run.ends_at + timedelta(microseconds=1)
            yield FanOut(ip=ip, starts_at=run.starts_at, ends_at=after, recipients=run.recipients)


def looks_from(ip: str, start: datetime, end: datetime) -> Iterator[Look]:
    """What an address opened for recipients, in order of time; without named mail clients."""
    first, last = id_bounds(start, end)
    opens = (
        Open.objects.filter(
            id__gte=first, id__lt=last, ip=ip, opened_at__gte=start, opened_at__lt=end
        )
        .filter(verdict__in=LOOKED_AT, pixel__recipient__isnull=False)
        .exclude(rule=RULE_BY_ID["mail-client"].number)
        .order_by("opened_at", "pk")
    )
    rows = opens.values_list("opened_at", "pixel__recipient_id", "user_agent_id")
    return (Look(*row) for row in rows.iterator(2_000))


def store(found: Sequence[FanOut]) -> None:
    """As evidence for whoever asks why; one that was stored before grows."""
    FanOut.objects.bulk_create(
        {(one.ip, one.starts_at): one for one in found}.values(),
        batch_size=200,
        update_conflicts=True,
        unique_fields=["ip", "starts_at"],
        update_fields=["recipients", "ends_at"],
    )


def windows(since: datetime, until: datetime) -> Iterator[datetime]:
    """The starts of all windows that touch the time from ``since`` to ``until``."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    start = epoch + (since - epoch) // STEP * STEP - STEP
    while start < until:
        yield start
        start += STEP


def busy_addresses(start: datetime, end: datetime) -> list[tuple[str, int, int]]:
    """Each with how many pixels it opened, and with how many agents."""
    adapt = connection.ops.adapt_datetimefield_value
    is_postgresql = connection.vendor == "postgresql"
    statement = BUSY_ADDRESSES.format(ip="host(ip)" if is_postgresql else "ip")
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
