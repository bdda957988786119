"""A database in few figures: rows of each table, greatest keys, sums of counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Max, Model, Sum

from tracker.models import CampaignCounts, QuarterHourCounts, UniqueOpen
from tracker.moving.tables import Table
from tracker.sentences import counted

COUNTED: dict[type[Model], tuple[str, ...]] = {
    CampaignCounts: (
        "recipients",
        "sent",
        "bounces",
        "opens",
        "unique_opens",
        "unique_human_opens",
        "unique_unknown_opens",
        "unique_prefetch_opens",
    ),
    QuarterHourCounts: ("opens", "unique_opens", "human_opens", "unique_human_opens"),
    UniqueOpen: ("open_count", "human_open_count"),
}


@dataclass(frozen=True)
class State:
    rows: dict[str, int] = field(default_factory=dict)
    greatest: dict[str, str] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)

    def differences(self, other: State) -> list[str]:
        """What this one has and the other has not, in words."""
        return [
            *(
                f"{name} has {counted(self.rows.get(name, 0), 'row')}, "
                f"not {other.rows.get(name, 0):,}"
                for name in sorted({*self.rows, *other.rows})
                if self.rows.get(name) != other.rows.get(name)
            ),
            *(
                f"{name} ends with {self.greatest[name]}, not {other.greatest.get(name)}"
                for name in sorted(self.greatest)
                if self.rows.get(name) == other.rows.get(name)
                and self.greatest[name] != other.greatest.get(name)
            ),
            *(
                f"{name} is {self.sums[name]}, not {other.sums.get(name)}"
                for name in sorted(self.sums)
                if self.sums[name] != other.sums.get(name)
            ),
        ]

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> State:
        return cls(**json.loads(text))


def state_of(alias: str, all_tables: Sequence[Table]) -> State:
    return State(
        {table.name: table.count(alias) for table in all_tables},
        {table.name: str(table.greatest(alias)) for table in all_tables},
        sums_of(alias),
    )


def sums_of(alias: str) -> dict[str, str]:
    """The sums of all counts, the latest open, the latest log-in."""
    found: dict[str, Any] = {}
    for model, names in COUNTED.items():
        sums = model._base_manager.using(alias).aggregate(**{f"of_{n}": Sum(n) for n in names})
        for name in names:
            found[f"the sum of {name} in {model._meta.db_table}"] = sums[f"of_{name}"] or 0
    last_open = CampaignCounts.objects.using(alias).aggregate(last=Max("last_opened_at"))["last"]
    users = get_user_model()._base_manager.using(alias)
    found["the last open"] = last_open
    found["the last log-in"] = users.aggregate(last=Max("last_login"))["last"]
    return {name: str(value) for name, value in found.items()}
