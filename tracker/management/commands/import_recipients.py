"""Recipients from a file into a campaign, with what became of every line."""

from __future__ import annotations

import json
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection

from campaigns.imports.choice import Asked
from campaigns.imports.encodings import known_encoding
from campaigns.imports.errors import LostLeaseError, UnreadableFileError
from campaigns.imports.records import Reading
from campaigns.models import Campaign, Import, RejectedLine, TypingSlip
from tracker.downloads import with_mark
from tracker.exports import csv_blocks
from tracker.importing.now import cancel_at_once, import_file, import_recipients
from tracker.importing.progress import Progress
from tracker.importing.rejected import rejected_rows
from tracker.importing.said import notes_of
from tracker.management.commands._arguments import find_campaign, opened_file, write_text

SHOWN_OF_LINE = 200


class Command(BaseCommand):
    help = (
        "Import recipients from a CSV, TSV or Excel file with a column “email” and, if you like, "
        "“name”; further columns become attributes. If it is cut short, the same command goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument("file", metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="report, but store nothing")
        parser.add_argument(
            "--include-erased",
            action="store_true",
            help="also bring back people who were erased, because they have asked for it",
        )
        parser.add_argument(
            "--email",
            metavar="COLUMN",
            default="",
            help="the column with the addresses, by its name in the header or its number from 1; "
            "without this, what the header calls so or what holds the most addresses",
        )
        parser.add_argument(
            "--name",
            metavar="COLUMN",
            action="append",
            help="the column with the name; several are joined in their order",
        )
        parser.add_argument(
            "--leave-out",
            metavar="COLUMN",
            action="append",
            help="a column that becomes no attribute; may be given several times",
        )
        parser.add_argument(
            "--no-header",
            action="store_true",
            help="the first line is a recipient, whatever it looks like",
        )
        parser.add_argument(
            "--encoding",
            metavar="NAME",
            default="",
            help="of a text file, as Python calls it: mac-roman, iso-8859-2, cp1251 …; without "
            "this UTF-8 or UTF-16, and Windows-1252 where a line is neither",
        )
        parser.add_argument(
            "--rejected",
            metavar="FILE",
            help="write the rejected lines as CSV, to be mended and imported",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(
        self,
        *args: Any,
        campaign_id: int,
        file: str,
        dry_run: bool,
        include_erased: bool,
        json: bool,
        **options: Any,
    ) -> None:
        campaign = find_campaign(campaign_id)
        asked = asked_by(options)
        rejected = writable(options["rejected"], file)
        signal.signal(signal.SIGTERM, _as_interrupt)
        try:
            one = self._import(
                campaign, file, asked, is_dry_run=dry_run, with_erased=include_erased
            )
        except UnreadableFileError as error:
            raise CommandError(f"{file}: {error} Nothing was stored.") from error
        except LostLeaseError:
            raise CommandError(f"{file}: this import was ended elsewhere.") from None
        if one.state == Import.State.DONE:
            self._tell(one, rejected, as_json(one) if json else as_text(one))
        if one.is_dry_run or one.state != Import.State.DONE:
            one.delete()
        if one.state == Import.State.FAILED:
            raise CommandError(f"{file}: {one.error} Nothing was stored.")
        if one.state != Import.State.DONE:
            raise CommandError(f"{file}: cancelled. Nothing was stored.")

    def _tell(self, one: Import, rejected: str | None, summary: Iterator[str]) -> None:
        if rejected:
            blocks = with_mark(csv_blocks(rejected_rows(one)))
            write_text(self, ((text, 0) for text in blocks), rejected)
        for text in summary:
            self.stdout.write(text, ending="")
        self.stdout.write("")

    def _import(
        self, campaign: Campaign, file: str, asked: Asked, *, is_dry_run: bool, with_erased: bool
    ) -> Import:
        line = ProgressLine()
        same: dict[str, Any] = {"is_dry_run": is_dry_run, "with_erased": with_erased}
        same["asked"] = asked
        try:
            with opened_file(file) as stream:
                path = Path(file).resolve()
                if not path.is_file():
                    return import_recipients(campaign, stream, **same)
            one = import_file(campaign, path, tell=line, **same)
        except (KeyboardInterrupt, OperationalError) as error:
            if not _was_stopped(error):
                raise
            # It may have been stopped in the middle of a query.
            connection.close()
            if line.one is not None:
                cancel_at_once(line.one)
                line.one.delete()
            raise CommandError(f"{file}: stopped. Nothing was stored.") from None
        finally:
            line.end()
        if not one.is_over:
            raise CommandError(f"{file} is being imported by another process at this moment.")
        return one


def asked_by(options: dict[str, Any]) -> Asked:
    encoding = options["encoding"]
    try:
        reading = Reading(
            has_header=not options["no_header"],
            encoding=known_encoding(encoding) if encoding else "",
        )
    except UnreadableFileError as error:
        raise CommandError(str(error)) from error
    names, leave_out = options["name"] or (), options["leave_out"] or ()
    return Asked(options["email"], tuple(names), tuple(leave_out), reading)


def writable(path: str | None, source: str) -> str | None:
    """Asked before anything is imported; the list itself is not written over."""
    if path is None:
        return None
    if Path(path).resolve() == Path(source).resolve():
        raise CommandError(f"{path} is the list itself: write the rejected lines to another file.")
    try:
        with Path(path).open("a"):
            return path
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error


class ProgressLine:
    """One line on the terminal that is written over; silent where nobody watches."""

    EVERY = 0.2  # seconds

    def __init__(self) -> None:
        self.one: Import | None = None
        self._shown = 0.0
        self._is_terminal = sys.stderr.isatty()
        self._is_open = False

    def __call__(self, one: Import) -> None:
        self.one = one
        if self._is_terminal and monotonic() - self._shown > self.EVERY:
            self._shown = monotonic()
            self._is_open = True
            sys.stderr.write(f"\r\x1b[K{Progress.of(one).sentence}")
            sys.stderr.flush()

    def end(self) -> None:
        if self._is_open:
            sys.stderr.write("\r\x1b[K")


def _was_stopped(error: BaseException | None) -> bool:
    """Also where the connection, stopped in the middle of a query, could not be rolled back."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def rejected_lines(one: Import) -> Iterator[dict[str, Any]]:
    lines = RejectedLine.objects.filter(of_import=one).order_by("line")
    columns = ("line", "reason", "cells", "reason_kept")
    for line, reason, cells, kept in lines.values_list(*columns).iterator():
        text = " | ".join(filter(None, cells))[:SHOWN_OF_LINE]
        meant = {"suggestion": kept[1]["meant"]} if kept and "meant" in kept[1] else {}
        yield {"line": line, "reason": reason, "text": text, **meant}


def slips(one: Import) -> Iterator[dict[str, Any]]:
    found = TypingSlip.objects.filter(of_import=one).order_by("line")
    for line, email, meant in found.values_list("line", "email_key", "suggestion").iterator():
        yield {"line": line, "email": email, "suggestion": meant}


def as_json(one: Import) -> Iterator[str]:
    """In pieces: a file may have a million wrong lines."""
    sums = {
        name: getattr(one, name)
        for name in ("rows", "created", "updated", "duplicates", "suppressed", "erased", "added")
    }
    sums["corrected"] = one.corrected
    sums["is_dry_run"] = one.is_dry_run
    yield json.dumps({**sums, "notes": notes_of(one)})[:-1]
    for name, rows in (("rejected", rejected_lines(one)), ("slips", slips(one))):
        yield f', "{name}": ['
        for number, row in enumerate(rows):
            yield (", " if number else "") + json.dumps(row)
        yield "]"
    yield "}"


def as_text(one: Import) -> Iterator[str]:
    if one.is_dry_run:
        yield "Only tried, nothing stored.\n"
    for note in notes_of(one):
        yield f"{note}\n"
    yield f"{one.rows:>9,} rows\n"
    yield f"{one.created:>9,} created\n"
    yield f"{one.updated:>9,} known already, updated\n"
    yield f"{one.duplicates:>9,} duplicates within the file, skipped\n"
    if one.corrected:
        yield f"{one.corrected:>9,} of these mistyped, known as corrected before\n"
    yield f"{one.suppressed:>9,} suppressed, left out\n"
    yield f"{one.erased:>9,} were erased and stay away\n"
    yield f"{one.rejected:>9,} rejected\n"
    if not one.is_dry_run:
        yield f"{one.added:>9,} new to this campaign\n"
    for row in rejected_lines(one):
        yield f"line {row['line']}: {row['reason']}: {row['text']}\n"
    for row in slips(one):
        yield f"line {row['line']}: {row['email']}: did you mean {row['suggestion']}?\n"
