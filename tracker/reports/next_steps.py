"""What leads from an empty installation to the first open: done, next, later, from the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.urls import reverse
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrPromise

from campaigns.models import Campaign
from tracker.language import translated
from tracker.models import CampaignCounts, UniqueOpen
from tracker.reports.mail_check import last_word


class State(StrEnum):
    """PASSED: not done, and what came after it was."""

    DONE = "done"
    NOW = "now"
    LATER = "later"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Step:
    """``purpose`` for who does it, ``told`` for who waits for a colleague to do it. ``found``: what
    was found at the last try, which is not good enough yet."""

    name: str
    title: str
    purpose: str
    told: str
    action: str
    url: str
    state: State
    found: str = ""


def first_steps() -> list[Step]:
    """Of an installation without a campaign. No query."""
    return [_step(name, None, State.LATER if order else State.NOW) for order, name in _in_order()]


def next_steps(campaign: Campaign, totals: CampaignCounts) -> list[Step]:
    """Of a campaign that nobody has opened yet; none for any other. Two queries at most."""
    if totals.opens:
        return []
    is_sent = campaign.sent_at is not None
    is_tested = UniqueOpen.objects.filter(campaign=campaign, is_test=True).exists()
    word = last_word(campaign)
    is_ready = (word or "").startswith("Ready")
    # What was sent with faults was checked all the same.
    is_checked = is_ready or (word is not None and is_sent)
    done = {
        "campaign": True,
        "recipients": totals.recipients > 0,
        # Taking them leaves no trace of its own.
        "snippets": is_tested or is_checked or is_sent,
        "test": is_tested,
        "check": is_checked,
        "sent": is_sent,
        "open": False,
    }
    last_done = max(order for order, name in _in_order() if done[name])
    steps = []
    is_next = True
    for order, name in _in_order():
        if done[name]:
            state = State.DONE
        elif name in ("test", "check") and order < last_done:
            state = State.PASSED
        else:
            state, is_next = (State.NOW if is_next else State.LATER), False
        found = word if name == "check" and not is_ready else ""
        steps.append(_step(name, campaign, state, found))
    return steps


def _in_order() -> Iterator[tuple[int, str]]:
    return enumerate(TEXTS)


# Title, what it is for, the same for who may not do it, and the words on the way there.
TEXTS: dict[str, tuple[str | StrPromise, ...]] = {
    "campaign": (
        gettext_lazy("Create a campaign"),
        gettext_lazy("A campaign is one email sent to many recipients. A name is enough."),
        gettext_lazy("A campaign is one email sent to many recipients. A colleague creates it."),
        gettext_lazy("Create the first campaign"),
    ),
    "recipients": (
        gettext_lazy("Import its recipients"),
        gettext_lazy(
            "From a CSV, TSV or Excel file (.xlsx) with a column of addresses. Each recipient gets "
            "a pixel of their own."
        ),
        gettext_lazy("A colleague imports the list of addresses that the mail goes to."),
        gettext_lazy("Import the list"),
    ),
    "snippets": (
        gettext_lazy("Take the snippets"),
        gettext_lazy(
            "A snippet is the invisible image that tells of an open: one for each recipient, to "
            "merge into their copy of the mail."
        ),
        gettext_lazy("A colleague puts an invisible image into each recipient’s copy of the mail."),
        gettext_lazy("Take the snippets"),
    ),
    "test": (
        gettext_lazy("Open the test pixel"),
        gettext_lazy(
            "Paste the test snippet in a mail to yourself and open it: it shows that mail clients "
            "reach this server. It never counts."
        ),
        gettext_lazy(
            "A colleague sends a mail to themselves, to see that mail clients reach this server."
        ),
        gettext_lazy("To the test snippet"),
    ),
    "check": (
        gettext_lazy("Check the mail"),
        gettext_lazy(
            "Save the finished mail and have it checked: is the pixel in it, whole, not hidden, "
            "and before Gmail cuts the mail off?"
        ),
        gettext_lazy(
            "A colleague has the finished mail checked: whether the pixel is in it and can be "
            "loaded."
        ),
        gettext_lazy("Check the mail"),
    ),
    "sent": (
        gettext_lazy("Send it, and mark it as sent"),
        gettext_lazy(
            "Send the mail with your own program, then say so here: rates are shares of what was "
            "sent."
        ),
        gettext_lazy("When the mail is on its way, a colleague marks the campaign as sent."),
        gettext_lazy("To the button that marks it"),
    ),
    "open": (
        gettext_lazy("The first open"),
        gettext_lazy(
            "It appears here by itself, seconds after the first recipient opens the mail."
        ),
        gettext_lazy(
            "It appears here by itself, seconds after the first recipient opens the mail."
        ),
        "",
    ),
}


def _step(name: str, campaign: Campaign | None, state: State, found: str | None = "") -> Step:
    title, purpose, told, action = map(str, TEXTS[name])
    url = reverse("admin:campaigns_campaign_add") if name == "campaign" else ""
    if campaign is not None:
        url = {
            "recipients": reverse("admin:campaigns_campaign_import", args=[campaign.pk]),
            "snippets": reverse("campaign_snippets", args=[campaign.pk]),
            "test": reverse("campaign_snippets", args=[campaign.pk]) + "#test",
            "check": reverse("campaign_check", args=[campaign.pk]),
            "sent": "#rate",  # its button stands with the rate that it makes
        }.get(name, "")
    return Step(name, title, purpose, told, action, url, state, translated(found or ""))
