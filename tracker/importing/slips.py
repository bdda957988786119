"""Mistyped domains that a person has looked at: the recipients get the address that was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, ProtectedError, QuerySet, Value

from campaigns.imports.corrections import follow, remember
from campaigns.models import (
    Campaign,
    CorrectedAddress,
    Import,
    Recipient,
    SuppressedAddress,
    TypingSlip,
    email_key,
)
from campaigns.tombstones import is_erased
from tracker.models import CampaignCounts, Pixel

# As many as one transaction changes: hits wait for the campaign's counts meanwhile.
GROUP = 200
EXAMPLES = 3


@dataclass(slots=True)
class SlipGroup:
    """All slips of an import from one domain to another; ``corrected`` are done with by now."""

    domain: str
    meant: str
    count: int
    corrected: int
    examples: list[str]

    @property
    def is_open(self) -> bool:
        return self.corrected < self.count

    @property
    def key(self) -> str:
        return f"{self.domain} {self.meant}"


@dataclass(slots=True)
class Mended:
    """``left``: already sent or opened under the wrong address, erased, or not to be written to.
    ``before``: corrected meanwhile, from another page."""

    changed: int = 0
    left: int = 0
    before: int = 0


def groups_of(one: Import) -> list[SlipGroup]:
    """The most frequent first."""
    groups: dict[tuple[str, str], SlipGroup] = {}
    slips = TypingSlip.objects.filter(of_import=one).order_by("line")
    slips = slips.annotate(was_corrected=Exists(_corrections(OuterRef("email_key"))))
    if not one.is_dry_run:
        # Whom another campaign had written to may still be in this one under the wrong address.
        wrong = Pixel.objects.filter(
            campaign=one.campaign_id, recipient__email_key=OuterRef("email_key")
        )
        slips = slips.annotate(is_here=Exists(wrong))
    else:
        slips = slips.annotate(is_here=Value(False))
    rows = slips.values_list("email_key", "suggestion", "was_corrected", "is_here")
    for key, meant, was_corrected, is_here in rows.iterator():
        domains = (domain_of(key), domain_of(meant))
        group = groups.setdefault(domains, SlipGroup(*domains, 0, 0, []))
        group.count += 1
        group.corrected += was_corrected and not is_here
        if len(group.examples) < EXAMPLES:
            group.examples.append(key)
    return sorted(groups.values(), key=lambda group: (-group.count, group.domain))


def _corrections(key: Any) -> QuerySet[CorrectedAddress]:
    return CorrectedAddress.objects.filter(email_key=key)


def domain_of(key: str) -> str:
    return key.rpartition("@")[2]


def mend(one: Import, accepted: Sequence[str]) -> Mended:
    """``accepted``: keys of groups. What is mended is remembered; it and what is left is not
    offered again."""
    mended = Mended()
    slips = _slips(one, set(accepted))
    while group := list(islice(slips, GROUP)):
        with transaction.atomic():
            _lock(group)
            for slip in group:
                outcome = _mend(one.campaign, slip)
                setattr(mended, outcome, getattr(mended, outcome) + 1)
            TypingSlip.objects.filter(pk__in=[slip.pk for slip in group]).delete()
    return mended


def _slips(one: Import, accepted: set[str]) -> Iterator[TypingSlip]:
    for slip in list(TypingSlip.objects.filter(of_import=one).order_by("line")):
        if f"{domain_of(slip.email_key)} {domain_of(slip.suggestion)}" in accepted:
            yield slip


def _lock(slips: Sequence[TypingSlip]) -> None:
    """Whoever these are about, before anything else and in one order, as choices and erasures do:
    nobody is mended who is being erased at this moment."""
    keys = {key for slip in slips for key in (slip.email_key, slip.suggestion)}
    held = Recipient.objects.select_for_update().filter(email_key__in=keys)
    list(held.order_by("pk").values_list("pk"))


def _mend(campaign: Campaign, slip: TypingSlip) -> str:
    """The name of what it counts as."""
    wrong = Recipient.objects.filter(email_key=slip.email_key).first()
    if wrong is None:
        return "before" if _corrections(slip.email_key).exists() else "left"
    if is_erased([slip.suggestion]):
        return "left"
    if SuppressedAddress.objects.filter(email_key=slip.suggestion).exists():
        return "left"
    right = Recipient.objects.filter(email_key=slip.suggestion).first()
    if right is None:
        # The same person under the address that they have.
        wrong.email = wrong.email.rpartition("@")[0] + "@" + domain_of(slip.suggestion)
        assert email_key(wrong.email) == slip.suggestion
        wrong.save(update_fields=["email"])
        remember(slip.email_key, wrong)
        return "changed"
    if not _hand_over(campaign, wrong, right):
        return "left"
    remember(slip.email_key, right)
    return "changed"


def _hand_over(campaign: Campaign, wrong: Recipient, right: Recipient) -> bool:
    """The campaign's pixel goes to the recipient who has the right address already."""
    pixels = Pixel.objects.filter(campaign=campaign, recipient=wrong)
    unused = pixels.filter(sent_at=None, unique_open=None)
    pixel = unused.select_for_update(of=("self",)).first()
    if pixel is None:
        return False
    if Pixel.objects.filter(campaign=campaign, recipient=right).exists():
        pixel.delete()
        counts = CampaignCounts.objects.filter(campaign=campaign)
        counts.update(recipients=F("recipients") - 1)
    else:
        pixel.recipient = right
        pixel.save(update_fields=["recipient"])
    # Other campaigns may have gone to it: then it stays.
    with suppress(ProtectedError), transaction.atomic():
        follow(wrong, right)
        wrong.delete()
    return True
