"""One campaign's sums by the values of every attribute: one statement, folded in the database.

Whatever is in a list stands in attributes, also a customer's number: only the most frequent values
leave the database, and an attribute whose values are all rare is none to break down by.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from django.db import connection

from campaigns.models import Campaign
from tracker.breakdowns.adding_up import LEAST_RECIPIENTS
from tracker.models import PixelTracking
from tracker.verdicts import LEAST_HUMAN

MOST_VALUES = 20
# The attributes that most recipients have; a list may name two hundred columns.
MOST_ATTRIBUTES = 40
LONGEST_VALUE = 200

VALUE = "value"
OTHERS = "others"
NO_VALUE = "none"


class Line(TypedDict):
    """``kind``: a value, all other values, or recipients without any. ``trackable`` are delivered
    and their opens are linked to them: who is off or anonymous is in no rate."""

    kind: str
    value: str
    values: int
    recipients: int
    delivered: int
    trackable: int
    human: int


class Attribute(TypedDict):
    """As it is stored; lines with the most recipients first, the others and the rest last."""

    name: str
    lines: list[Line]
    recipients: NotRequired[int]


# Everybody has this one besides, which no list can name: the sums of all recipients.
EVERYBODY = ""
SAID = {
    "postgresql": (
        "jsonb_each_text(CASE WHEN jsonb_typeof(recipient.attributes) = 'object' "
        "THEN recipient.attributes ELSE '{}' END || '{\"\": \"-\"}')"
    ),
    "sqlite": """json_each(json_patch('{"": "-"}', recipient.attributes))""",
}


def attributes_of(campaign: Campaign) -> list[Attribute]:
    """Not stored. Reads every pixel, recipient and unique open of the campaign once."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(), {"campaign": campaign.pk})
        rows = cursor.fetchall()
    whole: Line | None = None
    lines: dict[str, list[Line]] = {}
    for name, *row in rows:
        line = _line(*row)
        if name == EVERYBODY:
            whole = line
        else:
            lines.setdefault(name, []).append(line)
    if whole is None:
        return []
    found = [_attribute(name, some, whole) for name, some in lines.items()]
    useful = [one for one in found if one["lines"][0]["kind"] == VALUE]
    useful.sort(key=lambda one: (-one["recipients"], one["name"]))
    return useful[:MOST_ATTRIBUTES]


def _statement() -> str:
    """No value of a list is a part of it, and so of nothing that is run."""
    said = SAID[connection.vendor]
    return f"""
        WITH said AS (
            SELECT said.key AS name, substr(CAST(said.value AS text), 1, {LONGEST_VALUE}) AS value,
                CASE WHEN pixel.sent_at IS NOT NULL AND pixel.bounced_at IS NULL
                    THEN 1 ELSE 0 END AS delivered,
                CASE WHEN pixel.tracking = {PixelTracking.IDENTIFIED:d}
                    THEN 1 ELSE 0 END AS identified,
                CASE WHEN opened.verdict >= {LEAST_HUMAN:d} THEN 1 ELSE 0 END AS human
            FROM tracker_pixel AS pixel
            JOIN campaigns_recipient AS recipient ON recipient.id = pixel.recipient_id
            CROSS JOIN {said} AS said
            LEFT JOIN tracker_uniqueopen AS opened
                ON opened.pixel_id = pixel.id AND opened.campaign_id = %(campaign)s
            WHERE pixel.campaign_id = %(campaign)s AND CAST(said.value AS text) <> ''
        ), sums AS (
            SELECT name, value, count(*) AS recipients, sum(delivered) AS delivered,
                sum(delivered * identified) AS trackable, sum(human * identified) AS human
            FROM said GROUP BY name, value
        ), ranked AS (
            SELECT sums.*, row_number() OVER (
                PARTITION BY name ORDER BY recipients DESC, value
            ) AS place
            FROM sums
        ), folded AS (
            SELECT ranked.*, CASE WHEN name = '' OR (
                place <= {MOST_VALUES} AND recipients >= {LEAST_RECIPIENTS}
            ) THEN value END AS shown
            FROM ranked
        )
        SELECT name, shown, count(*), sum(recipients), sum(delivered), sum(trackable), sum(human)
        FROM folded GROUP BY name, shown
    """  # noqa: S608  # our own numbers


def _line(shown: str | None, *sums: Any) -> Line:
    values, recipients, delivered, trackable, human = map(int, sums)
    return {
        "kind": OTHERS if shown is None else VALUE,
        "value": shown or "",
        "values": values,
        "recipients": recipients,
        "delivered": delivered,
        "trackable": trackable,
        "human": human,
    }


def _attribute(name: str, lines: list[Line], whole: Line) -> Attribute:
    """With what is left of everybody: who has no value. So few that they are people, they stand
    among the others."""
    rest = _rest(lines, whole)
    recipients = whole["recipients"] - rest["recipients"]
    if 0 < rest["recipients"] < LEAST_RECIPIENTS:
        others = [line for line in lines if line["kind"] == OTHERS]
        lines = [line for line in lines if line["kind"] == VALUE]
        lines.append(_added([*others, rest], kind=OTHERS))
    elif rest["recipients"]:
        lines = [*lines, rest]
    lines = _none_of_few(lines)
    order = {VALUE: 0, OTHERS: 1, NO_VALUE: 2}
    lines.sort(key=lambda line: (order[line["kind"]], -line["recipients"], line["value"]))
    return {"name": name, "recipients": recipients, "lines": lines}


def _none_of_few(lines: list[Line]) -> list[Line]:
    """The others take the rarest value along while they are so few that they are people."""
    values = sorted(
        (line for line in lines if line["kind"] == VALUE),
        key=lambda line: (line["recipients"], line["value"]),
    )
    others = [line for line in lines if line["kind"] == OTHERS]
    while values and 0 < sum(line["recipients"] for line in others) < LEAST_RECIPIENTS:
        others.append(values.pop(0))
    rest = [line for line in lines if line["kind"] == NO_VALUE]
    return [*values, *([_added(others, kind=OTHERS)] if others else []), *rest]


def _rest(lines: list[Line], whole: Line) -> Line:
    added = _added(lines, kind=NO_VALUE)
    return {
        "kind": NO_VALUE,
        "value": "",
        "values": 0,
        "recipients": whole["recipients"] - added["recipients"],
        "delivered": whole["delivered"] - added["delivered"],
        "trackable": whole["trackable"] - added["trackable"],
        "human": whole["human"] - added["human"],
    }


def _added(lines: list[Line], *, kind: str) -> Line:
    return {
        "kind": kind,
        "value": "",
        "values": sum(line["values"] for line in lines),
        "recipients": sum(line["recipients"] for line in lines),
        "delivered": sum(line["delivered"] for line in lines),
        "trackable": sum(line["trackable"] for line in lines),
        "human": sum(line["human"] for line in lines),
    }
