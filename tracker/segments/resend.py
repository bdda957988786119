"""A new campaign whose recipients are a segment of an earlier one: all of it, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils import timezone

from campaigns.models import Campaign
from tracker.pixels import GROUP_PIXELS, add_pixels_of, ensure_test_pixel
from tracker.segments.choice import Choice
from tracker.segments.members import members
from tracker.sentences import said

# How long a form that was sent is known again. Nobody sends one twice after a week.
FORMS_KEPT = timedelta(days=7)


class NobodyLeftError(Exception):
    """Nobody is in the segment, or mail to everybody in it bounced: no campaign was made."""

    def __init__(self, left_out: int) -> None:
        self.sentence = (
            said("No campaign was made: mail to all %(people)s of these bounced.", people=left_out)
            if left_out
            else said("No campaign was made: nobody is in this segment.")
        )
        super().__init__(self.sentence)


@dataclass(frozen=True, slots=True)
class Resend:
    """What was made; ``is_new`` is false if this form had made it before."""

    campaign: Campaign
    recipients: int
    left_out: int = 0
    is_new: bool = True


@transaction.atomic
def resend(source: Campaign, choice: Choice, new: Campaign) -> Resend:
    """Save the new campaign with the segment's recipients, but those whose mail bounced."""
    chosen = members(source, choice)
    left_out = chosen.bounced().count()
    new.save()
    ensure_test_pixel(new)
    recipients = add_pixels_of(new, chosen)
    if not recipients:
        raise NobodyLeftError(left_out)
    renew_statistics(recipients)
    return Resend(new, recipients, left_out)


def renew_statistics(recipients: int) -> None:
    """Plans that were right for a small table make pages of a large one slow."""
    if recipients >= GROUP_PIXELS and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE tracker_pixel")


@transaction.atomic
def resend_once(
    source: Campaign, choice: Choice, new: Campaign, *, user_id: int, form_id: str
) -> Resend:
    """The same, but a form that is sent twice, even at once, makes one campaign.

    What it made is written into the admin's history, together with the form's id.
    """
    wait_for_the_same_form(source)
    if earlier := _made_by(form_id, user_id):
        return Resend(earlier, earlier.counts.recipients, is_new=False)
    made = resend(source, choice, new)
    note_in_history(source, choice, made, user_id=user_id, form_id=form_id)
    return made


def note_in_history(
    source: Campaign, choice: Choice, made: Resend, *, user_id: int, form_id: str
) -> None:
    LogEntry.objects.create(
        user_id=user_id,
        content_type=ContentType.objects.get_for_model(Campaign),
        object_id=str(made.campaign.pk),
        object_repr=str(made.campaign)[:200],
        action_flag=ADDITION,
        # Not what was searched for: that may be somebody's address.
        change_message=(
            f"Made with {made.recipients:,} recipients of campaign {source.pk}: "
            f"{choice.who.label}. Form {form_id}."
        ),
    )


def wait_for_the_same_form(source: Campaign) -> None:
    """Whoever sends it meanwhile waits here until this transaction is through."""
    list(Campaign.objects.select_for_update(no_key=True).filter(pk=source.pk).values_list("pk"))


def _made_by(form_id: str, user_id: int) -> Campaign | None:
    entries = LogEntry.objects.filter(
        user_id=user_id,
        content_type=ContentType.objects.get_for_model(Campaign),
        action_flag=ADDITION,
        action_time__gte=timezone.now() - FORMS_KEPT,
        change_message__endswith=f" Form {form_id}.",
    )
    made = [int(entry.object_id) for entry in entries if entry.object_id]
    return Campaign.objects.select_related("counts").filter(pk__in=made).first()
