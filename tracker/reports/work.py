"""The list of long work: what runs and ran, imports beside the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext

from campaigns.models import Campaign, Import
from tracker.models import Work
from tracker.work.progress import WorkProgress

SHOWN = 50


@dataclass(frozen=True, slots=True)
class WorkRow:
    """``percent`` is none unless it runs and is known."""

    what: str
    url: str
    campaign: Campaign | None
    by: str
    at: datetime
    state: str
    percent: int | None
    is_over: bool
    is_done: bool


def work_rows(kinds: Sequence[str], *, with_imports: bool) -> list[WorkRow]:
    """What is not over yet, then the rest; the newest first."""
    found = Work.objects.filter(kind__in=kinds).select_related("campaign", "created_by")
    rows = [_of_work(work) for work in found.order_by("-pk")[:SHOWN]]
    if with_imports:
        imports = Import.objects.exclude(state=Import.State.UPLOADED)
        some = imports.select_related("campaign", "created_by").order_by("-pk")[:SHOWN]
        rows += [_of_import(one) for one in some]
    rows.sort(key=lambda row: (not row.is_over, row.at), reverse=True)
    return rows[:SHOWN]


def _of_work(work: Work) -> WorkRow:
    is_trial = work.parameters.get("is_trial")
    what = gettext("trying to judge again") if is_trial else work.get_kind_display()
    return WorkRow(
        str(what),
        work.get_absolute_url(),
        work.campaign,
        str(work.created_by or ""),
        work.created_at,
        str(work.get_state_display()),
        None if work.is_over else WorkProgress.of(work).percent,
        work.is_over,
        work.state == Work.State.DONE,
    )


def _of_import(one: Import) -> WorkRow:
    share = min(1.0, one.bytes_read / one.size) if one.size else None
    return WorkRow(
        gettext("import of “%(file)s”") % {"file": one.file_name[:60]},
        reverse("admin:campaigns_campaign_import_show", args=[one.campaign_id, one.pk]),
        one.campaign,
        str(one.created_by or ""),
        one.created_at,
        str(one.get_state_display()),
        None if one.is_over or share is None else int(share * 100),
        one.is_over,
        one.state == Import.State.DONE,
    )
