"""A campaign's totals and rates on the terminal, or as JSON for another program."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tracker.management.commands._arguments import find_campaign
from tracker.reports.breakdowns import breakdowns_report
from tracker.reports.totals import report_of, totals_of
from tracker.templatetags.glimpse import percent

LABEL_WIDTH = 30


class Command(BaseCommand):
    help = "Show a campaign's report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, campaign_id: int, json: bool, **options: Any) -> None:
        campaign = find_campaign(campaign_id)
        report = report_of(campaign) | breakdowns_report(campaign, totals_of(campaign))
        self.stdout.write(as_json(report) if json else as_text(report))


def as_json(report: dict[str, Any]) -> str:
    return json.dumps(report, ensure_ascii=False)


def as_text(report: dict[str, Any]) -> str:
    """For people: without any open there is no open rate, as on the pages."""
    if not report["unique_opens"]:
        report = {name: None if "open_rate" in name else of for name, of in report.items()}
    return "\n".join(
        f"{name.replace('_', ' '):<{LABEL_WIDTH}}{_shown(name, value)}"
        for name, value in report.items()
    )


def _shown(name: str, value: Any) -> str:
    if name.endswith(("_rate", "_share", "_coverage")):
        return percent(value)
    if value is None:
        return "–"
    if name.endswith("_interval"):
        return " to ".join(percent(bound) for bound in value)
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {count:,}" for key, count in value.items())
    if isinstance(value, list):
        return "; ".join(map(_line, value)) or "–"
    if isinstance(value, float):
        return f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) and name != "campaign_id" else str(value)


def _line(line: dict[str, Any]) -> str:
    """One of a breakdown's lines, or a warning."""
    if "sentence" in line:
        return str(line["sentence"])
    name, *_ = line.values()
    of = line["human_open_rate"] if "provider" in line else line["share"]
    return f"{name} {line['unique_human_opens']:,} ({percent(of)})"
