from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from campaigns.models import Tombstone
from campaigns.tombstones import Buried, bury, is_erased, lift
from tests.conftest import emails

pytestmark = pytest.mark.django_db


def test_of_many_addresses_those_that_were_erased_are_found() -> None:
    for number in (3, 700):
        bury(emails(1000)[number])
    assert is_erased(emails(1000)) == {"r0003@example.com", "r0700@example.com"}
    assert is_erased([]) == set()


def test_a_tombstone_does_not_say_whose_it_is() -> None:
    bury("ann@example.com")
    (stone,) = Tombstone.objects.values()
    assert "ann" not in str(stone)
    assert len(stone["email_hash"]) == 64


def test_what_is_lifted_may_come_back(django_assert_num_queries: Any) -> None:
    bury("ann@example.com")
    bury("ann@example.com")
    assert lift("ann@example.com")
    assert not lift("ann@example.com")
    with django_assert_num_queries(1):
        assert is_erased(["ann@example.com"]) == set()


def test_a_tombstone_outlives_its_key_as_long_as_that_is_a_fallback(settings: Any) -> None:
    bury("ann@example.com")
    old, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 50
    assert is_erased(["ann@example.com"]) == set()
    settings.SECRET_KEY_FALLBACKS = [old]
    assert is_erased(["ann@example.com", "bob@example.com"]) == {"ann@example.com"}
    assert lift("ann@example.com")
    assert not Tombstone.objects.exists()


def test_addresses_of_stubs_are_nobodys() -> None:
    assert is_erased(["erased-5@erased.invalid", "a@b.example"]) == {"erased-5@erased.invalid"}


@given(st.lists(st.text(min_size=1, max_size=12), max_size=6, unique=True), st.data())
@settings_of_hypothesis(max_examples=20, deadline=None)
def test_asked_a_million_times_without_the_database_the_answer_is_the_same(
    keys: list[str], data: st.DataObject
) -> None:
    with transaction.atomic():
        for key in data.draw(st.lists(st.sampled_from(keys or ["a"]), max_size=3)):
            bury(key)
        assert Buried().among(keys) == is_erased(keys)
        transaction.set_rollback(True)
