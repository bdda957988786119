"""A campaign for many recipients, made beside the server in steps and not seen before it is whole.

While it is being made it is in no list and on no page but that of its progress, so no mail can go
to half of it. Cancelled, it goes with all that it had.
"""

from __future__ import annotations

from django.db import transaction

from campaigns.models import Campaign
from tracker.models import CampaignCounts, Work
from tracker.pixels import (
    add_pixels_of,
    ensure_test_pixel,
    next_recipients,
    remove_pixels,
)
from tracker.segments.choice import Choice
from tracker.segments.members import members
from tracker.segments.resend import (
    Resend,
    note_in_history,
    renew_statistics,
    wait_for_the_same_form,
)
from tracker.work.begin import begin
from tracker.work.lease import advance, finish, undo
from tracker.work.run import Pause

# Up to so many recipients a campaign is made while the person waits: a second at most.
AT_ONCE = 20_000
# Recipients of the earlier campaign that one step looks at. SQLite's write lock is held so long.
STEP = 10_000


@transaction.atomic
def want(
    source: Campaign, choice: Choice, new: Campaign, *, user_id: int | None, form_id: str
) -> Work:
    """A form that is sent twice, even at once, asks for one campaign."""
    wait_for_the_same_form(source)
    if earlier := Work.objects.filter(form_id=form_id).first():
        return earlier
    new.is_being_made = True
    new.save()
    recipients = CampaignCounts.objects.filter(campaign=source).values_list("recipients", flat=True)
    work, _ = begin(
        Work.Kind.CAMPAIGN,
        form_id=form_id,
        campaign=new,
        by=user_id,
        total=recipients.first() or 0,
        source=source.pk,
        choice=choice.as_json(),
        name=new.name,
    )
    return work


def make(work: Work, pause: Pause) -> None:
    """Each step decides at its own moment who is in the segment, and adds them once."""
    new, source = work.campaign, Campaign.objects.get(pk=work.parameters["source"])
    assert new is not None
    choice = Choice.from_json(work.parameters["choice"])
    while some := next_recipients(source, after := work.position.get("recipient", 0), STEP):
        up_to = some[-1]
        chosen = members(source, choice)
        here = chosen.filter(recipient__gt=after, recipient__lte=up_to)
        with transaction.atomic():
            left_out = here.bounced().count()
            added = add_pixels_of(new, chosen, after=after, up_to=up_to)
            advance(
                work,
                position={"recipient": up_to},
                done=work.done + len(some),
                total=max(work.total, work.done + len(some)),
                result={
                    "recipients": work.result.get("recipients", 0) + added,
                    "left_out": work.result.get("left_out", 0) + left_out,
                },
            )
        pause()
    if not work.result.get("recipients"):
        take_back(work, pause)
        finish(work, Work.State.FAILED, fault=Work.Fault.NOBODY)
        return
    _show(work, source, choice, new)
    renew_statistics(work.result["recipients"])


@transaction.atomic
def _show(work: Work, source: Campaign, choice: Choice, new: Campaign) -> None:
    ensure_test_pixel(new)
    Campaign.everything.filter(pk=new.pk).update(is_being_made=False)
    if work.created_by_id is not None:
        made = Resend(new, work.result["recipients"], work.result["left_out"])
        note_in_history(source, choice, made, user_id=work.created_by_id, form_id=work.form_id)
    finish(work, Work.State.DONE, total=work.done)


def take_back(work: Work, pause: Pause) -> None:
    """Whoever goes on with this goes on with what is left."""
    new = work.campaign
    if new is None:
        return
    while True:
        with transaction.atomic():
            removed = remove_pixels(new, most=STEP)
            undo(work, done=max(0, work.done - removed))
        if not removed:
            break
        pause()
    with transaction.atomic():
        CampaignCounts.objects.filter(campaign=new).delete()
        new.delete()
        undo(work, campaign=None, done=0, result={})
