"""The names of attributes are kept: of what was imported before, and of what is."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from campaigns.attributes import keep_names, names_offered
from campaigns.models import Recipient


@pytest.mark.django_db
def test_an_upgrade_keeps_the_names_that_recipients_have() -> None:
    Recipient.objects.create(email="a@example.com", attributes={"Größe": "1", 'a"b.c': "2"})
    Recipient.objects.create(email="b@example.com", attributes={"Größe": "3", "2024": ""})
    Recipient.objects.create(email="c@example.com", attributes=[1, "x"])
    migration = import_module("campaigns.migrations.0006_attributes")
    migration.keep_names(apps, SimpleNamespace(connection=connection))
    assert set(names_offered()) == {"2024", "Größe", 'a"b.c'}


@pytest.mark.django_db
def test_a_name_is_kept_once() -> None:
    keep_names(["Town", "Tier", ""])
    keep_names(["Town"])
    assert names_offered() == ["Tier", "Town"]
