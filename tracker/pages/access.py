"""Who may see a page, and what a page offers to whoever reads it."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest

may_read = permission_required("tracker.view_report", raise_exception=True)
may_manage = permission_required("campaigns.change_campaign", raise_exception=True)


def abilities(request: HttpRequest) -> dict[str, bool]:
    """What the page offers; managing leads through the admin, which is for staff."""
    user = request.user
    return {"may_manage": user.is_staff and user.has_perm("campaigns.change_campaign")}
