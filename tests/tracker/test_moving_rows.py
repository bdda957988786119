"""Rows of any content, moved between any two databases, are equal value by value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, models, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ends import KINDS, PAIRS, database
from tracker.moving.bulk import copy_all
from tracker.moving.databases import connect, disconnect, migrate, moment, settings_of_target
from tracker.moving.settle import settle
from tracker.moving.tables import Row, Table, tables

ENDS = [f"{kind}_{number}" for kind in KINDS for number in (1, 2)]


class Everything(models.Model):
    """One column of each kind; in no app, so that only this file knows it."""

    key = models.CharField(max_length=20, primary_key=True)
    number = models.BigIntegerField(null=True)
    is_so = models.BooleanField(null=True)
    text = models.TextField()
    at = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    took = models.DurationField(null=True)
    share = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    ip = models.GenericIPAddressField(null=True)
    one_id = models.UUIDField(null=True)
    any_json = models.JSONField(default=dict)

    class Meta:
        app_label = "only_for_tests"

    def __str__(self) -> str:
        return self.key


# PostgreSQL keeps no NUL; halves of letters are no text.
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(letters, max_size=20)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
addresses = st.none() | st.ip_addresses().map(str)
bigs = st.integers(-(2**63), 2**63 - 1)
smalls = st.integers(0, 32_767)
counts = st.integers(0, 2**31 - 1)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
everything = st.tuples(
    st.text(letters, min_size=1, max_size=20),
    st.none() | bigs,
    st.none() | st.booleans(),
    texts,
    st.none() | moments,
    st.none() | st.dates(date(1, 1, 1)),
    st.none() | st.timedeltas(timedelta(-40_000), timedelta(40_000)),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.integers(-(10**11), 10**11).map(lambda n: Decimal(n).scaleb(-4)),
    addresses,
    st.none() | st.uuids(),
    values,
)


def unique(row: st.SearchStrategy[Row], *places: int, **sizes: Any) -> Any:
    """Rows of which none has what another has at any of these places."""
    by = tuple(lambda row, place=place: row[place] for place in (0, *places))
    return st.lists(row, unique_by=by, **sizes)


@st.composite
def platforms(draw: st.DrawFn) -> dict[str, list[Row]]:
    """Rows for the tables of a platform, with references that hold."""
    keys = st.integers(1, 40)
    campaign = st.tuples(keys, texts, texts, texts, moments, st.none() | moments)
    campaigns = draw(
        unique(campaign.map(lambda row: (*row, None, "off", False)), min_size=1, max_size=3)
    )
    # email, its key, name, attributes, created at, erased at, tracking
    recipient = st.tuples(
        keys,
        texts,
        st.text(letters, min_size=1, max_size=20),
        texts,
        st.dictionaries(texts, texts, max_size=2),
        moments,
        st.none() | moments,
        st.sampled_from(["", "anonymous", "off"]),
    )
    recipients = draw(unique(recipient, 2, min_size=1, max_size=6))
    agents = draw(unique(st.tuples(keys, texts), 1, min_size=1, max_size=4))
    of_campaign = st.sampled_from([row[0] for row in campaigns])
    of_recipient = st.sampled_from([row[0] for row in recipients])
    of_agent = st.none() | st.sampled_from([row[0] for row in agents])
    pairs = draw(st.lists(st.tuples(of_campaign, of_recipient), unique=True, min_size=1))
    sent = st.none() | moments
    pixels = [
        (key, *pair, False, False, 0, draw(sent), draw(sent)) for key, pair in enumerate(pairs, 1)
    ]
    of_pixel = st.sampled_from([row[0] for row in pixels])
    some_open = st.tuples(
        st.uuids(), of_pixel, moments, smalls, smalls, smalls, st.booleans(), addresses, of_agent
    )
    quarter = st.tuples(keys, of_campaign, moments, bigs, counts, bigs, counts)
    return {
        "campaigns_campaign": campaigns,
        "campaigns_recipient": recipients,
        "tracker_useragent": agents,
        "tracker_pixel": pixels,
        "tracker_open": draw(unique(some_open, max_size=12)),
        "tracker_quarterhourcounts": draw(unique(quarter, 2, max_size=6)),
        "tracker_fanout": draw(
            unique(
                st.tuples(keys, st.ip_addresses().map(str), moments, moments, counts),
                2,
                max_size=3,
            )
        ),
    }


@pytest.fixture(scope="module")
def ends(
    django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sequence[str]]:
    """Two migrated databases of each kind."""
    with django_db_blocker.unblock(), ExitStack() as stack:
        directory: Path = tmp_path_factory.mktemp("ends")
        for alias in ENDS:
            url = stack.enter_context(database(alias.split("_")[0], directory))
            migrate(url)
            connect(alias, settings_of_target(url))
            with connections[alias].schema_editor() as editor:
                editor.create_model(Everything)
        yield ENDS
        disconnect(*ENDS)


def replace(alias: str, all_tables: Sequence[Table], rows: dict[str, list[Row]]) -> None:
    """What is in the tables becomes these rows."""
    with transaction.atomic(using=alias):
        for table in reversed(all_tables):
            table.clear(alias)
        for table in all_tables:
            table.add(alias, sorted(rows.get(table.name, []), key=lambda row: row[0]))


def settled_rows(source: str, target: str, all_tables: Sequence[Table]) -> None:
    copy_all(source, target, all_tables, lambda name, rows: None)
    with moment(source):
        settle(source, target, all_tables, lambda name, table: None)


quick = settings(
    max_examples=15,
    deadline=None,
)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@quick
@given(first=platforms(), then=platforms())
def test_whatever_the_source_becomes_the_target_becomes_too(
    source: str,
    target: str,
    ends: Sequence[str],
    first: dict[str, list[Row]],
    then: dict[str, list[Row]],
) -> None:
    here, there = f"{source}_1", f"{target}_2"
    all_tables = [table for table in tables() if table.name in first]
    for rows in (first, then):
        replace(here, all_tables, rows)
        settled_rows(here, there, all_tables)
        for table in all_tables:
            expected = sorted(rows[table.name], key=lambda row: row[0])
            for alias in (here, there):
                # Equal, and in one order, whichever database it is.
                arrived = list(table.rows(alias))
                assert len(arrived) == len(expected)
                assert all(map(table.are_equal, expected, arrived))
    settled_rows(here, there, all_tables)
    replace(there, all_tables, {})


@pytest.mark.parametrize(("source", "target"), PAIRS)
@quick
@given(first=unique(everything, max_size=8), then=unique(everything, max_size=8))
def test_every_kind_of_value_survives(
    source: str, target: str, ends: Sequence[str], first: list[Row], then: list[Row]
) -> None:
    here, there = f"{source}_1", f"{target}_2"
    table = Table(Everything)
    for rows in (first, then):
        replace(here, [table], {table.name: rows})
        settled_rows(here, there, [table])
        arrived = list(table.rows(there))
        assert len(arrived) == len(rows)
        assert all(map(table.are_equal, table.rows(here), arrived))
        assert all(map(table.are_equal, sorted(rows, key=lambda row: row[0]), arrived))


def test_each_table_moves_after_those_that_it_refers_to() -> None:
    order = [table.model for table in tables()]
    for place, model in enumerate(order):
        for field in model._meta.concrete_fields:
            if field.remote_field is not None and field.related_model in order:
                assert order.index(field.related_model) <= place


def test_log_ins_stay_behind_and_everything_else_moves() -> None:
    names = {table.name for table in tables()}
    assert {"auth_user", "django_admin_log", "tracker_open", "campaigns_recipient"} <= names
    assert not {name for name in names if "session" in name or name.startswith("axes")}
    assert all(one != other for one, other in pairwise(sorted(names)))
