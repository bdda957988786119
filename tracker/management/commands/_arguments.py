"""What several commands share: a campaign, a file or a moment that was named, a file to write."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.core.management.base import BaseCommand
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


def checked(campaign: Campaign) -> Campaign:
    """The same, if it can be saved."""
    try:
        campaign.full_clean()
    except ValidationError as error:
        raise CommandError(
            "; ".join(
                f"{field}: {' '.join(reasons)}" for field, reasons in error.message_dict.items()
            )
        ) from error
    return campaign


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


def write_text(command: BaseCommand, blocks: Iterable[tuple[str, int]], output: str | None) -> int:
    """Blocks of text, each with its number of rows, to a file or to standard output; all rows."""
    if output is None:
        command.stdout.ending = ""
        return _written(blocks, command.stdout.write)
    try:
        with Path(output).open("w", encoding="utf-8", newline="") as file:
            return _written(blocks, file.write)
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}.") from error


def _written(blocks: Iterable[tuple[str, int]], write: Callable[[str], object]) -> int:
    rows = 0
    for text, number in blocks:
        write(text)
        rows += number
    return rows
