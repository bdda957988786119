"""A report for whoever has its link: no log-in, no addresses, nothing about fewer than five.

For printing there is no page of its own: the print styles make one sheet of the page itself, so
there is one address to protect and one rule of what is hidden. To keep and to print without the
link, the same page can be taken as one file that needs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from tracker.downloads import csv_download, file_name
from tracker.models import SharedReport
from tracker.sharing.forms import ReaderForm
from tracker.sharing.links import count_view, find
from tracker.sharing.passwords import Answer, has_given, remember, try_password
from tracker.sharing.report import shared_figures_of
from tracker.sharing.rows import shared_rows

STYLES = ("frame", "pages", "head", "fields", "answer", "tables", "share", "small", "print")
HEADERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
# Under "no-referrer" browsers send the form with "Origin: null", which the protection against
# forged forms has to refuse. This policy, too, tells no other site anything.
FORM_REFERRER = "same-origin"

Page = Callable[[HttpRequest, SharedReport, str], HttpResponseBase]
View = Callable[[HttpRequest, str], HttpResponseBase]


def for_readers(page: Page) -> View:
    """Finds the link. Unknown, expired and revoked ones are not told apart to strangers."""

    @login_not_required
    @wraps(page)
    def view(request: HttpRequest, secret: str) -> HttpResponseBase:
        shared = find(secret, at=timezone.now())
        if shared is None:
            response: HttpResponseBase = render(request, "tracker/shared_gone.html", status=404)
        else:
            with timezone.override(shared.campaign.zone):
                response = page(request, shared, secret)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return view


def is_open_to(request: HttpRequest, shared: SharedReport) -> bool:
    return not shared.password or has_given(request, shared)


@require_http_methods(["GET", "HEAD", "POST"])
@for_readers
def shared_report(request: HttpRequest, shared: SharedReport, secret: str) -> HttpResponseBase:
    if shared.password and request.method == "POST":
        return _password_given(request, shared)
    if not is_open_to(request, shared):
        return _password_page(request, ReaderForm())
    now = timezone.now()
    count_view(shared, at=now)
    context = {
        "figures": shared_figures_of(shared.campaign, at=now),
        "shared": shared,
        "secret": secret,
    }
    return render(request, "tracker/shared_report.html", context)


def _password_given(request: HttpRequest, shared: SharedReport) -> HttpResponse:
    form = ReaderForm(request.POST)
    if not form.is_valid():
        return _password_page(request, form)
    answer = try_password(
        shared,
        form.cleaned_data["password"],
        request.META.get("REMOTE_ADDR"),
        at=timezone.now(),
    )
    if answer is Answer.RIGHT:
        response = HttpResponseRedirect(request.path)
        remember(response, request, shared)
        return response
    if answer is Answer.TOO_MANY:
        form.add_error(
            None, gettext("Too many wrong passwords. Wait a quarter of an hour and try again.")
        )
        return _password_page(request, form, status=429)
    form.add_error("password", gettext("This is not the password."))
    return _password_page(request, form)


def _password_page(request: HttpRequest, form: ReaderForm, *, status: int = 200) -> HttpResponse:
    response = render(request, "tracker/shared_password.html", {"form": form}, status=status)
    response.headers["Referrer-Policy"] = FORM_REFERRER
    return response


@require_safe
@for_readers
def shared_report_csv(request: HttpRequest, shared: SharedReport, secret: str) -> HttpResponseBase:
    if not is_open_to(request, shared):
        return redirect("shared_report", secret)
    figures = shared_figures_of(shared.campaign, at=timezone.now())
    return csv_download(request, shared_rows(figures), f"report {figures.name}")


@require_safe
@for_readers
def shared_report_file(request: HttpRequest, shared: SharedReport, secret: str) -> HttpResponseBase:
    """The page as one file, its styles in it: to keep, to send, to print."""
    if not is_open_to(request, shared):
        return redirect("shared_report", secret)
    figures = shared_figures_of(shared.campaign, at=timezone.now())
    context = {"figures": figures, "shared": shared, "styles": _styles()}
    response = HttpResponse(render_to_string("tracker/shared_report.html", context))
    name = file_name(f"report {figures.name}")
    response["Content-Disposition"] = f'attachment; filename="{name}.html"'
    return response


def _styles() -> SafeString:
    paths = [finders.find(f"glimpse/{name}.css") for name in STYLES]
    text = "".join(Path(str(path)).read_text(encoding="utf-8") for path in paths if path)
    return mark_safe(text)  # noqa: S308  # the product's own style sheets
