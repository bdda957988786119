"""The time zones that a form offers, by continent and city; and pages on a zone's clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.http import HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy

UTC = "UTC"
# Zones elsewhere are old names of these, or fixed offsets: understood, and not offered.
CONTINENTS = {
    "Africa": gettext_lazy("Africa"),
    "America": gettext_lazy("America"),
    "Antarctica": gettext_lazy("Antarctica"),
    "Arctic": gettext_lazy("Arctic"),
    "Asia": gettext_lazy("Asia"),
    "Atlantic": gettext_lazy("Atlantic Ocean"),
    "Australia": gettext_lazy("Australia"),
    "Europe": gettext_lazy("Europe"),
    "Indian": gettext_lazy("Indian Ocean"),
    "Pacific": gettext_lazy("Pacific Ocean"),
}


@cache
def cities() -> dict[str, list[tuple[str, str]]]:
    """Of each continent its zones, with the city's name, so that typing it finds it."""
    found: dict[str, list[tuple[str, str]]] = {one: [] for one in CONTINENTS}
    for zone in sorted(available_timezones()):
        continent, _, city = zone.partition("/")
        if continent in found and city:
            found[continent].append((zone, city.replace("_", " ").replace("/", ", ")))
    return found


def on_clock_of(zone: tzinfo | None, page: Callable[[], HttpResponse]) -> HttpResponse:
    """The page with its times in that zone; none: in the installation's."""
    with timezone.override(zone):
        answer = page()
        if isinstance(answer, SimpleTemplateResponse):
            # It would be written later, on the installation's clock.
            answer.render()
        return answer


class TimeZoneSelect(forms.Select):
    """A list cannot be mistyped. What a campaign has already is offered too, whatever it is."""

    def optgroups(self, name: str, value: Any, attrs: dict[str, Any] | None = None) -> Any:
        offered = {zone for group in cities().values() for zone, _ in group}
        others = sorted({UTC, *filter(None, value)} - offered)
        self.choices = [
            *((zone, zone) for zone in others),
            *((title, cities()[continent]) for continent, title in CONTINENTS.items()),
        ]
        return super().optgroups(name, value, attrs)
