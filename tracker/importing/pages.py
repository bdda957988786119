"""An import in the browser: upload, confirm the columns, watch it, read what became of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from campaigns.audit import Action, Source, record
from campaigns.imports import ending, start
from campaigns.imports.choice import Asked
from campaigns.imports.columns import Columns, attribute_names
from campaigns.imports.errors import LostLeaseError, UnreadableFileError
from campaigns.imports.files import place
from campaigns.imports.lease import is_worked_on
from campaigns.imports.reasons import as_kept
from campaigns.imports.records import Reading
from campaigns.imports.run import FILE_IS_GONE
from campaigns.models import Campaign, Import, RejectedLine, TypingSlip
from campaigns.remains import clear_remains
from campaigns.time_zones import on_clock_of
from tracker.downloads import csv_download
from tracker.importing import tasks
from tracker.importing.now import work_on
from tracker.importing.progress import Progress
from tracker.importing.rejected import rejected_rows
from tracker.importing.said import notes_of, shown
from tracker.importing.slips import groups_of, mend
from tracker.language import count

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

MEGABYTE = 1 << 20
# Shorter lists are done before the person could look at a progress bar.
AT_ONCE = 256 << 10
REFRESHED_EVERY = 2  # seconds
SHOWN_REJECTED = 100
SHOWN_IMPORTS = 50
EMAIL, NAME, ATTRIBUTE, NOTHING = "email", "name", "attribute", "nothing"

Page = Callable[..., HttpResponseBase]


class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"), widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"})
    )
    no_header = forms.BooleanField(
        label=gettext_lazy("The first line is a recipient, not a header"), required=False
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.IMPORT_MOST_MB * MEGABYTE:
            raise forms.ValidationError(
                gettext(
                    "The file is larger than %(most)s MB. Split it, or ask whoever runs this "
                    "server to raise IMPORT_MOST_MB."
                )
                % {"most": count(settings.IMPORT_MOST_MB)}
            )
        return file


class ImportPages:
    """For people who may change a campaign and add recipients."""

    def __init__(self, admin: ModelAdmin[Campaign]) -> None:
        self._admin = admin

    def urls(self) -> list[URLPattern]:
        one = "<int:campaign_id>/import/<int:import_id>/"
        return [
            self._page("<int:campaign_id>/import/", self.upload, "import"),
            self._page(one, self.show, "import_show"),
            self._page(f"{one}now/", require_safe(self.now), "import_now"),
            self._page(f"{one}confirm/", require_POST(self.confirm), "import_confirm"),
            self._page(f"{one}again/", require_POST(self.again), "import_again"),
            self._page(f"{one}cancel/", require_POST(self.cancel), "import_cancel"),
            self._page(f"{one}mend/", require_POST(self.mend), "import_mend"),
            self._page(f"{one}delete-lines/", require_POST(self.delete_lines), "import_delete"),
            self._page(f"{one}rejected.csv", require_safe(self.rejected), "import_rejected"),
        ]

    def _page(self, route: str, view: Page, name: str) -> URLPattern:
        @wraps(view)
        def allowed(request: HttpRequest, campaign_id: int, **given: int) -> HttpResponseBase:
            campaign = get_object_or_404(Campaign, pk=campaign_id)
            if not self._admin.has_change_permission(request, campaign) or not (
                request.user.has_perm("campaigns.add_recipient")
            ):
                raise PermissionDenied
            if "import_id" in given:
                one = get_object_or_404(Import, pk=given["import_id"], campaign=campaign)
                return view(request, one)
            return view(request, campaign)

        view_in_admin: Any = self._admin.admin_site.admin_view(allowed)
        page: URLPattern = path(route, view_in_admin, name=f"campaigns_campaign_{name}")
        return page

    def upload(self, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            asked = Asked(reading=Reading(has_header=not form.cleaned_data["no_header"]))
            try:
                one = start.upload(
                    campaign,
                    file.file,
                    file.name,
                    by=request.user,  # type: ignore[arg-type]  # the admin lets in accounts only
                    asked=asked,
                )
            except UnreadableFileError as error:
                form.add_error("file", nothing_stored(shown(as_kept(error.reason), error.reason)))
            except OSError as error:
                why = gettext("The server cannot keep the file (%(error)s).")
                form.add_error("file", nothing_stored(why % {"error": error.strerror}))
            else:
                return HttpResponseRedirect(page_of(one))
        imports = campaign.imports.select_related("created_by")[:SHOWN_IMPORTS]
        return self._answer(
            request, campaign, "import_recipients", {"form": form, "imports": imports}
        )

    def show(self, request: HttpRequest, one: Import) -> HttpResponse:
        if one.state == Import.State.UPLOADED:
            return self._columns(request, one, Columns.of_json(one.columns or {}), "")
        if not one.is_over:
            return self._progress(request, one)
        return self._result(request, one)

    def _columns(
        self, request: HttpRequest, one: Import, columns: Columns, error: str
    ) -> HttpResponse:
        try:
            rows = start.preview(one)
        except (OSError, UnreadableFileError):
            ending.end(one, FILE_IS_GONE)
            return HttpResponseRedirect(page_of(one))
        heads = [
            {"place": at, "header": header, "role": role_of(at, columns)}
            for at, header in enumerate(attribute_names(one.header))
        ]
        context = {"one": one, "heads": heads, "rows": rows, "error": error, "notes": notes_of(one)}
        return self._answer(request, one.campaign, "import_columns", context)

    def now(self, request: HttpRequest, one: Import) -> HttpResponse:
        """The part of the page that moves; when it is over, the browser asks for all of it."""
        answer = self._progress(request, one, "_import_now")
        answer["Cache-Control"] = "no-store"
        if one.is_over:
            answer["HX-Refresh"] = "true"
        return answer

    def _progress(
        self, request: HttpRequest, one: Import, template: str = "import_progress"
    ) -> HttpResponse:
        context = {
            "one": one,
            "progress": Progress.of(one),
            "refreshed_every": REFRESHED_EVERY,
            "is_elsewhere": one.place != place(),
            "is_worked_on": is_worked_on(one.pk),
        }
        return self._answer(request, one.campaign, template, context)

    def _result(self, request: HttpRequest, one: Import) -> HttpResponse:
        rejected = RejectedLine.objects.filter(of_import=one).order_by("line")
        kept = rejected.count()
        slip_groups = groups_of(one) if one.state == Import.State.DONE else []
        context = {
            "one": one,
            "progress": Progress.of(one),
            "rejections": [
                (
                    line.line,
                    shown(line.reason_kept, line.reason),
                    " | ".join(filter(None, line.cells)),
                )
                for line in rejected[:SHOWN_REJECTED]
            ],
            "kept": kept,
            "error": shown(one.error_kept, one.error),
            "notes": notes_of(one),
            "real": Import.objects.filter(trial=one).first(),
            "more_rejections": max(0, kept - SHOWN_REJECTED),
            "slip_groups": slip_groups,
            "has_open_slips": any(group.is_open for group in slip_groups),
        }
        return self._answer(request, one.campaign, "import_result", context)

    def confirm(self, request: HttpRequest, one: Import) -> HttpResponse:
        if one.state != Import.State.UPLOADED:
            return HttpResponseRedirect(page_of(one))
        columns = chosen_columns(request, one)
        if columns.email < 0:
            return self._columns(
                request, one, columns, gettext("Choose exactly one column with the addresses.")
            )
        return self._start(request, one, columns, is_dry_run="dry_run" in request.POST)

    def again(self, request: HttpRequest, trial: Import) -> HttpResponse:
        """What was tried is done, or its columns are looked at once more."""
        one = start.again(trial, by=request.user)
        if one is None:
            real = Import.objects.filter(trial=trial).first()
            if real is None:
                messages.warning(
                    request, gettext("The file is gone from the server. Upload it again.")
                )
            return HttpResponseRedirect(page_of(real or trial))
        if "columns" in request.POST:
            return HttpResponseRedirect(page_of(one))
        return self._start(request, one, Columns.of_json(one.columns or {}), is_dry_run=False)

    def _start(
        self, request: HttpRequest, one: Import, columns: Columns, *, is_dry_run: bool
    ) -> HttpResponse:
        with transaction.atomic():
            is_confirmed = start.confirm(one, columns, is_dry_run=is_dry_run)
            is_here = one.place == place()
            if is_confirmed and (one.size > AT_ONCE or not is_here):
                tasks.enqueue(one)
            if not is_dry_run:
                self._admin.log_change(
                    request, one.campaign, f"Import of “{one.file_name}” was started."
                )
        if one.size <= AT_ONCE and is_here:
            # If others have it or the database is away, its page says how it stands.
            with suppress(LostLeaseError, OperationalError):
                work_on(one.pk)
        return HttpResponseRedirect(page_of(one))

    def cancel(self, request: HttpRequest, one: Import) -> HttpResponse:
        if one.is_over:
            messages.info(request, gettext("This import was over already."))
        elif ending.cancel(one):
            messages.success(request, gettext("The import is cancelled. Nothing was stored."))
        else:
            messages.warning(
                request,
                gettext("The recipients are being stored: it is too late to cancel this import."),
            )
        return HttpResponseRedirect(page_of(one))

    def mend(self, request: HttpRequest, one: Import) -> HttpResponse:
        mended = mend(one, request.POST.getlist("slip")) if not one.is_dry_run else None
        if mended and mended.changed:
            record(
                Action.SLIPS_CORRECTED,
                one.campaign,
                request.user,
                source=Source.ADMIN,
                addresses=mended.changed,
                left=mended.left,
            )
            text = gettext("Addresses corrected: %(number)s.")
            messages.success(request, text % {"number": count(mended.changed)})
        if mended and mended.before:
            text = gettext("Corrected already: %(number)s.")
            messages.info(request, text % {"number": count(mended.before)})
        if mended and mended.left:
            messages.warning(
                request,
                gettext(
                    "Left as they are, because mail went there already or must not: %(number)s."
                )
                % {"number": count(mended.left)},
            )
        return HttpResponseRedirect(page_of(one))

    def delete_lines(self, request: HttpRequest, one: Import) -> HttpResponse:
        RejectedLine.objects.filter(of_import=one).delete()
        TypingSlip.objects.filter(of_import=one).delete()
        clear_remains([RejectedLine, TypingSlip])
        messages.success(request, gettext("The rejected lines of this import are deleted."))
        return HttpResponseRedirect(page_of(one))

    def rejected(self, request: HttpRequest, one: Import) -> HttpResponseBase:
        return csv_download(request, rejected_rows(one), f"rejected {one.file_name}")

    def _answer(
        self, request: HttpRequest, campaign: Campaign, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        given = {
            **self._admin.admin_site.each_context(request),
            "title": gettext("Import recipients"),
            "subtitle": campaign.name,
            "opts": self._admin.opts,
            "campaign": campaign,
            **context,
        }
        page = TemplateResponse(request, f"admin/campaigns/campaign/{template}.html", given)
        return on_clock_of(campaign.zone, lambda: page)


def nothing_stored(why: str) -> str:
    return gettext("%(why)s Nothing was stored.") % {"why": why}


def page_of(one: Import) -> str:
    return reverse("admin:campaigns_campaign_import_show", args=[one.campaign_id, one.pk])


def role_of(at: int, columns: Columns) -> str:
    if at == columns.email:
        return EMAIL
    if at in columns.names:
        return NAME
    return ATTRIBUTE if at in columns.attributes else NOTHING


def chosen_columns(request: HttpRequest, one: Import) -> Columns:
    """What the form says; ``email`` is -1 unless exactly one column is chosen for it."""
    found = Columns.of_json(one.columns or {})
    roles = [request.POST.get(f"column-{at}", NOTHING) for at in range(len(one.header))]
    names = attribute_names(one.header)
    email = roles.index(EMAIL) if roles.count(EMAIL) == 1 else -1
    return Columns(
        email,
        tuple(at for at, role in enumerate(roles) if role == NAME),
        {at: names[at] for at, role in enumerate(roles) if role == ATTRIBUTE and names[at]},
        is_mended=found.is_mended,
        reading=found.reading,
    )
