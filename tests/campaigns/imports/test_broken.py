from __future__ import annotations

import pytest

from campaigns.imports.broken import Theirs

ANN = "ann.lee@acme.example"


@pytest.mark.parametrize(
    "cells",
    [
        ["ann.lee@acme.example b", "Rome"],
        ["ann.lee@acme", "Rome"],
        ["Ann.Lee@ACME.exampel.", "Rome"],
        ["ann.lee@acme,example", ""],
        ["ann.lee@acme..example", ""],
        ["ann.lee acme.example", ""],
        ["ann.lee@@acme.example", ""],
        ["ann.lee(at)acme.example", ""],
        ["ann.lee at acme.example", ""],
        ["<ann.lee@acme", "x"],
        ["x", "mailto:ann.lee@acme"],
        ["al@acme", "Ann Lee", "Rome"],
        ["al@acme", "Lee, Ann", "Rome"],
        ["al@acme", "Lee", "ANN"],
        ["", "ann  lee"],
        ["ann.lee@", "Rome"],
    ],
)
def test_a_line_with_a_broken_address_of_theirs_is_theirs(cells: list[str]) -> None:
    assert Theirs([ANN], "Ann Lee").names(cells)


@pytest.mark.parametrize(
    "cells",
    [
        ["joann.lee@acme", "Joann Lee"],
        ["ann.lee@other", "Ann Leeman"],
        ["ann.lee@acmeworks.example", "Ann-Sofie Lee"],
        ["ann.lee@x", "Rome"],
        ["ann@acme", "Rome"],
        # A namesake, who has an address of their own.
        ["ann.lee@elsewhere.example", "Ann Lee"],
        ["al@acme", "Ann", "Rome"],
        [],
    ],
)
def test_a_line_of_somebody_else_is_not(cells: list[str]) -> None:
    assert not Theirs([ANN], "Ann Lee").names(cells)


def test_a_first_name_alone_says_nothing() -> None:
    assert not Theirs([ANN], "Ann").names(["broken", "Ann"])
    assert not Theirs([ANN]).names(["broken", ""])
