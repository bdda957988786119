"""What a person fills in to share a report, and what a reader is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext, gettext_lazy

from tracker.reports.clock import next_start

LEAST_PASSWORD = 8
LONGEST = timedelta(days=366)
DAYS = {"7": timedelta(days=7), "30": timedelta(days=30), "90": timedelta(days=90)}
UNTIL_A_DATE = "date"
EXPIRIES = (
    ("7", gettext_lazy("7 days")),
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    (UNTIL_A_DATE, gettext_lazy("until the end of the day below")),
)


def password_field(**options: Any) -> forms.CharField:
    return forms.CharField(
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        **options,
    )


class ShareForm(forms.Form):
    """``expires_at`` is what the choice or the date means on the campaign's clock."""

    label = forms.CharField(
        label=gettext_lazy("For whom"),
        max_length=80,
        help_text=gettext_lazy("Only you and your colleagues see it, in the list below."),
    )
    expiry = forms.ChoiceField(label=gettext_lazy("Works for"), choices=EXPIRIES, initial="30")
    until = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("Only if you chose a day."),
    )
    password = password_field(
        label=gettext_lazy("Password"),
        required=False,
        min_length=LEAST_PASSWORD,
        help_text=(
            gettext_lazy(
                "May stay empty: then the link alone is enough. Tell it by another way than the "
                "link."
            )
        ),
    )

    def __init__(self, zone: ZoneInfo, at: datetime, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone, self._at = zone, at

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        expiry, until = cleaned.get("expiry"), cleaned.get("until")
        if expiry in DAYS:
            cleaned["expires_at"] = self._at + DAYS[expiry]
        elif expiry == UNTIL_A_DATE and "until" not in self.errors:
            self._until(until)
        return cleaned

    def _until(self, until: date | None) -> None:
        today = self._at.astimezone(self._zone).date()
        if until is None:
            self.add_error("until", gettext("Name the last day on which the link is to work."))
        elif until < today:
            self.add_error("until", gettext("This day is over: name today or a later one."))
        elif until > today + LONGEST:
            self.add_error(
                "until", gettext("A link works for a year at most: name an earlier day.")
            )
        else:
            noon = datetime(until.year, until.month, until.day, 12, tzinfo=self._zone)
            self.cleaned_data["expires_at"] = next_start(noon, "day", self._zone).astimezone(UTC)


class NewPasswordForm(forms.Form):
    password = password_field(
        label=gettext_lazy("New password"),
        required=False,
        min_length=LEAST_PASSWORD,
        help_text=gettext_lazy("Empty: no password any more."),
    )


class ReaderForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
