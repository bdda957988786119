"""What stands between the figures and the lists: opens that count and are linked to nobody, and
opens of recipients that the mail is not known to have reached."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, IntegerField, Value

from campaigns.models import Campaign
from tracker.models import CampaignCounts, Pixel, PixelTracking, UniqueOpen
from tracker.verdicts import Verdict

# In the place of a verdict: opened, though it bounced or was never sent.
UNDELIVERED = -1
# Among fewer, whoever has the figures and the lists may find out who of them opened.
LEAST_ANONYMOUS = 5


@dataclass(frozen=True, slots=True)
class Listed:
    """How many recipients each list names. With ``unlinked`` the openers add up to the counts."""

    opened: int
    prefetched: int
    scanned: int
    unclear: int
    unopened: int
    unlinked: int

    @property
    def machines(self) -> int:
        return self.prefetched + self.scanned

    @property
    def openers(self) -> int:
        return self.opened + self.machines + self.unclear


def listed_of(campaign: Campaign, totals: CampaignCounts) -> Listed:
    """One query, none while nobody has opened, by the index of openers: of a million recipients it
    reads what is unlinked, bounced, and, while only a part was sent, the rest."""
    unlinked: dict[int, int] = {}
    undelivered = 0
    for verdict, people in _rows(campaign, totals):
        if verdict == UNDELIVERED:
            undelivered += people
        else:
            unlinked[verdict] = people
    human = sum(n for verdict, n in unlinked.items() if Verdict.of_number(verdict).is_human)
    unclear = unlinked.get(Verdict.UNKNOWN.number, 0)
    prefetched = unlinked.get(Verdict.PRIVACY_PREFETCH.number, 0)
    scanned = sum(unlinked.values()) - human - unclear - prefetched
    openers = totals.unique_tracked_opens - sum(unlinked.values())
    reached = totals.trackable - totals.anonymous
    return Listed(
        opened=totals.unique_human_opens - human,
        prefetched=totals.unique_prefetch_opens - prefetched,
        scanned=totals.unique_machine_opens - scanned,
        unclear=totals.unique_unknown_opens - unclear,
        unopened=max(reached - (openers - undelivered), 0) if totals.sent else 0,
        unlinked=sum(unlinked.values()),
    )


def _rows(campaign: Campaign, totals: CampaignCounts) -> list[tuple[int, int]]:
    """(best verdict of opens that are linked to nobody, how many), and the undelivered."""
    if not totals.unique_opens:
        return []
    unlinked = UniqueOpen.objects.filter(campaign=campaign, pixel__lt=0)
    if totals.unique_untracked_opens:
        unlinked = unlinked.exclude(pixel__tracking=PixelTracking.OFF)
    rows = unlinked.order_by().values_list("verdict").annotate(Count("pk"))
    opened = Pixel.objects.of_recipients().linked().opened().filter(campaign=campaign)
    others = []
    if totals.bounces:
        others.append(opened.bounced())
    if 0 < totals.sent < totals.recipients:
        others.append(opened.filter(sent_at=None))
    numbered = [
        one.order_by()
        .annotate(kind=Value(UNDELIVERED, output_field=IntegerField()))
        .values_list("kind")
        .annotate(Count("pk"))
        for one in others
    ]
    return [(int(kind), int(people)) for kind, people in rows.union(*numbered, all=True)]
