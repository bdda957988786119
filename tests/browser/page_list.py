"""Every page there is, by the name of its URL; which names show no page, and why."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch

from django.urls import URLPattern, URLResolver, get_resolver

CAMPAIGN = "/campaigns/{main}"
ADMIN = "/admin/campaigns/campaign"
IMPORT = f"{ADMIN}/{{ready}}/import"
PERSON = "/admin/campaigns/recipient/{person}"

PAGES: dict[str, tuple[str, ...]] = {
    "campaign_list": (
        "/campaigns/",
        "/campaigns/?status=silent",
        "/campaigns/?status=archived",
        "/campaigns/?q=nothing",
    ),
    "campaign_report": (
        f"{CAMPAIGN}/",
        f"{CAMPAIGN}/?by=day&opens=first&show=unopened&attribute=City",
        f"{CAMPAIGN}/?segment={{segment}}&show=opened",
        "/campaigns/{fallen}/",
        "/campaigns/{silent}/",
        "/campaigns/{empty}/",
        "/campaigns/{ready}/",
        "/campaigns/{long}/",
        "/campaigns/{rtl}/",
    ),
    "campaign_figures": (f"{CAMPAIGN}/figures/", "/campaigns/{empty}/figures/"),
    "campaign_snippets": (f"{CAMPAIGN}/snippets/", "/campaigns/{empty}/snippets/"),
    "campaign_check": (f"{CAMPAIGN}/check/",),
    "campaign_shares": (f"{CAMPAIGN}/shares/", "/campaigns/{ready}/shares/"),
    "campaign_segments": (
        f"{CAMPAIGN}/segments/",
        f"{CAMPAIGN}/segments/?who=unopened",
        "/campaigns/{empty}/segments/",
    ),
    "campaign_comparison": (
        "/campaigns/compare/?with={main}&with={fallen}&with={long}",
        "/campaigns/compare/",
    ),
    "recipient_opens": (
        f"{CAMPAIGN}/recipients/{{pixel}}/",
        f"{CAMPAIGN}/recipients/{{quiet}}/",
    ),
    "person": ("/recipients/{person}/", "/recipients/{erased}/"),
    "recipient_search": ("/recipients/", "/recipients/?q=reader", "/recipients/?q=nobody-at-all"),
    "saved_segments": ("/segments/",),
    "saved_segment_new": ("/segments/new/",),
    "saved_segment": ("/segments/{segment}/",),
    "saved_segment_edit": ("/segments/{segment}/edit/",),
    "rulings": ("/rulings/",),
    "work_list": ("/work/",),
    "work_rejudge": ("/work/rejudge/", "/work/rejudge/?campaign={main}"),
    "work_prepare": (f"{CAMPAIGN}/prepare/?what=snippets", f"{CAMPAIGN}/prepare/?what=report"),
    "work": tuple(f"/work/{{work_{one}}}/" for one in ("running", "judged", "made", "file")),
    "password_change": ("/accounts/password_change/",),
    "password_change_done": ("/accounts/password_change/done/",),
    "admin:index": ("/admin/",),
    "admin:campaigns_campaign_changelist": (f"{ADMIN}/", f"{ADMIN}/?q=nothing"),
    "admin:campaigns_campaign_add": (f"{ADMIN}/add/",),
    "admin:campaigns_campaign_change": (f"{ADMIN}/{{main}}/change/", f"{ADMIN}/{{long}}/change/"),
    "admin:campaigns_campaign_history": (f"{ADMIN}/{{ready}}/history/",),
    "admin:campaigns_campaign_import": (f"{IMPORT}/", f"{ADMIN}/{{empty}}/import/"),
    "admin:campaigns_campaign_import_show": tuple(
        f"{IMPORT}/{{import_{one}}}/" for one in ("columns", "running", "tried", "done", "failed")
    ),
    "admin:campaigns_recipient_changelist": (
        "/admin/campaigns/recipient/",
        "/admin/campaigns/recipient/?segment={segment}",
    ),
    "admin:campaigns_recipient_add": ("/admin/campaigns/recipient/add/",),
    "admin:campaigns_recipient_change": (
        f"{PERSON}/change/",
        "/admin/campaigns/recipient/{erased}/change/",
    ),
    "admin:campaigns_recipient_history": (f"{PERSON}/history/",),
    "admin:campaigns_recipient_export": (f"{PERSON}/export/",),
    "admin:campaigns_recipient_erase": (f"{PERSON}/erase/",),
    "admin:campaigns_suppressedaddress_changelist": ("/admin/campaigns/suppressedaddress/",),
    "admin:campaigns_suppressedaddress_add": ("/admin/campaigns/suppressedaddress/add/",),
    "admin:campaigns_suppressedaddress_change": (
        "/admin/campaigns/suppressedaddress/{suppressed}/change/",
    ),
    "admin:campaigns_suppressedaddress_delete": (
        "/admin/campaigns/suppressedaddress/{suppressed}/delete/",
    ),
    "admin:campaigns_correctedaddress_changelist": ("/admin/campaigns/correctedaddress/",),
    "admin:campaigns_correctedaddress_change": (
        "/admin/campaigns/correctedaddress/{corrected}/change/",
    ),
    "admin:campaigns_correctedaddress_delete": (
        "/admin/campaigns/correctedaddress/{corrected}/delete/",
    ),
    "admin:campaigns_auditentry_changelist": ("/admin/campaigns/auditentry/",),
    "admin:campaigns_auditentry_change": ("/admin/campaigns/auditentry/{entry}/change/",),
    "admin:tracker_pixel_changelist": ("/admin/tracker/pixel/",),
    "admin:tracker_pixel_change": ("/admin/tracker/pixel/{pixel}/change/",),
    "admin:tracker_open_changelist": ("/admin/tracker/open/", "/admin/tracker/open/?q=nobody"),
    "admin:tracker_open_change": ("/admin/tracker/open/{an_open}/change/",),
    "admin:auth_user_changelist": ("/admin/auth/user/",),
    "admin:auth_user_add": ("/admin/auth/user/add/",),
    "admin:auth_user_change": ("/admin/auth/user/{user}/change/",),
    "admin:auth_user_password_change": ("/admin/auth/user/{user}/password/",),
    "admin:auth_user_delete": ("/admin/auth/user/{user}/delete/",),
    "admin:auth_user_history": ("/admin/auth/user/{user}/history/",),
    "admin:auth_group_changelist": ("/admin/auth/group/",),
    "admin:auth_group_add": ("/admin/auth/group/add/",),
    "admin:auth_group_change": ("/admin/auth/group/{group}/change/",),
    "admin:auth_group_delete": ("/admin/auth/group/{group}/delete/",),
    "admin:axes_accessattempt_changelist": ("/admin/axes/accessattempt/",),
    "admin:axes_accessattempt_change": ("/admin/axes/accessattempt/{attempt}/change/",),
    "admin:axes_accessattempt_delete": ("/admin/axes/accessattempt/{attempt}/delete/",),
    "admin:axes_accesslog_changelist": ("/admin/axes/accesslog/",),
    "admin:axes_accesslog_change": ("/admin/axes/accesslog/{log_in}/change/",),
}

# Without an account.
PUBLIC: dict[str, tuple[str, ...]] = {
    "login": ("/accounts/login/",),
    "shared_report": ("/shared/{secret}/", "/shared/{locked}/", "/shared/nothing/"),
    "privacy": ("/privacy/{token}/", "/privacy/nothing/"),
}

# Patterns of names, and why there is nothing to look at.
NO_PAGE = {
    "pixel": "an image",
    "list_pixel": "an image",
    "healthz": "for machines",
    "readyz": "for machines",
    "metrics": "for machines",
    "*_csv": "a download",
    "segment_file": "a download",
    "work_file": "a download",
    "privacy_copy": "a download",
    "shared_report_file": "a download; its text is that of the shared report",
    "admin:campaigns_campaign_import_rejected": "a download",
    "campaign_live": "a part of the report",
    "campaign_pulse": "a part of the overview",
    "admin:campaigns_campaign_import_now": "a part of the page of an import",
    "work_now": "a part of the page of work",
    "saved_segment_preview": "a part of the segment's form",
    "campaign_mark_sent": "a form is sent there",
    "campaign_simulation_withdraw": "a form is sent there",
    "logout": "a form is sent there",
    "set_language": "a form is sent there",
    "ruling_delete": "a form is sent there",
    "ruling_take_back": "a form is sent there",
    "campaign_end_marks": "a form is sent there",
    "segment_resend": "a form is sent there",
    "saved_segment_campaign": "a form is sent there",
    "saved_segment_delete": "a form is sent there",
    "share_password": "a form is sent there",
    "share_revoke": "a form is sent there",
    "work_cancel": "a form is sent there",
    **{
        f"admin:campaigns_campaign_import_{one}": "a form is sent there"
        for one in ("again", "cancel", "confirm", "delete", "mend")
    },
    "admin:jsi18n": "words for scripts",
    "admin:autocomplete": "for scripts",
    "admin:view_on_site": "leads on",
    "admin:login": "leads on to the log-in",
    "admin:logout": "a form is sent there",
    "admin:app_list": "a part of the admin's first page",
    "admin:password_change*": "our own page does this",
    # Who may do what they lead to? Nobody.
    "admin:campaigns_campaign_delete": "forbidden",
    "admin:campaigns_recipient_delete": "forbidden",
    "admin:campaigns_auditentry_add": "forbidden",
    "admin:campaigns_auditentry_delete": "forbidden",
    "admin:campaigns_correctedaddress_add": "forbidden",
    "admin:tracker_*_add": "forbidden",
    "admin:tracker_*_delete": "forbidden",
    "admin:axes_*_add": "forbidden",
    "admin:axes_accesslog_delete": "forbidden",
    "admin:*_history": "made like the histories above, and no page leads there",
}


def all_names() -> set[str]:
    """Of every URL that has one."""
    return set(_names(get_resolver()))


def _names(resolver: URLResolver, space: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        if isinstance(one, URLPattern):
            if one.name:
                yield f"{space}{one.name}"
        else:
            yield from _names(one, f"{space}{one.namespace}:" if one.namespace else space)


def is_reasoned_away(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in NO_PAGE)
