"""What stands of a person outside their own rows: found as an erasure finds it, told by its place.

Of a text that is somebody else's, or that several people share, only the place is told and what in
it is theirs: whoever reads the document is not to learn about others.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from campaigns.imports import files
from campaigns.imports.broken import Theirs
from campaigns.imports.forget import imports_naming, lines_of
from campaigns.models import Recipient, RejectedLine
from tracker.models import FanOut, Ruling
from tracker.persons.evidence import portions
from tracker.persons.plans import Person, Plan, plans_of
from tracker.persons.segments import values_of
from tracker.persons.traces import Trace, notes_naming, occurrences, pattern_of
from tracker.persons.waiting import spool_here
from tracker.verdicts import Verdict
from tracker.work.files import kept_about


def found_elsewhere(recipient: Recipient) -> dict[str, Any]:
    """Every text of the database is read, and every upload that waits."""
    person = Person.of(recipient)
    (plan,) = plans_of([person])
    theirs = Theirs(person.keys, person.name)
    others = Recipient.objects.filter(email_key__in=person.keys).exclude(pk=recipient.pk)
    return {
        # Under an address that was corrected, or its domain's other spelling: to be asked for, too.
        "also_recipients": list(others.order_by("pk").values_list("email", flat=True)),
        "rejected_lines": list(_rejected_lines(theirs, pattern_of(person.spellings))),
        "uploads": [_upload(one.pk, one.place) for one in imports_naming(theirs)],
        "texts": _texts(recipient, plan),
        "fan_outs": list(_fan_outs(plan.fan_outs)),
        "rulings": list(_rulings(plan.lone_rulings)),
        "files": [
            {"kind": work.kind, "campaign_id": work.campaign_id, "place": work.place}
            for work in kept_about([recipient.pk])
        ],
        # Of processes that live: what is in them is read when the database has it.
        "spool_files_that_wait": spool_here().waiting().files,
    }


def _rejected_lines(theirs: Theirs, pattern: re.Pattern[str]) -> Iterator[dict[str, Any]]:
    for some in portions(lines_of(theirs)):
        for one in RejectedLine.objects.filter(pk__in=some).order_by("of_import", "line"):
            told: dict[str, Any] = {"import_id": one.of_import_id, "line": one.line}
            if _is_theirs_alone(one.cells, theirs, pattern):
                told |= {"cells": one.cells, "reason": one.reason}
            else:
                told["occurrences"] = occurrences([*one.cells, one.reason], pattern)
            yield told


def _is_theirs_alone(cells: Sequence[str], theirs: Theirs, pattern: re.Pattern[str]) -> bool:
    """A broken address of theirs is no sign of somebody else."""
    for cell in cells:
        rest = pattern.sub("", cell)
        if "@" in rest and (rest != cell or not theirs.names([cell])):
            return False
    return True


def _upload(number: int, place: str) -> dict[str, Any]:
    """Another machine's file is not looked into; an erasure ends its import all the same."""
    return {"import_id": number, "is_known_to_hold_them": place == files.place()}


def _texts(recipient: Recipient, plan: Plan) -> list[dict[str, Any]]:
    found = _Found()
    pattern = pattern_of(plan.person.spellings)
    for trace in plan.traces:
        if _is_told_already(trace, recipient):
            continue
        row = trace.model._base_manager.filter(pk=trace.pk)
        for value in row.values_list(trace.field, flat=True):
            found.add(f"{trace.model._meta.db_table}.{trace.field}", occurrences(value, pattern))
    for pattern, ruling in notes_naming(recipient.name):
        found.add("tracker_ruling.note", occurrences(ruling.note, pattern))
    for column, value in values_of(recipient):
        found.add(f"tracker_segment.{column}", [value])
    return found.as_told()


def _is_told_already(trace: Trace, recipient: Recipient) -> bool:
    return trace.model is RejectedLine or (trace.model is Recipient and trace.pk == recipient.pk)


class _Found:
    """By the place: in how many rows, and what of theirs."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = defaultdict(int)
        self._texts: dict[str, set[str]] = defaultdict(set)

    def add(self, place: str, texts: Iterable[str]) -> None:
        self._rows[place] += 1
        self._texts[place].update(texts)

    def as_told(self) -> list[dict[str, Any]]:
        return [
            {"place": place, "rows": rows, "occurrences": sorted(self._texts[place])}
            for place, rows in sorted(self._rows.items())
        ]


def _fan_outs(numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    for some in portions(numbers):
        for one in FanOut.objects.filter(pk__in=some).order_by("pk"):
            yield {
                "address": one.ip,
                "starts_at": one.starts_at.isoformat(),
                "ends_at": one.ends_at.isoformat(),
                "recipients": one.recipients,
            }


def _rulings(numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    for some in portions(numbers):
        for one in Ruling.objects.filter(pk__in=some).order_by("pk"):
            yield {
                "network": one.network,
                "verdict": Verdict.of_number(one.verdict).value,
                "note": one.note,
                "set_at": one.set_at.isoformat(),
            }
