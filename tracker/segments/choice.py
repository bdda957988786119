"""What a segment is: whose recipients, how often and when they opened, and words to search for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db import models
from django.utils.dateparse import parse_datetime

from tracker.language import translated
from tracker.sentences import Sentence, said


class Who(models.TextChoices):
    """The report's own choices by the same names, so that its links keep their meaning.

    opened, unclear, machines and unopened are each recipient once that a mail reached and whose
    opens are linked to them; prefetched and scanned are the two kinds of machines, and not-opened
    is all that a mail reached and no person is known to have opened.
    """

    ALL = "all", said("Everyone")
    OPENED = "opened", said("Opened by a person")
    NOT_OPENED = "not-opened", said("Not opened by a person")
    UNOPENED = "unopened", said("Not opened at all")
    MACHINES = "machines", said("Opened by machines only")
    PREFETCHED = "prefetched", said("Fetched in advance only")
    SCANNED = "scanned", said("Opened by scanners and bots only")
    UNCLEAR = "unclear", said("Unclear who opened")


# What a campaign for the segment is called unless somebody says otherwise.
NAMES = {
    Who.ALL: said("again"),
    Who.OPENED: said("opened"),
    Who.NOT_OPENED: said("not opened"),
    Who.UNOPENED: said("not opened at all"),
    Who.MACHINES: said("machines only"),
    Who.PREFETCHED: said("fetched in advance"),
    Who.SCANNED: said("scanners and bots only"),
    Who.UNCLEAR: said("unclear"),
}
MOST_OPENS = 1_000_000
LONGEST_WORDS = 254


class ImpossibleChoiceError(Exception):
    """The conditions contradict each other; ``sentence`` says how."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Choice:
    """Conditions that all have to hold. Moments: from the first, before the second.

    ``at_least`` so many opens by people.
    """

    who: Who = Who.NOT_OPENED
    at_least: int | None = None
    opened_from: datetime | None = None
    opened_before: datetime | None = None
    words: str = ""
    # The number of a saved segment.
    segment: int | None = None

    def __post_init__(self) -> None:
        is_about_opens = self.at_least or self.opened_from or self.opened_before
        if self.who is Who.UNOPENED and is_about_opens:
            raise ImpossibleChoiceError(
                said(
                    "Who has not opened at all has no opens to count and no first one: choose "
                    "others, or leave opens and moments empty."
                )
            )
        if self.at_least and self.who not in (Who.ALL, Who.OPENED):
            raise ImpossibleChoiceError(
                said(
                    "A number of opens by people goes with “Everyone” and “Opened by a person” "
                    "only: choose one of these, or leave the number empty."
                )
            )
        if self.opened_from and self.opened_before and not (self.opened_from < self.opened_before):
            raise ImpossibleChoiceError(
                said(
                    "Nothing lies between these moments: the second has to be later than the first."
                )
            )

    def name_for(self, campaign_name: str) -> str:
        """Of a new campaign, in the reader's language; no longer than a name may be."""
        suffix = f": {translated(NAMES[self.who])}"
        return campaign_name[: 200 - len(suffix)] + suffix

    def as_json(self) -> dict[str, Any]:
        """Only what is chosen; moments in UTC."""
        values = {
            "at_least": self.at_least,
            "opened_from": _moment_text(self.opened_from),
            "opened_before": _moment_text(self.opened_before),
            "words": self.words,
            "segment": self.segment,
        }
        return {"who": self.who.value, **{name: value for name, value in values.items() if value}}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Choice:
        return cls(
            Who(stored["who"]),
            stored.get("at_least"),
            _moment(stored.get("opened_from")),
            _moment(stored.get("opened_before")),
            stored.get("words", ""),
            stored.get("segment"),
        )

    def query(self) -> str:
        """For the URL of a page or file about this segment."""
        return urlencode(self.as_json())


def _moment_text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    moment = parse_datetime(text) if text else None
    return moment if moment and moment.tzinfo else None
