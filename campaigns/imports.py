"""From a file of addresses to recipients: read line by line, judge each line, store in groups."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from campaigns.models import Recipient, email_key

# The first that the file has is taken.
EMAIL_HEADERS = ["email", "e-mail", "e mail", "email address", "e-mail address", "mail", "address"]
EMAIL_HEADERS += ["e-mail-adresse", "email-adresse", "emailadresse"]
NAME_HEADERS = ["name", "full name"]
DELIMITERS = ",;\t|"
NAME_LENGTH = 200
# A line of addresses is short. Longer ones are no list of recipients, and must not fill memory.
LINE_LENGTH = 65_536
# A quoted cell may hold line breaks, but a quote that nobody closed must not eat the file.
LINES_IN_RECORD = 20
GROUP_ROWS = 1_000


class UnreadableFileError(Exception):
    """The file as a whole cannot be read as a list of recipients; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line that names one recipient."""

    line: int
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A line that could not be taken, and why."""

    line: int
    reason: str
    text: str


@dataclass(slots=True)
class ImportResult:
    """What became of the lines: rows = created + updated + duplicates + rejected.

    ``updated`` recipients existed before; a name in the file replaces theirs. ``duplicates``
    stand earlier in the same file. ``added`` is how many the campaign did not have yet.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    duplicates: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    added: int = 0
    is_dry_run: bool = False


def import_recipients(
    stream: BinaryIO,
    *,
    add_to_campaign: Callable[[Sequence[int]], int],
    is_dry_run: bool = False,
) -> ImportResult:
    """Store every good line of a seekable file, a group at a time.

    ``add_to_campaign`` is given each group's recipient ids inside the group's transaction and
    returns how many of them are new to the campaign. A group is stored whole or not at all; an
    import that was cut short can simply be repeated. Raises UnreadableFileError before anything
    is stored.
    """
    result = ImportResult(is_dry_run=is_dry_run)
    rows = _without_duplicates(read_rows(stream), result)
    while group := list(islice(rows, GROUP_ROWS)):
        if is_dry_run:
            known = _known_recipients(group)
            result.created += len(group) - len(known)
            result.updated += len(known)
        else:
            with transaction.atomic():
                result.added += add_to_campaign(_store(group, result))
    return result


def read_rows(stream: BinaryIO) -> Iterator[Row | Rejection]:
    """The lines of a CSV file below its header, each as a row or with the reason why not."""
    records = _records(_text_lines(stream))
    header_line, header, delimiter = _header(records)
    email_column = _column(header, EMAIL_HEADERS)
    name_column = _column(header, NAME_HEADERS)
    if email_column is None:
        cells = [cell.strip() for cell in header if cell.strip()]
        found = ", ".join(cells) if all(map(str.isprintable, cells)) and cells else "no text"
        raise UnreadableFileError(
            f"Line {header_line} should be the header and name a column “email”; it names: "
            f"{found[:200]}. Put a line such as “email,name” at the top."
        )
    for line, text, fault in records:
        if fault:
            yield Rejection(line, fault, text[:200])
        elif text.strip(" \t\r\n" + delimiter):
            try:
                cells = _cells(text, delimiter)
            except csv.Error:
                yield from _mismatched(line, text)
            else:
                yield _judge(line, text, cells, email_column, name_column)


def _mismatched(line: int, text: str) -> Iterator[Rejection]:
    """Lines that quotes in the middle of cells have tied together, each with the reason."""
    for offset, part in enumerate(text.splitlines()):
        reason = "the quotes in this line and its neighbours do not match"
        yield Rejection(line + offset, reason, part[:200])


def _judge(
    line: int, text: str, cells: list[str], email_column: int, name_column: int | None
) -> Row | Rejection:
    email = cells[email_column].strip() if email_column < len(cells) else ""
    name = ""
    if name_column is not None and name_column < len(cells):
        name = " ".join(cells[name_column].split())
    reason = _fault(email, name)
    if reason:
        return Rejection(line, reason, text.strip()[:200])
    return Row(line, email, name)


def _fault(email: str, name: str) -> str:
    if not email:
        return "there is no address in this line"
    try:
        validate_email(email)
    except ValidationError:
        return f"“{email[:100]}” is not an email address"
    # Of the key, too: case folding can make a text longer.
    if max(len(email), len(email_key(email))) > 254:
        return "the address is longer than 254 characters"
    if len(name) > NAME_LENGTH:
        return f"the name is longer than {NAME_LENGTH} characters"
    if "\x00" in name:
        return "the name holds a NUL character"
    return ""


def _without_duplicates(lines: Iterator[Row | Rejection], result: ImportResult) -> Iterator[Row]:
    """The rows to store; the others are counted on the way. The first line of an address wins."""
    seen: set[str] = set()
    for line in lines:
        result.rows += 1
        if isinstance(line, Rejection):
            result.rejected.append(line)
        elif (key := email_key(line.email)) in seen:
            result.duplicates += 1
        else:
            seen.add(key)
            yield line


def _known_recipients(group: Sequence[Row]) -> dict[str, Recipient]:
    keys = [email_key(row.email) for row in group]
    return {known.email_key: known for known in Recipient.objects.filter(email_key__in=keys)}


def _store(group: Sequence[Row], result: ImportResult) -> list[int]:
    known = _known_recipients(group)
    new = [
        Recipient(email=row.email, name=row.name)
        for row in group
        if email_key(row.email) not in known
    ]
    # Another import may store the same address at this moment: then it is known after all. In one
    # order, so that two imports wait for each other in a line and not in a circle.
    new.sort(key=lambda recipient: email_key(recipient.email))
    Recipient.objects.bulk_create(new, ignore_conflicts=True)
    result.created += len(new)
    result.updated += len(known)
    renamed = []
    for row in group:
        recipient = known.get(email_key(row.email))
        if recipient is not None and row.name and row.name != recipient.name:
            recipient.name = row.name
            renamed.append(recipient)
    renamed.sort(key=lambda recipient: recipient.pk)
    ids = [recipient.pk for recipient in renamed]
    list(Recipient.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    Recipient.objects.bulk_update(renamed, ["name"])
    return [recipient.pk for recipient in _known_recipients(group).values()]


def _text_lines(stream: BinaryIO) -> Iterator[tuple[int, str, bool]]:
    """Numbered lines, and whether each was cut because it is too long."""
    text = io.TextIOWrapper(stream, encoding=_encoding(stream), errors="replace", newline="")
    number = 0
    try:
        while line := text.readline(LINE_LENGTH):
            number += 1
            is_cut = len(line) == LINE_LENGTH and not line.endswith(("\n", "\r"))
            yield number, line, is_cut
            rest = line if is_cut else ""
            while rest and not rest.endswith(("\n", "\r")):
                rest = text.readline(LINE_LENGTH)
    finally:
        # The stream belongs to the caller, who closes it, and may have done so.
        with suppress(ValueError):
            text.detach()


def _encoding(stream: BinaryIO) -> str:
    """By the mark at the beginning; else UTF-8 if all of it is, else what Windows saves."""
    stream.seek(0)
    start = stream.read(4)
    if start.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        encoding = "utf-8" if _is_utf8(stream) else "cp1252"
    stream.seek(0)
    return encoding


def _is_utf8(stream: BinaryIO) -> bool:
    stream.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := stream.read(1 << 20):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _records(lines: Iterator[tuple[int, str, bool]]) -> Iterator[tuple[int, str, str]]:
    """Lines joined where a quoted cell goes on: number of the first, text, fault or nothing."""
    waiting: list[tuple[int, str]] = []
    for number, line, is_cut in lines:
        if is_cut:
            yield from _unclosed(waiting)
            waiting = []
            yield number, line[:200], f"the line is longer than {LINE_LENGTH} characters"
            continue
        waiting.append((number, line))
        if sum(text.count('"') for _, text in waiting) % 2 == 0:
            yield waiting[0][0], "".join(text for _, text in waiting), ""
            waiting = []
        elif len(waiting) == LINES_IN_RECORD:
            yield from _unclosed(waiting)
            waiting = []
    yield from _unclosed(waiting)


def _unclosed(waiting: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    """The line with the open quote is at fault; those after it stand for themselves."""
    for number, text in waiting:
        is_odd = text.count('"') % 2 == 1
        yield number, text, "a quote is opened and never closed" if is_odd else ""


def _header(records: Iterator[tuple[int, str, str]]) -> tuple[int, list[str], str]:
    for number, text, fault in records:
        if fault:
            raise UnreadableFileError(f"Line {number} should be the header, but {fault}.")
        if text.lower().startswith("sep=") or not text.strip():
            continue  # Excel's own first line, or an empty one
        delimiter = max(DELIMITERS, key=text.count)
        try:
            return number, _cells(text, delimiter), delimiter
        except csv.Error as error:
            raise UnreadableFileError(f"Line {number} should be the header: {error}.") from error
    raise UnreadableFileError("The file is empty: there is not even a header line.")


def _cells(text: str, delimiter: str) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter), [])


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    """Where the first of these names stands that the header has."""
    found = [" ".join(cell.replace("_", " ").split()).casefold() for cell in header]
    return next((found.index(name) for name in names if name in found), None)
