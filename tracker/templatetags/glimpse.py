"""How the pages and the commands write figures."""

from __future__ import annotations

from django import template

register = template.Library()

NONE = "–"
UNIT = "\u202f%"  # with a narrow space that no line breaks at


@register.filter
def percent(fraction: float | None) -> str:
    """One decimal; what is not nothing, or not everything, never looks as if it were."""
    if fraction is None:
        return NONE
    if 0 < fraction < 0.0005:
        return f"<\u202f0.1{UNIT}"
    text = f"{100 * fraction:,.1f}"
    if text == "100.0" and fraction != 1:
        text = "99.9" if fraction < 1 else "100.1"
    return f"{text}{UNIT}"


@register.filter
def decimal1(number: float | None) -> str:
    return NONE if number is None else f"{number:,.1f}"


@register.filter
def along(fraction: float | None) -> str:
    """The place of a fraction on a scale from 0 to 100, never beyond its end."""
    return f"{100 * min(fraction or 0, 1):.2f}"


@register.filter
def dash(value: object) -> object:
    """A dash where there is nothing to show; zero is something."""
    return NONE if value is None or value == "" else value
