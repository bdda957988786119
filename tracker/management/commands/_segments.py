"""What commands about segments read from their command line."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from typing import Any

from django.core.management import CommandError

from tracker.management.commands._arguments import moment
from tracker.segments.choice import LONGEST_WORDS, MOST_OPENS, Choice, ImpossibleChoiceError, Who


def opens(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_OPENS:
        raise ArgumentTypeError(f"{text} is not a number of opens from 1 to {MOST_OPENS:,}")
    return int(text)


def words(text: str) -> str:
    if len(text) > LONGEST_WORDS or "\x00" in text:
        raise ArgumentTypeError(f"words to search for have {LONGEST_WORDS} characters at most")
    return text.strip()


def add_choice_arguments(parser: ArgumentParser, *, default: Who) -> None:
    add = parser.add_argument
    add("--who", choices=Who.values, default=default.value, help="default: %(default)s")
    add(
        "--at-least",
        type=opens,
        metavar="N",
        help="opens of each by people; with --who all or opened",
    )
    add("--opened-from", type=moment, metavar="ISO8601", help="first opened then or later")
    add("--opened-before", type=moment, metavar="ISO8601", help="first opened earlier")
    add("--words", type=words, default="", help="that the address or the name contains")


def read_choice(options: Mapping[str, Any]) -> Choice:
    try:
        return Choice(
            Who(options["who"]),
            options["at_least"],
            options["opened_from"],
            options["opened_before"],
            options["words"],
        )
    except ImpossibleChoiceError as error:
        raise CommandError(str(error)) from error
