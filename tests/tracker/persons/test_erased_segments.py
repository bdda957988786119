"""Saved segments say nothing any more of a person who is erased."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from campaigns.models import Recipient
from tests.conftest import emails, make_campaign
from tests.tracker.persons.everywhere import places_in_database
from tracker.breakdowns.refresh import refresh
from tracker.models import Segment
from tracker.persons.erasure import erase, erase_all
from tracker.persons.plans import Person
from tracker.segments.saved import recipients_of

pytestmark = pytest.mark.usefixtures("real_db")

ANN = "ann.miller@millers.example"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, settings: Any) -> None:
    settings.SPOOL_DIR = str(tmp_path)


def add(email: str, name: str = "", **attributes: str) -> Recipient:
    return Recipient.objects.create(email=email, name=name, attributes=attributes)


def segment(kind: str, how: str, value: str, *, name: str = "Some", of: str = "Nr") -> Segment:
    condition = {"kind": kind, "how": how, "name": of, "value": value}
    return Segment.objects.create(name=name, conditions=[condition])


def value_of(one: Segment) -> str:
    one.refresh_from_db()
    return str(one.conditions[0]["value"])


def test_an_address_a_name_and_values_that_nobody_else_has_go_from_segments() -> None:
    ann = add(ANN, "Ann Millerova", Nr="C-4711", Town="Graz")
    add("bob@example.com", Town="Graz", Nr="C-1")
    is_hers = segment("attribute", "is", "C-4711", name="Like Ann Millerova, Graz")
    some = segment("attribute", "one-of", "C-1; C-4711")
    town = segment("attribute", "is", "Graz", of="Town")
    domain = segment("domain", "is", "millers.example", of="")
    address = segment("attribute", "contains", f"asked by {ANN}", of="Note")
    # The same words of another attribute say nothing of her.
    other = segment("attribute", "is", "C-4711", of="Old Nr")
    erase(ann, None)
    assert value_of(is_hers) == "[erased]"
    assert is_hers.name == "Like [erased], Graz"
    assert value_of(some) == "C-1; [erased]"
    assert value_of(town) == "Graz"
    assert value_of(domain) == "[erased]"
    assert value_of(other) == "C-4711"
    assert ANN not in value_of(address)
    other.delete()
    for words in ("C-4711", ANN, "millers.example", "Millerova"):
        assert places_in_database(words) == set()
    assert list(recipients_of(some)) == [Recipient.objects.get(email="bob@example.com")]


def test_a_value_that_only_people_have_who_are_erased_together_goes() -> None:
    people = [add(email, Club="Secret") for email in emails(2)]
    one = segment("attribute", "is", "Secret", of="Club")
    erase_all([Person.of(person) for person in people], None)
    assert value_of(one) == "[erased]"


def test_sums_by_attribute_keep_no_address() -> None:
    campaign = make_campaign(*emails(6))
    Recipient.objects.update(attributes={"Advisor": ANN})
    ann = add(ANN)
    refresh(campaign)
    erase(ann, None)
    assert places_in_database(ANN) == set()
