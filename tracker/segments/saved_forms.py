"""What a person fills in for a saved segment: its name, and a row for each condition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy

from campaigns.attributes import names_offered
from campaigns.models import Campaign
from tracker.breakdowns.providers import LABELS, key_of_label
from tracker.language import translated
from tracker.models import Segment
from tracker.segments.choice import MOST_OPENS
from tracker.segments.conditions import MOST_CONDITIONS, SEPARATOR, Condition
from tracker.segments.how import ALLOWED, DAY, GROUPS, NUMBER, WITHOUT_VALUE, How, Kind

NEWEST_CAMPAIGNS = 50
LONGEST_VALUE = 1_000
LONGEST_NAME = 120
Choices = list[tuple[str, Any]]


class SegmentForm(forms.ModelForm[Segment]):
    class Meta:
        model = Segment
        fields = ["name", "campaign", "joined_by"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["campaign"]
        field.empty_label = gettext("everybody")
        chosen = self.data.get("campaign") or self.instance.campaign_id
        field.queryset = campaigns_offered({str(chosen)})


def campaigns_offered(also: set[str]) -> Any:
    """The newest, and those that are chosen already."""
    newest = list(Campaign.objects.values_list("pk", flat=True)[:NEWEST_CAMPAIGNS])
    chosen = {int(one) for one in also if one.isascii() and one.isdecimal() and len(one) < 19}
    return Campaign.objects.filter(pk__in={*newest, *chosen})


class ConditionForm(forms.Form):
    """One row; ``condition`` is what a valid one says, none if nothing is chosen."""

    what = forms.ChoiceField(label=gettext_lazy("What"), required=False)
    how = forms.ChoiceField(label=gettext_lazy("How"), required=False)
    value = forms.CharField(label=gettext_lazy("Value"), required=False, max_length=LONGEST_VALUE)

    def __init__(self, *args: Any, whats: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = whats  # type: ignore[attr-defined]
        self.fields["how"].choices = [  # type: ignore[attr-defined]
            (label, [(how.value, how.label) for how in hows]) for label, hows in GROUPS
        ]
        self.fields["value"].widget.attrs = {"list": f"{self.prefix}-values", "autocomplete": "off"}
        self.condition: Condition | None = None

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if not self.errors and cleaned["what"]:
            kind, _, name = cleaned["what"].partition(":")
            condition = Condition(
                Kind(kind), How(cleaned["how"] or How.IS), name, cleaned["value"].strip()
            )
            self.condition = checked(condition)
        return cleaned


def checked(condition: Condition) -> Condition:
    """As it is stored; raises ValidationError with what to do instead."""
    if condition.how not in ALLOWED[condition.kind]:
        raise ValidationError(
            gettext("“%(what)s” cannot be asked that way: choose another word in the middle.")
            % {"what": condition.kind.label}
        )
    if condition.how in WITHOUT_VALUE:
        return Condition(condition.kind, condition.how, condition.name)
    if not (condition.values if condition.how is How.ONE_OF else condition.value):
        raise ValidationError(gettext("Write a value."))
    return Condition(condition.kind, condition.how, condition.name, _value(condition))


def _value(condition: Condition) -> str:
    value = condition.value
    if condition.kind is Kind.PROVIDER:
        asked = condition.values if condition.how is How.ONE_OF else [value]
        return SEPARATOR.join(_provider(one) for one in asked)
    if condition.how in NUMBER:
        return _number(value)
    if condition.how in DAY:
        return _day(value)
    if condition.how is How.TIMES:
        if not (value.isascii() and value.isdecimal() and 0 < int(value[:10]) <= MOST_OPENS):
            raise ValidationError(gettext("Write a whole number from 1."))
        return str(int(value[:10]))
    return value


def _provider(text: str) -> str:
    # Offered in the reader's language.
    key = key_of_label(text) or next(
        (key for key, label in LABELS.items() if translated(label).casefold() == text.casefold()),
        None,
    )
    if key is None:
        raise ValidationError(
            gettext("“%(text)s” is no provider that is known here: try %(some)s, or the domain.")
            % {"text": text, "some": ", ".join(list(LABELS.values())[:4])}
        )
    return key


def _number(text: str) -> str:
    whole, point, rest = text.removeprefix("-").partition(".")
    is_number = whole.isascii() and whole.isdecimal() and len(whole) <= 15
    if not is_number or (point and not (rest.isascii() and rest.isdecimal() and len(rest) <= 15)):
        raise ValidationError(gettext("Write a number such as 12 or 12.5."))
    return text


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValidationError(gettext("Write a day as 2026-03-31.")) from None


class ConditionRows(forms.BaseFormSet[ConditionForm]):
    """``conditions`` are those of the rows in which something was chosen."""

    @property
    def conditions(self) -> list[Condition]:
        return [form.condition for form in self.forms if form.condition]


RowsFormSet = forms.formset_factory(
    ConditionForm,
    formset=ConditionRows,
    extra=0,
    max_num=MOST_CONDITIONS,
    absolute_max=MOST_CONDITIONS,
    validate_max=True,
)


def condition_rows(
    data: Any = None, conditions: Sequence[Condition] = (), *, rows: int = 1
) -> ConditionRows:
    """Filled in from the form or with these conditions; at least so many rows."""
    used = _used(data, conditions)
    kwargs: dict[str, Any] = {"form_kwargs": {"whats": whats(used)}, "prefix": "conditions"}
    if data is not None:
        return cast(ConditionRows, RowsFormSet(data, **kwargs))
    initial: list[dict[str, str]] = [
        {"what": one.what, "how": one.how.value, "value": shown_value(one)} for one in conditions
    ]
    initial += [{}] * (rows - len(initial))
    return cast(ConditionRows, RowsFormSet(initial=initial, **kwargs))


def shown_value(condition: Condition) -> str:
    """As a person writes it."""
    if condition.kind is Kind.PROVIDER:
        keys = condition.values if condition.how is How.ONE_OF else [condition.value]
        return f"{SEPARATOR} ".join(translated(LABELS.get(key, key)) for key in keys)
    return condition.value


def whats(used: set[str]) -> Choices:
    """All that a condition may be about; what is used already is among it, however old."""
    names = {what.partition(":")[2] for what in used if what.startswith("attribute:")}
    known = {name for name in names if "\x00" not in name and 0 < len(name) <= LONGEST_NAME}
    attributes = sorted({*names_offered(), *known}, key=str.casefold)
    numbers = {what.partition(":")[2] for what in used if what.startswith("campaign:")}
    campaigns = campaigns_offered(numbers)
    groups: Choices = [("", "–")]
    if attributes:
        shown = [(f"{Kind.ATTRIBUTE}:{name}", name) for name in attributes]
        groups.append((gettext("Attributes"), shown))
    groups.append(
        (
            gettext("Address"),
            [(kind.value, kind.label) for kind in (Kind.DOMAIN, Kind.PROVIDER)],
        )
    )
    if some := [(f"{Kind.CAMPAIGN}:{one.pk}", one.name) for one in campaigns]:
        groups.append((gettext("Campaigns"), some))
    return groups


def _used(data: Any, conditions: Sequence[Condition]) -> set[str]:
    if data is None:
        return {one.what for one in conditions}
    return {data.get(f"conditions-{place}-what", "") for place in range(MOST_CONDITIONS)}
