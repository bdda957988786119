"""Addresses that must not be written to: added and taken away as a list, and written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from campaigns.audit import Action, Source, record
from campaigns.imports.addresses import INVISIBLE, fault_of
from campaigns.models import Recipient, SuppressedAddress, email_key
from campaigns.models.keys import network_form

# Looked up in one statement.
GROUP = 500


@dataclass(slots=True)
class Listed:
    """What became of a list: ``changed`` addresses, ``as_before`` those that were so already;
    ``refused`` holds (line number, text, reason)."""

    changed: int = 0
    as_before: int = 0
    refused: list[tuple[int, str, str]] = field(default_factory=list)


@transaction.atomic
def suppress(
    lines: Iterable[str],
    reason: str,
    by: AbstractBaseUser | AnonymousUser | None,
    *,
    source: Source,
) -> Listed:
    """All of them or, if it raises, none; from its commit on nobody is written to at them."""
    listed = Listed()
    for keys in _groups(lines, listed):
        known = SuppressedAddress.objects.filter(email_key__in=keys)
        new = keys - set(known.values_list("email_key", flat=True))
        SuppressedAddress.objects.bulk_create(
            [SuppressedAddress(email_key=key, reason=reason[:200]) for key in sorted(new)],
            ignore_conflicts=True,
        )
        listed.changed += len(new)
        listed.as_before += len(keys) - len(new)
    if listed.changed:
        record(Action.SUPPRESSED, None, by, source=source, addresses=listed.changed, reason=reason)
    return listed


@transaction.atomic
def lift_suppression(
    lines: Iterable[str], by: AbstractBaseUser | AnonymousUser | None, *, source: Source
) -> Listed:
    """They may be written to again, also in campaigns that have them already."""
    listed = Listed()
    for keys in _groups(lines, listed):
        removed, _ = SuppressedAddress.objects.filter(email_key__in=keys).delete()
        listed.changed += removed
        listed.as_before += len(keys) - removed
    if listed.changed:
        record(Action.SUPPRESSION_LIFTED, None, by, source=source, addresses=listed.changed)
    return listed


def _groups(lines: Iterable[str], listed: Listed) -> Iterator[set[str]]:
    """Addresses of a list, some at a time; of a table, its first column."""
    addresses = _addresses(lines, listed)
    while group := list(islice(addresses, GROUP)):
        yield {*group, *_left_behind(group)}


def _left_behind(keys: Iterable[str]) -> set[str]:
    """Recipients who are there under a former spelling too, since their keys could not be renewed:
    see decision 0029."""
    former = {network_form(key) for key in keys if not key.isascii()}
    if not former:
        return set()
    there = Recipient.objects.filter(email_key__in=former)
    return set(there.values_list("email_key", flat=True))


def _addresses(lines: Iterable[str], listed: Listed) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        text = _first_cell(line)
        if not text:
            continue
        if reason := fault_of(text):
            listed.refused.append((number, text[:200], reason))
        else:
            yield email_key(text)


def _first_cell(line: str) -> str:
    for mark in "\t;,":
        line = line.partition(mark)[0]
    return line.strip().strip("\"'").strip(INVISIBLE)
