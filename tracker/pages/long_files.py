"""Which long file a page asks for, and what it is called when it is saved."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from tracker.models import Work
from tracker.segments import files as segment_files
from tracker.segments.choice import Choice
from tracker.segments.forms import ChoiceForm
from tracker.segments.members import EVERYBODY
from tracker.snippet_files import FORMATS, PLAIN
from tracker.work import writing

SNIPPETS, REPORT, SEGMENT = "snippets", "report", "segment"


def is_long(recipients: int) -> bool:
    return recipients > writing.AT_ONCE


@dataclass(frozen=True, slots=True)
class AskedFile:
    """``what`` it is of, in which ``form``, and of a segment whom it is about."""

    campaign: Campaign
    what: str
    form: str
    choice: Choice = EVERYBODY

    @classmethod
    def of(cls, campaign: Campaign, asked: QueryDict) -> AskedFile | None:
        """None if there is no such file."""
        what, form = asked.get("what", ""), asked.get("format", PLAIN.name)
        if what == SNIPPETS and form in FORMATS:
            return cls(campaign, what, form)
        if what == REPORT and form == "csv":
            return cls(campaign, what, form)
        if what == SEGMENT and form in segment_files.FORMATS:
            chosen = ChoiceForm(asked)
            with timezone.override(campaign.zone):
                if chosen.is_valid():
                    return cls(campaign, what, form, chosen.choice)
        return None

    @property
    def kind(self) -> str:
        return Work.Kind.SNIPPETS if self.what == SNIPPETS else Work.Kind.PEOPLE

    @property
    def fields(self) -> dict[str, str]:
        """What a form repeats."""
        chosen = self.choice.as_json() if self.what == SEGMENT else {}
        return {"what": self.what, "format": self.form, **chosen}

    @property
    def at_once(self) -> str:
        """Where it is sent while it is made."""
        number = self.campaign.pk
        if self.what == SNIPPETS:
            return f"{reverse('campaign_snippets_csv', args=[number])}?format={self.form}"
        if self.what == REPORT:
            return reverse("campaign_report_csv", args=[number])
        return f"{reverse('segment_file', args=[number, self.form])}?{self.choice.query()}"

    def wanted(self, form_id: str, by: int | None) -> Work:
        if self.what == SNIPPETS:
            return writing.want_snippets(self.campaign, self.form, by=by, form_id=form_id)
        return writing.want_people(self.campaign, self.form, self.choice, by=by, form_id=form_id)


def named(work: Work, campaign: Campaign) -> tuple[str, str, str]:
    """Title, extension and kind of content."""
    name = work.parameters["form"]
    if work.kind == Work.Kind.SNIPPETS:
        form = FORMATS[name]
        kind = "" if form is PLAIN else f" {form.name}"
        return f"snippets {campaign.pk} {campaign}{kind}", form.extension, form.content_type
    # As it was asked for then: what may be asked for now is another question.
    choice = work.parameters["choice"]
    title = f"segment {campaign.pk} {campaign} {choice['who']}"
    if choice == EVERYBODY.as_json():
        title = f"report {campaign.pk} {campaign}"
    return title, name, segment_files.FORMATS[name]
