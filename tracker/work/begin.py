"""A piece of work is wanted, or wanted no longer."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from campaigns.imports.files import place
from campaigns.models import Campaign
from tracker.models import Work
from tracker.work.lease import claimed, finish


def begin(
    kind: Work.Kind,
    *,
    form_id: str,
    campaign: Campaign | None = None,
    by: int | None = None,
    total: int = 0,
    **parameters: Any,
) -> tuple[Work, bool]:
    """And whether it is new: a form that is sent twice, even at once, asks for one work."""
    return Work.objects.get_or_create(
        form_id=form_id,
        defaults={
            "kind": kind,
            "campaign": campaign,
            "created_by_id": by,
            "place": place(),
            "total": total,
            "parameters": parameters,
        },
    )


def cancel(work: Work) -> bool:
    """Whether it will end early; who works on it notices with the next step."""
    with transaction.atomic():
        if not Work.objects.unfinished().filter(pk=work.pk).update(is_cancel_requested=True):
            return False
    if work.kind == Work.Kind.REJUDGE:
        # There is nothing to take back, so nobody has to come for that.
        with claimed(work.pk) as mine:
            if mine is not None:
                finish(mine, Work.State.CANCELLED)
    return True
