"""What several commands read from their command line: a campaign, a file, a moment."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.core.management import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from campaigns.models import Campaign


def find_campaign(campaign_id: int) -> Campaign:
    try:
        return Campaign.objects.get(pk=campaign_id)
    except Campaign.DoesNotExist:
        newest = Campaign.objects.order_by("-pk").first()
        hint = f"The newest is {newest.pk}, “{newest}”." if newest else "There is none yet."
        raise CommandError(f"There is no campaign {campaign_id}. {hint}") from None


@contextmanager
def opened_file(path: str) -> Iterator[BinaryIO]:
    try:
        stream = Path(path).open("rb")  # noqa: SIM115  # closed by the with below
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    with stream:
        yield stream


def moment(text: str) -> datetime:
    """ISO 8601; without an offset it is meant in TIME_ZONE."""
    try:
        parsed = parse_datetime(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is not a date and time: {error}") from error
    if parsed is None:
        raise ArgumentTypeError(
            f"{text} is not a date and time: write one such as 2026-03-12T09:00+01:00"
        )
    return parsed if parsed.tzinfo else timezone.make_aware(parsed)
