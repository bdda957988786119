"""Which work there is, how each kind is done, and who may see and start it."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin

from tracker.judging import long_walk
from tracker.models import Work
from tracker.segments import making
from tracker.work import writing
from tracker.work.run import Doing

DOINGS: dict[str, Doing] = {
    Work.Kind.REJUDGE: Doing(long_walk.walk),
    Work.Kind.CAMPAIGN: Doing(making.make, making.take_back),
    Work.Kind.SNIPPETS: Doing(writing.write, writing.take_back),
    Work.Kind.PEOPLE: Doing(writing.write, writing.take_back),
}
PERMISSIONS: dict[str, Sequence[str]] = {
    Work.Kind.REJUDGE: ("tracker.view_report", "tracker.rejudge"),
    Work.Kind.CAMPAIGN: ("campaigns.change_campaign", "campaigns.add_campaign"),
    Work.Kind.SNIPPETS: ("campaigns.change_campaign",),
    Work.Kind.PEOPLE: ("tracker.view_report",),
}


def kinds_for(user: AbstractBaseUser | AnonymousUser) -> list[str]:
    assert isinstance(user, PermissionsMixin | AnonymousUser)
    return [kind for kind, needed in PERMISSIONS.items() if user.has_perms(needed)]
