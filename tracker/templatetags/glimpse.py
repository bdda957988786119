"""How the pages and the commands write figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from tracker.language import count, decimal, translated
from tracker.models import Pixel

register = template.Library()

NONE = "–"
UNIT = "\u202f%"  # with a narrow space that no line breaks at

register.filter("translated", translated)


@register.filter
def percent(fraction: float | None) -> str:
    """One decimal; what is not nothing, or not everything, never looks as if it were."""
    if fraction is None:
        return NONE
    if 0 < fraction < 0.0005:
        return f"<\u202f{decimal(0.1)}{UNIT}"
    share = round(100 * fraction, 1)
    if share == 100 and fraction != 1:
        share = 99.9 if fraction < 1 else 100.1
    return f"{decimal(share)}{UNIT}"


@register.filter
def whole_percent(fraction: float) -> str:
    """For the end of a scale, which is round."""
    return f"{decimal(100 * fraction, 0)}{UNIT}"


@register.filter
def decimal1(number: float | None) -> str:
    return NONE if number is None else decimal(number)


@register.filter
def signed_points(points: float | None) -> str:
    """A difference between rates in percentage points, always with its sign."""
    if points is None:
        return NONE
    size = decimal(abs(points))
    sign = "" if float(f"{points:.1f}") == 0 else "−" if points < 0 else "+"
    return _("%(points)s points") % {"points": f"{sign}{size}"}


@register.filter
def along(fraction: float | None) -> str:
    """The place of a fraction on a scale from 0 to 100, never beyond its end.

    Geometry: written with a point in every language.
    """
    return f"{100 * min(fraction or 0, 1):.2f}"


class Frame(Protocol):
    """The geometry of a chart: what is between left and right is as wide as the page has room."""

    @property
    def left(self) -> float: ...
    @property
    def right(self) -> float: ...
    @property
    def height(self) -> float: ...


@register.filter
def across(x: float, chart: Frame) -> str:
    """How far from left to right, in percent: text there keeps its size however wide the chart."""
    return f"{100 * (x - chart.left) / (chart.right - chart.left):.2f}%"


@register.filter
def down(y: float, chart: Frame) -> str:
    return f"{100 * y / chart.height:.2f}%"


@register.filter
def plot_box(chart: Frame) -> str:
    """The viewBox of what is stretched with the chart: bars and lines, no text."""
    return f"{chart.left:.2f} 0 {chart.right - chart.left:.2f} {chart.height:.2f}"


@register.filter
def dash(value: object) -> object:
    """A dash where there is nothing to show; zero is something."""
    return NONE if value is None or value == "" else value


@register.filter
def opens_by_people(pixel: Pixel) -> str:
    """How many of a pixel's opens were by people, and of how many, if machines opened too."""
    by_people, opens = pixel.human_open_count, pixel.open_count
    if by_people is None or opens is None:
        return NONE
    if by_people == opens:
        return count(opens)
    of_all = _("of %(all)s") % {"all": count(opens)}
    return format_html('{} <span class="muted">{}</span>', count(by_people), of_all)


@register.simple_tag
def labelled(cells: Iterable[str], headers: Sequence[Mapping[str, Any]]) -> str:
    """Cells of a list in the admin, each with its column's name: where rows are stacked, CSS
    shows it."""
    return format_html_join(
        "",
        '{} data-label="{}"{}',
        (
            # What a cell begins with: <td or <th.
            (SafeString(cell[:3]), _plain(header["text"]), SafeString(cell[3:]))
            for cell, header in zip(cells, headers, strict=True)
        ),
    )


def _plain(text: object) -> str:
    """Nothing for the column of ticks, whose name is a tick."""
    return "" if isinstance(text, SafeString) else capfirst(str(text))
