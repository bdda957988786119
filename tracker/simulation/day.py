"""One simulation from its seed to its opens: planned, sent, spread, judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from tracker.judging.walk import rejudge
from tracker.models import Pixel
from tracker.pixels import ensure_test_pixel
from tracker.simulation.arrivals import (
    ARRIVES_WITHIN,
    PROBE,
    is_spool_empty,
    probes_of,
    wait_until,
    withdraw_probes,
)
from tracker.simulation.mix import MIXES, Fetch
from tracker.simulation.sending import PixelRequest, SendingError, send
from tracker.simulation.spreading import (
    is_simulated,
    opens_of,
    spread,
    unspread,
    withdraw,
)
from tracker.snippets import configured_tokens
from tracker.verdicts import Verdict

LEAST_HOURS, MOST_HOURS = 1.0, 24.0 * 31


@dataclass(frozen=True, slots=True)
class Simulated:
    """What was sent, and how often each truth got each verdict."""

    requests: int
    matrix: Counter[tuple[Verdict, Verdict]]

    def accuracy(self, truth: Verdict) -> float | None:
        """The share of this truth's fetches that were recognised; None if there were none."""
        total = sum(count for (true, _), count in self.matrix.items() if true is truth)
        return self.matrix[truth, truth] / total if total else None

    @property
    def macro_average(self) -> float | None:
        """Every class weighs the same, however rare."""
        shares = [share for one in Verdict if (share := self.accuracy(one)) is not None]
        return sum(shares) / len(shares) if shares else None


def reason_against(campaign: Campaign) -> str | None:
    """Why nothing may be simulated here, for a person; None if it may."""
    if not Pixel.objects.of_recipients().filter(campaign=campaign).exists():
        return "it has no recipients yet. `manage.py import_recipients` adds them."
    if not Pixel.objects.of_recipients().linked().filter(campaign=campaign).exists():
        return "all of its recipients are off or anonymous, and invented opens need others."
    elsewhere = "Simulate in a campaign of its own: `manage.py create_campaign`, import_recipients."
    has_opens = False
    for open_id in opens_of(campaign).values_list("pk", flat=True).iterator():
        if not is_simulated(open_id):
            return (
                f"it has opens that no simulation made, and invented ones would spoil its report. "
                f"{elsewhere}"
            )
        has_opens = True
    if campaign.sent_at is not None and not has_opens:
        return f"it was really sent, and invented opens would spoil its report. {elsewhere}"
    return None


def plan(campaign: Campaign, *, mix: str, seed: int, hours: float) -> list[tuple[int, Fetch]]:
    """Each fetch with its pixel, in order of time; the same for the same seed and campaign."""
    # Of whoever is off nothing would be recorded, and of the anonymous not with their pixel.
    linked = Pixel.objects.of_recipients().linked().filter(campaign=campaign, bounced_at=None)
    pixels = list(linked.order_by("pk").values_list("pk", "recipient__email_key"))
    domains = [(key or "").rpartition("@")[2] for _, key in pixels]
    chance = Random(f"{seed} {campaign.pk}")  # noqa: S311  # it has to be repeatable
    return [(pixels[fetch.place][0], fetch) for fetch in MIXES[mix](chance, domains, hours * 3600)]


def simulate(
    campaign: Campaign,
    address: str,
    *,
    mix: str = "realistic",
    seed: int = 1,
    hours: float = 24,
    rate: float = 200,
    told: Callable[[int], None] | None = None,
) -> Simulated:
    """``told`` hears before the first request how many there will be.

    SendingError and MismatchError leave the campaign as it was.
    """
    fetches = plan(campaign, mix=mix, seed=seed, hours=hours)
    try:
        refuse_strange_server(campaign, address)
        if told is not None:
            told(len(fetches))
        send(address, requests_for(fetches), rate=rate)
        # What the database was not quick enough for comes through the spool.
        wait_until(lambda: len(unspread(campaign)) >= len(fetches), within=ARRIVES_WITHIN)
        sent_at = timezone.now() - timedelta(hours=hours)
        truth = spread(campaign, fetches, sent_at=sent_at)
    except BaseException:
        wait_until(is_spool_empty, within=ARRIVES_WITHIN)
        withdraw(campaign)
        raise
    finally:
        withdraw_probes(campaign)
    campaign.refresh_from_db()
    judge(campaign)
    matrix: Counter[tuple[Verdict, Verdict]] = Counter()
    for open_id, verdict in opens_of(campaign).values_list("pk", "verdict").iterator():
        if (fetch := truth.get(open_id)) is not None:
            matrix[fetch.truth, Verdict.of_number(verdict)] += 1
    return Simulated(len(fetches), matrix)


def judge(campaign: Campaign) -> None:
    """A walk that was cut short earlier goes on where it stood, and so leaves out the rest."""
    outcome, walk = rejudge(campaign)
    if walk is not None and walk.judged > outcome.judged:
        rejudge(campaign)


def requests_for(fetches: Sequence[tuple[int, Fetch]]) -> list[PixelRequest]:
    paths = {pixel_id: path_of(pixel_id) for pixel_id, _ in fetches}
    return [
        PixelRequest(pixel_id, paths[pixel_id], fetch.ip, fetch.user_agent)
        for pixel_id, fetch in fetches
    ]


def path_of(pixel_id: int) -> str:
    return reverse("pixel", args=[configured_tokens().make(pixel_id)])


def refuse_strange_server(campaign: Campaign, address: str) -> None:
    """One request for the test pixel: does it arrive here, and with the address that we say?"""
    pixel = ensure_test_pixel(campaign)
    withdraw_probes(campaign)
    send(address, [PROBE._replace(pixel_id=pixel.pk, path=path_of(pixel.pk))], rate=1000)
    probes = probes_of(campaign)
    wait_until(probes.exists, within=ARRIVES_WITHIN)
    found = probes.first()
    withdraw_probes(campaign)
    if found is None:
        raise SendingError(
            f"The server at {address} does not record into this database: it has another "
            f"DATABASE_URL or PIXEL_KEY, or the database was away from it."
        )
    if found.ip != PROBE.ip:
        raise SendingError(
            f"The server at {address} recorded {found.ip} instead of the address in "
            f"X-Forwarded-For: start it with TRUSTED_PROXIES={found.ip}, or leave --url out."
        )
