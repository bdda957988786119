"""One recipient over all campaigns: what was sent to them, and every open, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, Sum
from django.utils.translation import ngettext

from campaigns.models import Recipient
from tracker.language import count
from tracker.models import Open, Pixel
from tracker.reports.numbered import Pages, pages_of
from tracker.reports.why import Explained, explained_all
from tracker.verdicts import LEAST_HUMAN, Verdict

CAMPAIGNS = 25
OPENS = 25


@dataclass(frozen=True, slots=True)
class TimelineOpen:
    pixel: Pixel
    why: Explained


@dataclass(frozen=True, slots=True)
class Person:
    """Of the campaigns that were ``sent``, by whom they were opened; each in one kind at most."""

    recipient: Recipient
    sent: int
    opened_by_person: int
    opened_by_machine: int
    unclear: int
    opens: int
    pixels: list[Pixel]
    pixel_pages: Pages
    timeline: list[TimelineOpen]
    timeline_pages: Pages

    @property
    def sentences(self) -> list[str]:
        """What was sent and what came back; a kind of which there is none is left out."""
        sent = ngettext(
            "%(number)s campaign was sent to this address.",
            "%(number)s campaigns were sent to this address.",
            self.sent,
        )
        people = ngettext(
            "%(number)s was opened by a person.",
            "%(number)s were opened by a person.",
            self.opened_by_person,
        )
        machines = ngettext(
            "%(number)s was opened by machines only.",
            "%(number)s were opened by machines only.",
            self.opened_by_machine,
        )
        unclear = ngettext(
            "Of %(number)s it is unclear who opened it.",
            "Of %(number)s it is unclear who opened them.",
            self.unclear,
        )
        numbers = {
            sent: self.sent,
            people: self.opened_by_person,
            machines: self.opened_by_machine,
            unclear: self.unclear,
        }
        return [one % {"number": count(number)} for one, number in numbers.items() if number]


def person_page(recipient: Recipient, parameters: Mapping[str, str]) -> Person:
    """Seven queries at most, however many campaigns and opens there are."""
    pixels = Pixel.objects.of_recipients().filter(
        recipient=recipient, campaign__is_being_made=False
    )
    verdict = "unique_open__verdict"
    sums = pixels.aggregate(
        pixels=Count("pk"),
        sent=Count("pk", filter=Q(sent_at__isnull=False)),
        by_person=Count("pk", filter=Q(**{f"{verdict}__gte": LEAST_HUMAN})),
        unclear=Count("pk", filter=Q(**{verdict: Verdict.UNKNOWN.number})),
        opened=Count("unique_open"),
        opens=Sum("unique_open__open_count"),
    )
    asked = {name: parameters.get(name, "") for name in ("campaigns", "opens")}
    pixel_pages = pages_of(
        sums["pixels"], asked["campaigns"], rows=CAMPAIGNS, keep=asked, name="campaigns"
    )
    timeline_pages = pages_of(
        sums["opens"] or 0, asked["opens"], rows=OPENS, keep=asked, name="opens"
    )
    return Person(
        recipient,
        sent=sums["sent"],
        opened_by_person=sums["by_person"],
        opened_by_machine=sums["opened"] - sums["by_person"] - sums["unclear"],
        unclear=sums["unclear"],
        opens=sums["opens"] or 0,
        pixels=list(
            pixels.with_state().select_related("campaign").order_by("-pk")[pixel_pages.rows]
        ),
        pixel_pages=pixel_pages,
        timeline=_timeline(recipient, timeline_pages),
        timeline_pages=timeline_pages,
    )


def _timeline(recipient: Recipient, pages: Pages) -> list[TimelineOpen]:
    opens = list(
        Open.objects.filter(pixel__recipient=recipient, pixel__is_test=False)
        .select_related("user_agent", "pixel__campaign")
        .order_by("-opened_at", "-pk")[pages.rows]
    )
    campaigns = {one.pixel_id: one.pixel.campaign for one in opens}
    return [
        TimelineOpen(one.pixel, why)
        for one, why in zip(opens, explained_all(opens, campaigns), strict=True)
    ]
