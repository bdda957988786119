"""Verdicts for user agents and addresses that another program asks about, line by line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from tracker.verdicts import Judge, Judgement, Networks


class Command(BaseCommand):
    help = (
        "Read JSON lines with ua, ip and, if known, method and headers from standard input; "
        "write verdict, rule, why and confidence as JSON lines."
    )
    # It answers from the rules alone; no database is asked.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        directory = getattr(settings, "NETWORKS_DIR", None)
        try:
            judge = Judge(Networks.load(Path(directory) if directory else None))
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        wrong = 0
        # Bytes, so that a line that is not UTF-8 is a wrong line and not the end.
        for number, line in enumerate(getattr(sys.stdin, "buffer", sys.stdin), 1):
            try:
                answer = as_json(judgement_of(judge, line))
            except ValueError as error:
                wrong += 1
                answer = json.dumps({"error": f"line {number}: {error}"})
            self.stdout.write(answer)
            # The asking program may wait for this answer before it asks on.
            self.stdout.flush()
        if wrong:
            sys.exit(1)


def judgement_of(judge: Judge, line: bytes | str) -> Judgement:
    """ValueError says what is wrong with the line."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise ValueError("this is no JSON object")
    return judge.judge(
        _text(request, "ua"),
        _text(request, "ip") or None,
        method=_text(request, "method") or "GET",
        headers=_headers(request),
    )


def as_json(judgement: Judgement) -> str:
    """ASCII, since an agent may hold what no encoding of the terminal can write."""
    return json.dumps(judgement._asdict())


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value or ""


def _headers(request: Mapping[str, Any]) -> dict[str, str]:
    headers = request.get("headers") or {}
    if not isinstance(headers, dict):
        raise ValueError("headers is no JSON object")
    return {name: str(value) for name, value in headers.items()}
