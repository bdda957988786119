from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign, Recipient, email_key

pytestmark = pytest.mark.django_db


def test_an_address_is_unique_whatever_its_letter_case_and_stored_as_given() -> None:
    Recipient.objects.create(email="Ann.Müller@Example.com")
    assert Recipient.objects.get().email == "Ann.Müller@Example.com"
    with pytest.raises(IntegrityError):
        Recipient.objects.create(email="ANN.MÜLLER@example.COM")


def test_an_address_is_unique_in_bulk_too() -> None:
    with pytest.raises(IntegrityError):
        Recipient.objects.bulk_create(
            [Recipient(email="a@x.example"), Recipient(email="A@X.EXAMPLE")]
        )


def test_a_form_says_that_the_address_exists() -> None:
    Recipient.objects.create(email="a@example.com")
    with pytest.raises(ValidationError, match="There is a recipient with this address already"):
        Recipient(email="A@example.com").full_clean()


def test_changing_an_address_changes_what_it_is_compared_by() -> None:
    recipient = Recipient.objects.create(email="a@example.com")
    recipient.email = "B@example.com"
    recipient.save(update_fields=["email"])
    recipient.refresh_from_db()
    assert recipient.email_key == "b@example.com"


@given(st.emails())
def test_two_spellings_of_one_address_have_one_key(address: str) -> None:
    assert email_key(address.upper()) == email_key(address.lower()) == email_key(f" {address} ")


def test_two_domains_that_only_look_alike_stay_two() -> None:
    assert email_key("info@faß.example") != email_key("info@fass.example")


def test_recipients_are_found_by_a_part_of_address_or_name() -> None:
    ann = Recipient.objects.create(email="Ann@northwind.example", name="Ann Smith")
    bea = Recipient.objects.create(email="bea@contoso.example", name="Bea O'Neil")
    assert list(Recipient.objects.matching("NORTHWIND")) == [ann]
    assert list(Recipient.objects.matching("o'neil")) == [bea]
    assert list(Recipient.objects.matching("example")) == [ann, bea]
    assert list(Recipient.objects.matching("%")) == []


def test_an_archived_campaign_leaves_the_active_ones_and_comes_back() -> None:
    campaign = Campaign.objects.create(name="Spring")
    Campaign.objects.update(archived_at=timezone.now())
    assert list(Campaign.objects.active()) == []
    assert list(Campaign.objects.archived()) == [campaign]
    Campaign.objects.update(archived_at=None)
    assert list(Campaign.objects.active()) == [campaign]


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="Mars/Olympus is not a time zone"):
        Campaign(name="x", time_zone="Mars/Olympus").full_clean()
