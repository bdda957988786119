"""A campaign sent hours ago that nobody has opened: the likely reasons, the sure ones first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from campaigns.models import Campaign
from tracker.language import count, translated
from tracker.mailcheck.addresses import why_unreachable
from tracker.models import CampaignCounts, Pixel, UniqueOpen
from tracker.reports.mail_check import last_word
from tracker.spool import Spool

AFTER = timedelta(hours=3)
LEAST_RECIPIENTS = 10
# So many recipients are looked at to see whether all are of one domain.
LOOKED_AT = 200

SURE, LIKELY, POSSIBLE, UNLIKELY = range(4)


@dataclass(frozen=True, slots=True)
class Reason:
    """``weight`` orders: what is known to be so comes before what only may be."""

    name: str
    weight: int
    sentence: str
    advice: str
    link: str = ""
    url: str = ""

    @property
    def is_sure(self) -> bool:
        return self.weight == SURE


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about this campaign and this installation."""

    public_url: str
    waiting_files: int
    refused_bytes: int
    is_test_opened: bool
    last_check: str | None
    only_domain: str | None


@dataclass(frozen=True, slots=True)
class Silence:
    """``hours`` since the mail was sent, whole ones."""

    hours: int
    reasons: list[Reason]

    @property
    def headline(self) -> str:
        hours, days = self.hours, self.hours // 24
        if hours < 48:
            pattern = ngettext(
                "Sent %(number)s hour ago, and not one open",
                "Sent %(number)s hours ago, and not one open",
                hours,
            )
            return pattern % {"number": hours}
        pattern = ngettext(
            "Sent %(number)s day ago, and not one open",
            "Sent %(number)s days ago, and not one open",
            days,
        )
        return pattern % {"number": count(days)}


def silence_of(
    campaign: Campaign, totals: CampaignCounts, *, at: datetime | None = None
) -> Silence | None:
    """None while there is nothing to wonder about. Three queries when there is, else none."""
    if campaign.sent_at is None or totals.opens or totals.trackable < LEAST_RECIPIENTS:
        return None
    since = (at or timezone.now()) - campaign.sent_at
    if since < AFTER:
        return None
    hours = int(since.total_seconds() // 3600)
    waiting = Spool(Path(settings.SPOOL_DIR)).waiting()
    facts = Facts(
        public_url=settings.PUBLIC_URL,
        waiting_files=waiting.files,
        refused_bytes=waiting.refused_bytes,
        is_test_opened=UniqueOpen.objects.filter(campaign=campaign, is_test=True).exists(),
        last_check=last_word(campaign),
        only_domain=only_domain_of(campaign),
    )
    return Silence(hours, reasons_for(campaign, facts))


def only_domain_of(campaign: Campaign) -> str | None:
    """The domain of all of its first recipients, if they share one; by the index, no scan."""
    first = Pixel.objects.filter(campaign=campaign, recipient__isnull=False)
    keys = first.order_by("recipient_id").values_list("recipient__email_key", flat=True)
    domains = {str(key).rpartition("@")[2] for key in keys[:LOOKED_AT]}
    return domains.pop() if len(domains) == 1 else None


def reasons_for(campaign: Campaign, facts: Facts) -> list[Reason]:
    """Those of one weight stay in the order in which they are worth looking at."""
    reasons = [
        *_about_the_server(facts),
        *_about_the_mail(campaign, facts),
        *_about_the_sending(facts),
    ]
    return sorted(reasons, key=lambda reason: reason.weight)


def _about_the_server(facts: Facts) -> Iterator[Reason]:
    address = urlsplit(facts.public_url)
    why = why_unreachable(address.hostname or "")
    if why is not None:
        yield Reason(
            "unreachable",
            SURE,
            gettext(
                "Mail clients cannot reach this server: PUBLIC_URL names %(hostname)s, which "
                "%(why)s."
            )
            % {"hostname": address.hostname, "why": translated(why)},
            gettext(
                "Whoever runs this server sets PUBLIC_URL to its public address. The mail that was "
                "sent cannot be mended; the next one needs new snippets."
            ),
        )
    elif not facts.is_test_opened:
        yield Reason(
            "untested",
            LIKELY,
            gettext(
                "Perhaps mail clients cannot reach %(hostname)s: the campaign’s test pixel has "
                "never been seen either."
            )
            % {"hostname": address.hostname},
            gettext(
                "Send the test snippet to yourself and open it. If it is not seen, whoever runs "
                "this server looks at its firewall, its proxy and its certificate."
            ),
        )
    if facts.waiting_files or facts.refused_bytes:
        yield Reason(
            "spooled",
            SURE,
            gettext("Hits wait on this server’s disk, because the database did not take them."),
            gettext(
                "Nothing is lost: they are counted as soon as it does. Whoever runs this server "
                "finds the reason in its log and with the command “manage.py spool”."
            ),
        )
    if address.scheme == "http":
        yield Reason(
            "http",
            POSSIBLE,
            gettext("The pixels are asked for over http, which some mail clients refuse."),
            gettext(
                "Whoever runs this server sets PUBLIC_URL to an https address. The next mail needs "
                "new snippets."
            ),
        )


def _about_the_mail(campaign: Campaign, facts: Facts) -> Iterator[Reason]:
    check_url = reverse("campaign_check", args=[campaign.pk])
    if facts.last_check is None or not facts.last_check.startswith("Ready"):
        sentence = (
            gettext("The last check of the mail said: %(headline)s.")
            % {"headline": translated(facts.last_check)}
            if facts.last_check
            else gettext(
                "The snippet is not in the mail, or not as an image: nobody has checked it here."
            )
        )
        yield Reason(
            "not-in-the-mail",
            LIKELY,
            sentence,
            gettext("Save the mail as it arrived in some mailbox, and have it checked."),
            gettext("Check the mail"),
            check_url,
        )
    yield Reason(
        "rewritten",
        UNLIKELY if facts.last_check and facts.last_check.startswith("Ready") else POSSIBLE,
        gettext("The sending tool may have rewritten the image, or sent the mail as plain text."),
        gettext(
            "Open the mail’s source as it arrived and look for this server’s address, or have it "
            "checked."
        ),
        gettext("Check the mail"),
        check_url,
    )


def _about_the_sending(facts: Facts) -> Iterator[Reason]:
    yield Reason(
        "not-sent",
        POSSIBLE,
        gettext(
            "The mail may not have been sent yet: the campaign was marked as sent, which sends "
            "nothing by itself."
        ),
        gettext(
            "Look in the sending program whether it was handed over, and whether it was held back "
            "or refused."
        ),
    )
    if facts.only_domain is not None:
        yield Reason(
            "one-domain",
            LIKELY,
            gettext(
                "The recipients’ addresses are at one domain, %(only_domain)s: its mail gateway "
                "may block images, or have put the mail into quarantine."
            )
            % {"only_domain": facts.only_domain},
            gettext("Ask one of them whether the mail arrived, and whether images are shown."),
        )
    if facts.is_test_opened:
        yield Reason(
            "nobody-yet",
            POSSIBLE,
            gettext(
                "Tracking works, as the test pixel showed: perhaps nobody has opened the mail with "
                "images yet."
            ),
            gettext("At night and on weekends hours without an open are usual."),
        )
