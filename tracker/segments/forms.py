"""What a person fills in: which recipients, and the campaign to make for them."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrPromise

from campaigns.models import Campaign
from tracker.language import translated
from tracker.models import Segment
from tracker.segments.choice import (
    LONGEST_WORDS,
    MOST_OPENS,
    Choice,
    ImpossibleChoiceError,
    Who,
)


def whos() -> list[tuple[str, str]]:
    """In the reader's language."""
    return [(who.value, translated(who.label)) for who in Who]


def moment_field(label: StrPromise) -> forms.DateTimeField:
    """On the clock that is in force, which is the campaign's."""
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget)


class ChoiceForm(forms.Form):
    """``choice`` is what a valid one says."""

    who = forms.ChoiceField(label=gettext_lazy("Who"), choices=whos, required=False)
    at_least = forms.IntegerField(
        label=gettext_lazy("Opens by people, at least"),
        required=False,
        min_value=1,
        max_value=MOST_OPENS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    opened_from = moment_field(gettext_lazy("First opened from"))
    opened_before = moment_field(gettext_lazy("First opened before"))
    words = forms.CharField(
        label=gettext_lazy("Address or name contains"),
        required=False,
        max_length=LONGEST_WORDS,
        widget=forms.TextInput(attrs={"type": "search"}),
    )

    segment = forms.ModelChoiceField(
        label=gettext_lazy("Saved segment"),
        queryset=Segment.objects.all(),
        required=False,
        empty_label="–",
    )

    choice: Choice

    @classmethod
    def showing(cls, choice: Choice) -> ChoiceForm:
        """Filled in, moments on the clock that is in force."""
        return cls(
            initial={
                "who": choice.who,
                "segment": choice.segment,
                "at_least": choice.at_least,
                "opened_from": choice.opened_from,
                "opened_before": choice.opened_before,
                "words": choice.words,
            }
        )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if not self.errors:
            try:
                self.choice = Choice(
                    Who(cleaned["who"] or Who.NOT_OPENED),
                    cleaned["at_least"],
                    cleaned["opened_from"],
                    cleaned["opened_before"],
                    cleaned["words"],
                    cleaned["segment"].pk if cleaned["segment"] else None,
                )
            except ImpossibleChoiceError as error:
                self.add_error(None, translated(error.sentence))
        return cleaned


class ResendForm(forms.ModelForm[Campaign]):
    """The new campaign's name and subject; ``form_id`` tells one form from the next."""

    form_id = forms.RegexField(
        re.compile(r"[0-9a-f]{32}\Z"),
        widget=forms.HiddenInput,
        initial=lambda: secrets.token_hex(16),
    )

    class Meta:
        model = Campaign
        fields = ["name", "subject"]
