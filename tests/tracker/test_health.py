from __future__ import annotations

import sqlite3
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client

from tests.conftest import make_campaign, make_hit
from tracker import health
from tracker.models import CampaignCounts
from tracker.spool import Spool

# The pages ask on connections of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_process_says_that_it_lives(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_readiness_tells_of_the_database_and_of_the_spool(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.SPOOL_DIR = settings.NETWORKS_DIR = str(tmp_path)
    state = client.get("/readyz").json()
    assert state["spool"].pop("room_bytes") > 2**20
    assert set(state.pop("networks").values()) == {None}
    assert state == {
        "ready": True,
        "database": "reachable",
        "spool": {
            "empty": True,
            "writable": True,
            "bytes": 0,
            "oldest_seconds": 0.0,
            "refused_bytes": 0,
        },
    }
    Spool(tmp_path).append([make_hit(1)])
    state = client.get("/readyz").json()
    assert (state["ready"], state["spool"]["empty"]) == (True, False)
    assert state["spool"]["bytes"] > 0

    class Away:
        def __init__(self, alias: str) -> None: ...

        def cursor(self) -> Any:
            raise OperationalError("away")

        def close(self) -> None: ...

    monkeypatch.setattr(health, "private_connection", Away)
    # The spool still keeps hits.
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (200, "unreachable")
    settings.SPOOL_DIR = str(tmp_path / "missing")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)


def test_metrics_do_not_exist_for_strangers(client: Client, settings: Any) -> None:
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "t" * 40
    assert client.get("/metrics").status_code == 404
    for wrong in ("Bearer ", "Bearer wrong", "Basic " + "t" * 40, "t" * 40):
        assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 404


def test_metrics_are_read_with_the_token_or_by_an_administrator(
    client: Client, settings: Any, log_in: Callable[[str], Client]
) -> None:
    settings.METRICS_TOKEN = "t" * 40
    answer = client.get("/metrics", headers={"Authorization": "Bearer " + "t" * 40})
    assert answer.status_code == 200
    assert b'glimpse_hits_total{outcome="recorded"}' in answer.content
    for name in (b"glimpse_spool_bytes", b"glimpse_spool_room_bytes", b"glimpse_waiting_hits"):
        assert name in answer.content
    assert b"glimpse_drift" not in answer.content, "nobody has recounted yet"
    assert log_in("administrator").get("/metrics").status_code == 200
    assert log_in("marketer").get("/metrics").status_code == 404


def test_an_empty_token_opens_nothing(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_the_last_recount_stands_in_the_metrics(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "t" * 40
    make_campaign("a@example.com")
    call_command("verify_counts", stdout=StringIO())
    headers = {"Authorization": "Bearer " + "t" * 40}
    assert b"glimpse_drift 0.0" in client.get("/metrics", headers=headers).content
    CampaignCounts.objects.update(opens=7)
    with pytest.raises(SystemExit):
        call_command("verify_counts", stdout=StringIO())
    assert b"glimpse_drift 1.0" in client.get("/metrics", headers=headers).content
    call_command("verify_counts", "--repair", stdout=StringIO())
    assert b"glimpse_drift 0.0" in client.get("/metrics", headers=headers).content


def test_a_full_disk_is_no_place_for_a_spool(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.health.LEAST_ROOM", 2**70)
    assert client.get("/readyz").json()["spool"]["writable"] is False


def test_a_database_that_takes_no_hits_is_not_called_reachable(client: Client) -> None:
    if connection.vendor == "postgresql":
        return  # it takes them while others write
    locker = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    try:
        assert client.get("/readyz").json()["database"] == "unreachable"
    finally:
        locker.close()
    assert client.get("/readyz").json()["database"] == "reachable"
