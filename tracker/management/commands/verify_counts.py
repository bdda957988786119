"""Recount everything from the opens and say how far off the counts are: always 0."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tracker.models import Recount
from tracker.recount import repair, verify
from tracker.sentences import counted


class Command(BaseCommand):
    help = "Compare all counts with the opens they were added up from."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="set what drifted right")
        parser.add_argument("--json", action="store_true", help='{"checked": n, "drift": n}')

    def handle(self, *args: Any, repair: bool, json: bool, **options: Any) -> None:
        found, is_repaired = verify_and_repair() if repair else (verify(), False)
        # For /metrics: nobody can recount everything each time that it is asked for.
        Recount.objects.create(checked=found.checked, drift=0 if is_repaired else found.drift)
        if json:
            self.stdout.write(as_json(found.checked, found.drift, is_repaired))
        else:
            self.stdout.write(
                f"{counted(found.checked, 'count')} checked, {found.drift:,} off"
                + (", repaired." if is_repaired else ".")
            )
            if found.drift and not is_repaired:
                self.stdout.write(
                    f"Pixels: {len(found.drifted_pixels)}, campaigns: "
                    f"{len(found.drifted_campaigns)}, quarters: {len(found.drifted_quarters)}. "
                    f"`verify_counts --repair` sets them right."
                )
        if found.drift and not is_repaired:
            sys.exit(1)


def verify_and_repair() -> tuple[Any, bool]:
    found = verify()
    if found.drift:
        repair(found)
    return found, bool(found.drift)


def as_json(checked: int, drift: int, is_repaired: bool) -> str:
    result: dict[str, int | bool] = {"checked": checked, "drift": drift}
    if is_repaired:
        result["repaired"] = True
    return json.dumps(result)
